/*
 * task.h
 *	  What people may or have to do while states of a process are active.
 */
#ifndef WF_PROCESS_TASK_H
#define WF_PROCESS_TASK_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"
#include "store/changes.h"
#include "store/task_row.h"

extern void wf_task_arm(WfProcess *process, const WfState *state, const WfEvent *event);
extern void wf_task_move(WfProcess *process, const WfState *from, const WfState *to,
						 WfChanges *changes);
extern void wf_task_disarm(WfProcess *process, const WfState *state);
extern void wf_task_stepped(WfProcess *process, const char *event, const char *actor);
extern void wf_task_write(WfProcess *process, WfChanges *changes);
extern const WfTask *wf_task_of(const WfProcess *process, const char *state);

#endif							/* WF_PROCESS_TASK_H */

/*
 * process_timer.h
 *	  The timers of a process while it is being stepped.
 */
#ifndef WF_PROCESS_TIMER_H
#define WF_PROCESS_TIMER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"
#include "store/change_sets.h"

extern void wf_process_timer_arm(WfProcess *process, const WfState *state,
								 const WfEvent *event);
extern void wf_process_timer_disarm(WfProcess *process, const WfState *state);
extern void wf_process_timer_send(WfProcess *process, const char *event, Jsonb *data,
								  const char *id, TimestampTz due, const char *actor);
extern void wf_process_timer_cancel(WfProcess *process, const char *id);
extern TimestampTz wf_process_timer_reset(WfProcess *process, const WfState *state,
										  const WfTimer *timer, TimestampTz due);
extern void wf_process_timer_write(WfProcess *process, WfChanges *out);
extern void wf_process_timer_queue_self(WfProcess *process, const char *event, Jsonb *data,
										const char *actor);

#endif							/* WF_PROCESS_TIMER_H */

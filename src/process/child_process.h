/*
 * child_process.h
 *	  Processes that a state invokes while it is active.
 */
#ifndef WF_CHILD_PROCESS_H
#define WF_CHILD_PROCESS_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_event.h"
#include "process/child_list.h"
#include "process/process.h"

extern const char *wf_child_process_refusal(WfProcess *process, const WfInvoke *invoke,
											WfDefinition **definition, int *code);
extern void wf_child_process_invoke(WfProcess *process, const WfInvoke *invoke,
									const WfEvent *event);
extern void wf_child_process_start(WfProcess *process, WfChild *child);
extern void wf_child_process_cancel(WfProcess *process, const pg_uuid_t *id, WfDefinition *made);

#endif							/* WF_CHILD_PROCESS_H */

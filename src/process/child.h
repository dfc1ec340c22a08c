/*
 * child.h
 *	  Children: the processes that a state invokes while it is active.
 */
#ifndef WF_CHILD_H
#define WF_CHILD_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_event.h"
#include "process/child_list.h"
#include "process/process.h"

extern void wf_child_invoke(WfProcess *process, const WfInvoke *invoke,
							const WfEvent *event);
extern void wf_children_invoke(WfProcess *process, const WfState *state,
							   const WfEvent *event);
extern void wf_children_start(WfProcess *process, const WfState *state);
extern void wf_child_let_go(WfProcess *process, WfChild *child, bool detached);
extern void wf_children_let_go(WfProcess *process, const WfState *state);
extern void wf_children_cancel(WfProcess *process, bool sound);
extern void wf_child_tell(WfProcess *process, const char *prefix, Jsonb *data);

#endif							/* WF_CHILD_H */

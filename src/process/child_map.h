/*
 * child_map.h
 *	  Processes and runs that a state invokes for each element of an array.
 */
#ifndef WF_CHILD_MAP_H
#define WF_CHILD_MAP_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_list.h"
#include "process/process.h"
#include "store/timer.h"

/* What an event is that comes from a child which is none of the list. */
typedef enum WfHeard
{
	WF_HEARD_NOTHING,			/* of nobody */
	WF_HEARD_EVENT,				/* one for the states */
	WF_HEARD_END				/* the end of an element, and nothing more */
} WfHeard;

extern bool wf_child_map_array(WfProcess *process, const WfInvoke *invoke, const WfEvent *event,
							   Jsonb **array);
extern void wf_child_map_empty(WfProcess *process, const WfInvoke *invoke);
extern void wf_child_map_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event);
extern void wf_child_map_start(WfProcess *process, WfChild *map, const WfInvoke *invoke);
extern void wf_child_map_let_go(WfProcess *process, WfChild *map, bool detached);
extern WfHeard wf_child_map_hear(WfProcess *process, WfTimerRow *timer);

#endif							/* WF_CHILD_MAP_H */

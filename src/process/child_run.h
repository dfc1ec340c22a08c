/*
 * child_run.h
 *	  Runs of jobs that a state invokes while it is active.
 */
#ifndef WF_CHILD_RUN_H
#define WF_CHILD_RUN_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_list.h"
#include "process/process.h"

/* What an invoke says of its runs; NULL and 0: as their job says. */
typedef struct WfRunOrder
{
	const WfInvoke *invoke;
	char	   *queue;
	char	   *partition;
	Jsonb	   *priority;
	int64		timeout;		/* us */
	const char *actor;			/* or NULL */
	const char *trace;			/* the span of the step that has invoked them, or NULL */
} WfRunOrder;

extern bool wf_child_run_order(WfProcess *process, const WfInvoke *invoke, const WfEvent *event,
							   WfRunOrder *order);
extern WfRunRow *wf_child_run_make(WfProcess *process, const WfRunOrder *order, Jsonb *params,
								   bool is_element, Jsonb **error);
extern void wf_child_run_invoke(WfProcess *process, const WfInvoke *invoke,
								const WfEvent *event);
extern void wf_child_run_start(WfProcess *process, WfChild *child);
extern void wf_child_run_let_go(WfProcess *process, const pg_uuid_t *id);
extern void wf_child_run_write(WfStepper *stepper);

#endif							/* WF_CHILD_RUN_H */

/*
 * step.h
 *	  Steps: an event, a process in memory, and what comes of it.
 *
 * A stepper is one transaction's worth of steps.  It takes locked rows, runs
 * macrosteps through the interpreter and collects what is to be written.
 * Everything lives in the memory context that was current when it was made.
 */
#ifndef WF_STEP_H
#define WF_STEP_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "process/process.h"
#include "store/timer.h"

extern bool wf_step_is_queued(const WfProcess *process);
extern void wf_step_queue(WfProcess *process, const WfTimerRow *timer);
extern int	wf_step_run(WfStepper *stepper, WfProcess *process,
						bool (*stop) (void *arg), void *arg);

/* What became of an event. */
typedef enum WfVerdict
{
	WF_IGNORED,
	WF_TAKEN,
	WF_DEFERRED,
	WF_REFUSED
} WfVerdict;

extern WfVerdict wf_step_send(WfStepper *stepper, WfProcess *process,
							const char *event, Jsonb *data, const char *actor);
extern void wf_step_start(WfStepper *stepper, WfProcess *process, Jsonb *input,
						  const char *actor);
extern void wf_step_cancel(WfStepper *stepper, WfProcess *process, const char *actor);

/*
 * Move to `states`, which have passed wf_chart_settle(): see wf_interpret_move().  data:
 * what the history is told.  Then runs what the process sent to itself.  A
 * process whose start failed is entered there.
 */
#define WF_SET_STATES_EVENT "workflow.set_states"
extern void wf_step_move(WfStepper *stepper, WfProcess *process,
						 const WfStateId *states, int n, bool execute,
						 Jsonb *data, const char *actor);

/* What the expression for the delay of a timer that is reset sees as its event. */
#define WF_RESET_TIMER_EVENT "workflow.reset_timer"

#endif							/* WF_STEP_H */

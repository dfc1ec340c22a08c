/*
 * step.h
 *	  Steps: an event is delivered to a process in memory.
 */
#ifndef WF_STEP_H
#define WF_STEP_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "process/process.h"
#include "store/timer.h"

/* The events of steps that wf_step_move() and wf_process_set_timer() make. */
#define WF_SET_STATES_EVENT "workflow.set_states"
#define WF_RESET_TIMER_EVENT "workflow.reset_timer"

/* What became of an event. */
typedef enum WfVerdict
{
	WF_IGNORED,					/* no active state handles it */
	WF_TAKEN,					/* a transition was taken */
	WF_DEFERRED,				/* kept for later */
	WF_REFUSED,					/* `allow` kept its actor from a transition */
	WF_UNKNOWN					/* no version of the definition knows it */
} WfVerdict;

extern void wf_step_start(WfStepper *stepper, WfProcess *process, Jsonb *input,
						  const char *actor);
extern WfVerdict wf_step_send(WfStepper *stepper, WfProcess *process,
							  const char *event, Jsonb *data, const char *actor,
							  const char *trace);
extern WfVerdict wf_step_deliver(WfProcess *process, const WfTimerRow *timer,
								 TimestampTz due, bool refuse);
extern void wf_step_enter(WfProcess *process, Jsonb *input, const char *actor);
extern void wf_step_finish(WfProcess *process, const char *event, TimestampTz due,
						   bool taken, const char *actor, Jsonb *data);
extern void wf_step_cancel(WfStepper *stepper, WfProcess *process, const char *actor);
extern Jsonb *wf_step_with_note(Jsonb *data, const char *note);
extern void wf_step_note(WfProcess *process, const char *event, Jsonb *data,
						 const char *actor, const char *note);
extern void wf_step_move(WfStepper *stepper, WfProcess *process,
						 const WfStateId *states, int n, bool execute,
						 Jsonb *data, const char *actor);

#endif							/* WF_STEP_H */

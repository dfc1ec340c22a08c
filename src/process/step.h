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

#include "definition/definition.h"
#include "store/process_row.h"

typedef struct WfStepper WfStepper;
typedef struct WfProcess WfProcess;

/* claimed: see wf_output_new(). */
extern WfStepper *wf_stepper_new(int32 claimed);

/*
 * Its processes are those of timers that were claimed together: what an action
 * of one of them cannot do to another one, it could have done alone.  Before the
 * first process is added.
 */
extern void wf_stepper_is_batch(WfStepper *stepper);

/*
 * Has another stepper, inside of an action of ours, written since this one was
 * made?  Rows that were read before may have been changed.
 */
extern bool wf_stepper_is_late(const WfStepper *stepper);

/* The stepper's collected output; for what comes beside steps. */
extern WfOutput *wf_stepper_output(WfStepper *stepper);

/*
 * A locked process.  Error WF005 when an outer call of this session is
 * stepping the same one: an action cannot command its own process; error 55P03
 * when it is in the same batch as that one.
 */
extern WfProcess *wf_stepper_add(WfStepper *stepper, const WfRow *row);

/*
 * A process that is not stored yet: initialized, no states, context as given.
 * It is found by wf_stepping() from now on.
 */
extern WfProcess *wf_stepper_add_new(WfStepper *stepper, WfDefinition *definition,
									 const pg_uuid_t *id, Jsonb *context,
									 const char *key);

extern WfDefinition *wf_process_definition(const WfProcess *process);
extern const WfRow *wf_process_row(const WfProcess *process);
/* Its context, not toasted. */
extern Jsonb *wf_process_context(WfProcess *process);

/* What starts a process whose start() was for later. */
#define WF_START_EVENT "workflow.start"

/* What ends a child that its parent has let go. */
#define WF_CANCEL_EVENT "workflow.cancel"

/* An event of its own for another process, which is not due before now. */
#define WF_FORWARD_EVENT "workflow.forward"

/*
 * The context that a process begins with: that of its definition, evaluated
 * as its owner, with the input (an object, or NULL) laid over it.
 */
extern Jsonb *wf_initial_context(WfDefinition *definition, Jsonb *input,
								 const char *actor);

/*
 * Does a process keep this timer until it is resumed, or has started?  A
 * parent's cancel is the last word: that it never keeps.
 */
extern bool wf_row_parks(const WfRow *row, const WfTimerRow *timer);

/* Is anything queued? */
extern bool wf_process_is_queued(const WfProcess *process);

/* Put a timer that was claimed before its process into the queue of the step. */
extern void wf_process_queue(WfProcess *process, const WfTimerRow *timer);

/*
 * Run the queue of a process: its claimed timers in order, then what it sent
 * to itself.  Stops early when *stop is set (checked between events).  Returns
 * the number of events taken off.  What is left stays queued and is written
 * back as timers.
 */
extern int	wf_process_run(WfStepper *stepper, WfProcess *process,
						   bool (*stop) (void *arg), void *arg);

/* What became of an event. */
typedef enum WfVerdict
{
	WF_IGNORED,
	WF_TAKEN,
	WF_DEFERRED,
	WF_REFUSED
} WfVerdict;

/*
 * One event at once: a command.  Returns what became of it.  Then runs what
 * the process sent to itself.  Error WF002 when its actor is not allowed to
 * cause what it would cause.
 */
extern WfVerdict wf_process_send(WfStepper *stepper, WfProcess *process,
							const char *event, Jsonb *data, const char *actor);

/* Enter the initial states.  input: what it was started with, or NULL. */
extern void wf_process_start(WfStepper *stepper, WfProcess *process, Jsonb *input,
							 const char *actor);

/* Leave all states and end as terminated. */
extern void wf_process_cancel(WfStepper *stepper, WfProcess *process, const char *actor);

/*
 * Move to `states`, which have passed wf_chart_settle(): see wf_move().  data:
 * what the history is told.  Then runs what the process sent to itself.  A
 * process whose start failed is entered there.
 */
#define WF_SET_STATES_EVENT "workflow.set_states"
extern void wf_process_move(WfStepper *stepper, WfProcess *process,
							const WfStateId *states, int n, bool execute,
							Jsonb *data, const char *actor);

/* Suspend, resume, change the status: what is written of the row. */
extern void wf_process_set(WfProcess *process, WfStatus status, bool suspended);

/* What the expression for the delay of a timer that is reset sees as its event. */
#define WF_RESET_TIMER_EVENT "workflow.reset_timer"

/*
 * Start the timer `name` of an active state anew: at `due`, or (due
 * DT_NOBEGIN) as on entry.  Returns the due time, DT_NOEND for never.
 * Error WF008 when no active state has one of this name.
 */
extern TimestampTz wf_process_set_timer(WfStepper *stepper, WfProcess *process,
										const char *name, TimestampTz due);

/* For each handler of an active state, in document order. */
extern void wf_process_events(WfStepper *stepper, WfProcess *process, const char *actor,
							  void (*found) (void *arg, const char *event, bool enabled),
							  void *arg);

/* text[] of all active states, those that contain others included. */
extern ArrayType *wf_process_active(WfProcess *process);

/* Has an active state a transition for this event, whatever its guard says? */
extern bool wf_process_handles(WfProcess *process, const char *event);

/* Does an active state have a way out by a command or a timer? */
extern bool wf_process_has_exit(WfProcess *process);

/*
 * Write everything that the steps came to, and tell the wake room.  Returns
 * the earliest due time written (infinity: none).
 */
extern TimestampTz wf_stepper_write(WfStepper *stepper);

/* The end of a stepper, after the write or when there is nothing to write. */
extern void wf_stepper_end(WfStepper *stepper);

/*
 * Is a process being stepped by this session right now?  Its definition, or
 * NULL.
 */
extern WfDefinition *wf_stepping(const pg_uuid_t *id);

#endif							/* WF_STEP_H */

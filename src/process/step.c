/*-------------------------------------------------------------------------
 *
 * step.c
 *	  Steps: an event, a process in memory, and what comes of it.
 *
 * Runs in any backend: in a client's session for commands, in an executor
 * for timers; under the locks on the rows it was given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/guc.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/user_context.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/allow.h"
#include "process/child.h"
#include "process/child_list.h"
#include "process/context.h"
#include "process/deferred.h"
#include "process/host.h"
#include "process/process.h"
#include "process/restore.h"
#include "process/send.h"
#include "process/step.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* --- the end of a step ------------------------------------------------- */

/* After a macrostep: bring the row up to the machine and note the step. */
static void
finish_step(WfProcess *process, const char *event, TimestampTz due, bool taken,
			const char *actor, Jsonb *data)
{
	WfMachine  *machine = process->machine;
	Datum		from_states = process->row.states;
	const WfStateId *leaves;
	int			n;

	if (taken)
	{
		n = wf_machine_leaves(machine, &leaves);
		process->row.states = PointerGetDatum(wf_definition_states_array(process->definition,
																		 leaves, n));
		process->row.status = machine->running ? WF_IDLED : WF_FINALIZED;
		if (machine->history_changed)
			process->row.history = JsonbPGetDatum(wf_restore_history_jsonb(machine));
	}
	process->row.step++;
	process->changed = true;
	wf_changes_history(process->stepper->out, &process->row, event, wf_clock_now(), due,
					   taken, from_states, process->row.states, actor, data,
					   process->reason);
	if (unlikely(process->stepper->onlooker != NULL))
		process->stepper->onlooker->stepped(process->stepper->onlooker, event,
											due, taken, from_states);
	process->reason = NULL;
}

/* --- steps ------------------------------------------------------------- */

/* Why nobody took it. */
static WfVerdict
why_not(WfProcess *process, const WfTimerRow *timer, const WfEvent *event)
{
	const char *state;

	process->refusal = process->refused == NIL ? NULL :
		wf_allow_refusal(process, event);
	if (process->refusal != NULL)
	{
		process->reason = "refused";
		return WF_REFUSED;
	}
	state = wf_deferred_by(process, timer->event);
	if (state == NULL)
		return WF_IGNORED;
	wf_deferred_keep(process, timer, state);
	process->reason = "deferred";
	return WF_DEFERRED;
}

/* An event from outside.  refuse: an error if it is refused. */
static WfVerdict
step_alone(WfProcess *process, const WfTimerRow *timer, TimestampTz due, bool refuse)
{
	WfPayload	payload = {.data = timer->data,.actor = timer->actor};
	WfEvent		external = {timer->event, &payload};
	WfVerdict	verdict = WF_TAKEN;

	WF_PUSH_STEP(process, timer->event);
	if (strncmp(timer->event, WF_DONE_INVOKE, strlen(WF_DONE_INVOKE)) == 0)
	{
		payload.output = timer->data;
		payload.data = NULL;
	}
	process->refused = NIL;
	if (!wf_interpret_event(process->machine, &external))
		verdict = why_not(process, timer, &external);
	wf_user_context_leave(&process->bracket);
	if (verdict == WF_REFUSED && refuse)
		wf_allow_refuse(process->refusal, timer->event, timer->actor);
	finish_step(process, timer->event, due, verdict == WF_TAKEN, timer->actor, timer->data);
	WF_POP_STEP();
	return verdict;
}

/*
 * What was kept for later and need not wait any longer, the oldest first, before
 * anything that came later.
 */
static void
work_deferred(WfProcess *process)
{
	WfTimerRow	kept;

	while (process->machine->running &&
		   wf_deferred_next(process, &kept, wf_process_would_take))
		if (step_alone(process, &kept, DT_NOBEGIN, false) == WF_DEFERRED)
			break;
}

/* An event from outside, and what it brings back of those that were kept. */
static WfVerdict
step(WfProcess *process, const WfTimerRow *timer, TimestampTz due, bool refuse)
{
	bool		deferring = wf_deferred_wanted(process);
	WfVerdict	verdict = step_alone(process, timer, due, refuse);

	if (unlikely(deferring) && verdict == WF_TAKEN)
		work_deferred(process);
	return verdict;
}

static void
start_machine(WfProcess *process, Jsonb *input, const char *actor)
{
	WfPayload	payload = {.data = input,.actor = actor};

	WF_PUSH_STEP(process, WF_START_EVENT);
	/* A parent's step is no place for code of the child's owner. */
	if (process->row.has_parent)
		wf_context_set(process, wf_context_initial(process->definition, input, actor));
	wf_restore(process);
	process->boundary.name = WF_START_EVENT;
	process->boundary.payload = &payload;
	wf_interpret_start(process->machine);
	process->boundary.payload = NULL;
	wf_user_context_leave(&process->bracket);
	finish_step(process, WF_START_EVENT, DT_NOBEGIN, true, actor, NULL);
	WF_POP_STEP();
}

/* What the process sent to itself, until nothing is left. */
static void
run_self_events(WfProcess *process)
{
	while (process->head < process->nqueue && process->machine->running)
	{
		WfTimerRow	timer = process->queue[process->head].timer;

		if (process->queue[process->head++].dead)
			continue;
		if (process->self_left-- <= 0)
			wf_process_host.too_many_microsteps(process, wf_max_microsteps);
		step(process, &timer, DT_NOBEGIN, false);
	}
}

/* Enter the initial states.  input: what it was started with, or NULL. */
void
wf_step_start(WfStepper *stepper, WfProcess *process, Jsonb *input,
			  const char *actor)
{
	process->self_left = wf_max_microsteps;
	start_machine(process, input, actor);
	run_self_events(process);
}

/*
 * One event at once: a command.  Returns what became of it.  Then runs what
 * the process sent to itself.  Error WF002 when its actor is not allowed to
 * cause what it would cause.
 */
WfVerdict
wf_step_send(WfStepper *stepper, WfProcess *process, const char *event,
			 Jsonb *data, const char *actor)
{
	WfTimerRow	timer = {.process = process->row.id,.event = event,.data = data,
	.actor = actor};
	WfVerdict	verdict;

	process->self_left = wf_max_microsteps;
	wf_restore(process);
	verdict = step(process, &timer, DT_NOBEGIN, true);
	run_self_events(process);
	return verdict;
}

/* Is anything queued? */
bool
wf_step_is_queued(const WfProcess *process)
{
	return process->head < process->nqueue;
}

/* Put a timer that was claimed before its process into the queue of the step. */
void
wf_step_queue(WfProcess *process, const WfTimerRow *timer)
{
	wf_array_grow(process->queue, process->nqueue, process->queue_size)->timer = *timer;
}

/* What nobody can send but us.  Returns false when it is something else. */
static bool
deliver_ours(WfProcess *process, const WfTimerRow *timer)
{
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
	{
		process->disowned = true;
		wf_step_cancel(process->stepper, process, timer->actor);
	}
	else if (strcmp(timer->event, WF_FORWARD_EVENT) == 0)
		wf_send_forward(process, timer);
	else
		return false;
	return true;
}

/* Deliver one timer that was claimed. */
static void
deliver(WfProcess *process, WfTimerRow *timer)
{
	process->current = timer;
	if (strncmp(timer->event, "workflow.", strlen("workflow.")) == 0 &&
		deliver_ours(process, timer))
		;
	else if (process->row.status == WF_INITIALIZED)
	{
		start_machine(process, timer->data, timer->actor);
		process->unpark = true;
	}
	else if (timer->from_child && !wf_child_list_counts(process, timer))
		finish_step(process, timer->event, timer->due, false, timer->actor, timer->data);
	else
		step(process, timer, timer->due, false);
	process->current = NULL;
	wf_changes_settled(process->stepper->out, timer);
}

/*
 * Run the queue of a process: its claimed timers in order, then what it sent
 * to itself.  Stops early when *stop is set (checked between events).  Returns
 * the number of events taken off.  What is left stays queued and is written
 * back as timers.
 */
int
wf_step_run(WfStepper *stepper, WfProcess *process,
			bool (*stop) (void *arg), void *arg)
{
	int			done = 0;

	wf_restore(process);
	while (process->head < process->nqueue)
	{
		WfTimerRow	timer;

		if (done > 0 && stop != NULL && stop(arg))
			break;
		timer = process->queue[process->head].timer;
		if (process->queue[process->head++].dead)
			continue;
		if (wf_process_row_is_over(&process->row))
		{
			wf_changes_settled(process->stepper->out, &timer);
			continue;
		}
		if (timer.seq != 0)
			process->self_left += wf_max_microsteps;
		else if (process->self_left-- <= 0)
			wf_process_host.too_many_microsteps(process, wf_max_microsteps);
		deliver(process, &timer);
		done++;
	}
	return done;
}

/* Leave all states and end as terminated. */
void
wf_step_cancel(WfStepper *stepper, WfProcess *process, const char *actor)
{
	WfPayload	payload = {.actor = actor};
	WfEvent		event = {"workflow.cancel", &payload};

	WF_PUSH_STEP(process, event.name);
	wf_restore(process);
	process->boundary = event;
	if (process->row.status != WF_INITIALIZED)
	{
		wf_interpret_stop(process->machine, &event);
		wf_user_context_leave(&process->bracket);
	}
	finish_step(process, event.name, DT_NOBEGIN, true, actor, NULL);
	process->row.states = PointerGetDatum(construct_empty_array(TEXTOID));
	process->row.status = WF_TERMINATED;
	process->boundary.payload = NULL;
	wf_child_tell(process, WF_ERROR_INVOKE,
				  wf_child_error(unpack_sql_state(ERRCODE_QUERY_CANCELED),
								 "the process was cancelled"));
	WF_POP_STEP();
}

void
wf_step_move(WfStepper *stepper, WfProcess *process, const WfStateId *states,
			 int n, bool execute, Jsonb *data, const char *actor)
{
	WfPayload	payload = {.data = data,.actor = actor};
	WfEvent		event = {WF_SET_STATES_EVENT, &payload};
	bool		deferring;

	WF_PUSH_STEP(process, event.name);
	process->self_left = wf_max_microsteps;
	wf_restore(process);
	deferring = wf_deferred_wanted(process);
	wf_interpret_move(process->machine, states, n, !execute, &event);
	wf_user_context_leave(&process->bracket);
	finish_step(process, event.name, DT_NOBEGIN, true, actor, data);
	WF_POP_STEP();

	/* Where nothing follows they come as what was posted does. */
	if (deferring && execute && !process->row.suspended)
		work_deferred(process);
	else if (deferring && process->machine->running)
	{
		wf_deferred_load(process);
		wf_deferred_release(process, process->row.suspended);
	}
	run_self_events(process);
}

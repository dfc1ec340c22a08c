/*-------------------------------------------------------------------------
 *
 * step.c
 *	  Steps: an event is delivered to a process in memory.
 *
 * Runs in any backend: in a client's session for commands, in an executor for
 * timers.  The caller has locked the process row; a step locks no other
 * process.  One path serves both: the machine of the process is restored from
 * its row, the interpreter runs one macrostep, and wf_step_finish() brings the row
 * up to date and adds a row to the history.  Nothing is written here, see
 * step_write.c.  What comes by timers is in step_mail.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/sensitive.h"
#include "eval/user_context.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/allow.h"
#include "process/child.h"
#include "process/context.h"
#include "process/deferred.h"
#include "process/event_scope.h"
#include "process/hidden.h"
#include "process/host.h"
#include "process/known.h"
#include "process/observer.h"
#include "process/policy.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/restore.h"
#include "process/step.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "process/task.h"
#include "store/changes.h"
#include "store/load_note.h"
#include "store/status.h"
#include "store/timer.h"

/* --- the end of a step ------------------------------------------------- */

/*
 * The data of a row of the history, an object or NULL, with an operator's note (or
 * NULL), which workflow.process_history shows in a column of its own.
 */
Jsonb *
wf_step_with_note(Jsonb *data, const char *note)
{
	static const char *keys[] = {"note"};
	Jsonb	   *values[] = {note == NULL ? NULL : wf_jsonb_string(note)};

	if (note == NULL)
		return data;
	return wf_jsonb_merge(data == NULL ? wf_jsonb_object(0, NULL, NULL) : data,
						  wf_jsonb_object(1, keys, values));
}

/*
 * End a macrostep: set the row to what the machine says, if a transition was
 * taken, and add a row to the history.  due: when the event was due, or
 * DT_NOBEGIN for one that came at once.
 */
void
wf_step_finish(WfProcess *process, const char *event, TimestampTz due, bool taken,
			   const char *actor, Jsonb *data)
{
	WfMachine  *machine = process->machine;
	Datum		from_states = process->row.states;
	TimestampTz now = wf_clock_now();
	const WfStateId *leaves;
	int			n;

	if (taken)
	{
		n = wf_machine_leaves(machine, &leaves);
		process->row.states = PointerGetDatum(wf_definition_states_array(process->definition,
																		 leaves, n));
		process->row.status = machine->running ? WF_IDLED : WF_FINALIZED;
		if (!machine->running)
			process->row.suspended = false;
		if (machine->history_changed)
			process->row.history = JsonbPGetDatum(wf_restore_history_jsonb(machine));
	}
	process->row.step++;
	process->changed = true;
	if (due != DT_NOBEGIN)
	{
		process->lag += wf_load_note_late(due, now);
		process->lags++;
	}
	if (unlikely(process->closings != NIL))
		wf_task_stepped(process, event, actor);
	if (unlikely(process->remark != NULL))
	{
		data = wf_step_with_note(data, process->remark);
		process->remark = NULL;
	}
	wf_changes_history(process->stepper->changes, &process->row, event, now, due,
					   taken, from_states, process->row.states, actor, data,
					   process->reason, &process->traced);
	if (unlikely(process->stepper->observer != NULL))
		process->stepper->observer->stepped(process->stepper->observer, event,
											due, taken, from_states);
	process->reason = NULL;
}

/*
 * Note in the history what an operator does to a process, and count it as a step:
 * event, with data (or NULL), on behalf of this actor; note may be NULL.  A process
 * that has not started has no history.
 */
void
wf_step_note(WfProcess *process, const char *event, Jsonb *data, const char *actor,
			 const char *note)
{
	process->changed = true;
	if (process->row.step == 0)
		return;
	wf_step_trace_begin(process, wf_guc_traceparent());
	process->row.step++;
	wf_changes_history(process->stepper->changes, &process->row, event, wf_clock_now(),
					   DT_NOBEGIN, true, process->row.states, process->row.states,
					   actor, wf_step_with_note(data, note), NULL, &process->traced);
}

/* --- steps ------------------------------------------------------------- */

/*
 * No transition took the event: find out why, and keep it for later if a state
 * defers it.  Sets process->reason for the history.
 */
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
	if (state == NULL && !wf_known_event(process, timer->event))
	{
		process->reason = "unknown";
		return WF_UNKNOWN;
	}
	if (state == NULL)
		return WF_IGNORED;
	wf_deferred_keep(process, timer, state);
	process->reason = "deferred";
	return WF_DEFERRED;
}

/*
 * One step: deliver an event that is not the process's own and finish.
 * refuse: error WF002 if `allow` kept its actor from a transition; WF015 if no
 * version knows the event and workflow.unknown_events says so.
 */
static WfVerdict
step_alone(WfProcess *process, const WfTimerRow *timer, TimestampTz due, bool refuse)
{
	WfPayload	payload = {.data = timer->data,.actor = timer->actor,
	.due = due == DT_NOBEGIN ? 0 : due};
	WfEvent		external = {timer->event, &payload};
	WfVerdict	verdict = WF_TAKEN;

	WF_PUSH_STEP(process, timer->event);
	wf_step_trace_begin(process, timer->trace);
	wf_policy_forget();
	if (strncmp(timer->event, WF_DONE_INVOKE, strlen(WF_DONE_INVOKE)) == 0)
	{
		payload.output = timer->data;
		payload.data = process->failures;
	}
	else if (strncmp(timer->event, WF_ERROR_INVOKE, strlen(WF_ERROR_INVOKE)) == 0)
		payload.failure = timer->data;
	payload.votes = process->votes;
	process->votes = NULL;		/* what the process sends to itself has none */
	process->refused = NIL;
	process->reason = NULL;		/* of a command that was refused before, see send_many() */
	if (!wf_interpret_event(process->machine, &external))
		verdict = why_not(process, timer, &external);
	wf_user_context_leave(&process->user_context);
	process->stepper->refusing = refuse;
	if (verdict == WF_REFUSED && refuse)
		wf_allow_refuse(process->refusal, timer->event, timer->actor);
	if (verdict == WF_UNKNOWN)
		wf_known_tell(process->definition->name, timer->event, refuse);
	process->stepper->refusing = false;
	wf_step_finish(process, timer->event, due, verdict == WF_TAKEN, timer->actor, timer->data);
	WF_POP_STEP();
	return verdict;
}

/*
 * Deliver the events that were kept for later and that no active state defers
 * any more, the oldest first, before any event that came after them.
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

/*
 * Deliver an event, as step_alone(), and then deferred events that need not wait any more.
 * Returns what became of the first.
 */
WfVerdict
wf_step_deliver(WfProcess *process, const WfTimerRow *timer, TimestampTz due, bool refuse)
{
	bool		deferring = process->was_deferring = wf_deferred_wanted(process);
	WfVerdict	verdict = step_alone(process, timer, due, refuse);

	if (unlikely(deferring) && verdict == WF_TAKEN)
		work_deferred(process);
	return verdict;
}

/* The step that enters the initial states. */
void
wf_step_enter(WfProcess *process, Jsonb *input, const char *actor)
{
	WfPayload	payload = {.data = input,.actor = actor,
	.due = process->current != NULL ? process->current->due : 0};

	WF_PUSH_STEP(process, WF_START_EVENT);
	wf_step_trace_begin(process, NULL);
	/*
	 * The step of the parent made it with an empty context, because code of
	 * the child's owner must not run in there.
	 */
	if (process->row.has_parent)
		wf_context_set(process, wf_context_initial(process->definition, input, actor, NULL,
												   process->user_context.tenant));
	wf_restore(process);
	process->boundary.name = WF_START_EVENT;
	process->boundary.payload = &payload;
	wf_interpret_start(process->machine);
	process->boundary.payload = NULL;
	wf_user_context_leave(&process->user_context);
	wf_step_finish(process, WF_START_EVENT,
				   process->current != NULL ? process->current->due : DT_NOBEGIN, true, actor, NULL);
	WF_POP_STEP();
}

/*
 * Deliver what the process sent to itself until its mailbox is empty.  Error
 * 54000 if that goes on for more than workflow.max_microsteps events.
 */
static void
run_self_events(WfProcess *process)
{
	while (process->mailbox_head < process->nmailbox && process->machine->running)
	{
		WfTimerRow	timer = process->mailbox[process->mailbox_head].timer;

		if (process->mailbox[process->mailbox_head++].dead)
			continue;
		if (process->self_left-- <= 0)
			wf_process_host.too_many_microsteps(process, wf_max_microsteps);
		wf_step_deliver(process, &timer, DT_NOBEGIN, false);
	}
}

/* What a client asks a process to do. */
typedef struct Order
{
	WfProcess  *process;
	const char *event;			/* a command; NULL: to start */
	Jsonb	   *data;
	const char *actor;
	const char *trace;			/* the context in which the command came, or NULL */
} Order;

static WfVerdict
obey(const Order *order)
{
	WfProcess  *process = order->process;
	WfTimerRow	timer = {.process = process->row.id,.event = order->event,.data = order->data,
	.actor = order->actor,.trace = order->trace};
	WfVerdict	verdict = WF_TAKEN;

	process->self_left = wf_max_microsteps;
	if (order->event == NULL)
		wf_step_enter(process, order->data, order->actor);
	else
	{
		wf_restore(process);
		verdict = wf_step_deliver(process, &timer, DT_NOBEGIN, true);
	}
	run_self_events(process);
	return verdict;
}

/* The same for a client who must not see all: errors quote what they met. */
static WfVerdict
obey_hidden(const Order *order)
{
	MemoryContext context = CurrentMemoryContext;
	WfVerdict	verdict;

	PG_TRY();
	{
		verdict = obey(order);
	}
	PG_CATCH();
	{
		wf_hidden_rethrow(order->process, order->data, context);
	}
	PG_END_TRY();
	return verdict;
}

/*
 * Start a process: enter its initial states, then deliver what it sends to
 * itself.  input: the jsonb that it was started with, or NULL.  Throws what its
 * actions throw.
 */
void
wf_step_start(WfStepper *stepper, WfProcess *process, Jsonb *input,
			  const char *actor)
{
	Order		order = {.process = process,.data = input,.actor = actor};

	(void) (wf_sensitive_hides(process->definition) ? obey_hidden : obey) (&order);
}

/*
 * Deliver a command, then what the process sends to itself.  data, actor and
 * trace, the context in which it came, may be NULL.  Returns what became of the
 * command.  Error WF002 if its actor may not cause the transition that it would
 * cause; also throws what guards and actions throw.  The caller has checked that
 * the process takes commands.
 */
WfVerdict
wf_step_send(WfStepper *stepper, WfProcess *process, const char *event,
			 Jsonb *data, const char *actor, const char *trace)
{
	Order		order = {.process = process,.event = event,.data = data,.actor = actor,.trace = trace};

	return (wf_sensitive_hides(process->definition) ? obey_hidden : obey) (&order);
}

/*
 * Cancel a process: run the exit actions of its states, if it has started, and
 * end it as terminated.  Its parent is told by error.invoke.ID with SQLSTATE
 * 57014.
 */
void
wf_step_cancel(WfStepper *stepper, WfProcess *process, const char *actor)
{
	WfPayload	payload = {.actor = actor};
	WfEvent		event = {"workflow.cancel", &payload};

	WF_PUSH_STEP(process, event.name);
	wf_step_trace_begin(process, process->current != NULL ? process->current->trace : wf_guc_traceparent());
	wf_restore(process);
	process->boundary = event;
	if (process->row.status != WF_INITIALIZED)
	{
		wf_interpret_stop(process->machine, &event);
		wf_user_context_leave(&process->user_context);
	}
	wf_step_finish(process, event.name, DT_NOBEGIN, true, actor, NULL);
	process->row.states = PointerGetDatum(construct_empty_array(TEXTOID));
	process->row.status = WF_TERMINATED;
	process->row.suspended = false;
	process->boundary.payload = NULL;
	wf_child_tell(process, WF_ERROR_INVOKE,
				  wf_child_event_error(unpack_sql_state(ERRCODE_QUERY_CANCELED),
									   "the process was cancelled"));
	WF_POP_STEP();
}

/* Can a leaf be active together with all of these states, which do not contain it? */
static bool
goes_with(const WfChart *chart, WfStateId leaf, const WfStateId *states, int n)
{
	for (int i = 0; i < n; i++)
	{
		WfStateId	common = wf_chart_common(chart, leaf, states[i]);

		if (leaf == states[i] || wf_is_descendant(chart, leaf, states[i]) ||
			common == WF_NO_STATE || chart->states[common].kind != WF_STATE_PARALLEL)
			return false;
	}
	return true;
}

/*
 * The states that a process is moved to, and where it is in regions that these
 * leave alone: *n becomes their number.
 */
static WfStateId *
with_other_regions(WfMachine *machine, const WfStateId *states, int *n)
{
	const WfStateId *leaves;
	int			nleaves = machine->running ? wf_machine_leaves(machine, &leaves) : 0;
	WfStateId  *all = palloc(sizeof(WfStateId) * (*n + nleaves));
	int			named = *n;

	memcpy(all, states, sizeof(WfStateId) * named);
	for (int i = 0; i < nleaves; i++)
		if (goes_with(machine->chart, leaves[i], states, named))
			all[(*n)++] = leaves[i];
	return all;
}

/*
 * Move a process to `states`, which have passed wf_chart_settle(), see
 * wf_interpret_move(); regions of which none is named stay where they are.  Then
 * deliver what it sends to itself.  execute: run exit
 * and entry actions and what follows.  data is what the history is told.  A
 * process whose start has failed enters them as its first states.
 */
void
wf_step_move(WfStepper *stepper, WfProcess *process, const WfStateId *states,
			 int n, bool execute, Jsonb *data, const char *actor)
{
	WfPayload	payload = {.data = data,.actor = actor};
	WfEvent		event = {WF_SET_STATES_EVENT, &payload};
	bool		deferring;

	WF_PUSH_STEP(process, event.name);
	wf_step_trace_begin(process, wf_guc_traceparent());
	process->self_left = wf_max_microsteps;
	wf_restore(process);
	deferring = process->was_deferring = wf_deferred_wanted(process);
	states = with_other_regions(process->machine, states, &n);
	wf_interpret_move(process->machine, states, n, !execute, &event);
	wf_user_context_leave(&process->user_context);
	wf_step_finish(process, event.name, DT_NOBEGIN, true, actor, data);
	WF_POP_STEP();

	/*
	 * Deferred events that need not wait any more are delivered now, or, where
	 * nothing may follow, posted for an executor.
	 */
	if (deferring && execute && !process->row.suspended)
		work_deferred(process);
	else if (deferring && process->machine->running)
	{
		wf_deferred_load(process);
		wf_deferred_release(process, process->row.suspended);
	}
	run_self_events(process);
}

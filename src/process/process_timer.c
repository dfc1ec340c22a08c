/*-------------------------------------------------------------------------
 *
 * process_timer.c
 *	  The timers and the mailbox of a process in memory.
 *
 * Runs in any backend, under the lock on the process row: whoever holds it owns
 * the timers of the process.  A timer can be in one of three places: in the
 * table; in the mailbox, if it was claimed, that is, deleted from the table,
 * but not delivered yet; or among the timers that steps of this transaction
 * have armed.  When its state is left it is removed from wherever it is; a row
 * is deleted only if there may be one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "chart/chart.h"
#include "eval/eval_delay.h"
#include "eval/user_context.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/observer.h"
#include "process/process_timer.h"
#include "process/step.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"

/* Are two strings equal, or both NULL? */
static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The latest entry for a timer of this state and name, or NULL. */
static WfDisarmed *
find_disarmed(WfProcess *process, const char *state, const char *name)
{
	for (int i = process->ndisarmed - 1; i >= 0; i--)
		if (same(process->disarmed[i].state, state) &&
			same(process->disarmed[i].name, name))
			return &process->disarmed[i];
	return NULL;
}

/*
 * Remove a timer from memory.  Returns true if it was there, so that the table
 * cannot have it; then *due is set to when it was due, unless it is the one
 * that is being delivered.
 */
static bool
take_from_memory(WfProcess *process, const char *state, const char *name,
				 TimestampTz *due)
{
	bool		found = false;

	/* It is being delivered: the claim has deleted its row. */
	if (process->current != NULL && same(process->current->state, state) &&
		same(process->current->name, name))
		found = true;

	for (int i = 0; i < process->narmed; i++)
	{
		WfArmed    *armed = &process->armed[i];

		if (!armed->dead && same(armed->timer.state, state) &&
			same(armed->timer.name, name))
		{
			armed->dead = true;
			if (armed->if_absent)
				continue;		/* the table may have one armed before */
			*due = armed->timer.due;
			found = true;
		}
	}
	for (int i = process->mailbox_head; i < process->nmailbox; i++)
	{
		WfMail	   *mail = &process->mailbox[i];

		if (!mail->dead && same(mail->timer.state, state) &&
			same(mail->timer.name, name))
		{
			mail->dead = true;
			wf_changes_settled(process->stepper->changes, &mail->timer);
			*due = mail->timer.due;
			found = true;
		}
	}
	return found;
}

/* Disarm a timer, wherever it is. */
static void
disarm(WfProcess *process, const char *state, const char *name, bool keep)
{
	TimestampTz due = DT_NOBEGIN;
	bool		in_memory = take_from_memory(process, state, name, &due);
	WfDisarmed *disarmed = find_disarmed(process, state, name);

	if (disarmed == NULL)
	{
		disarmed = wf_array_grow(process->disarmed, process->ndisarmed,
						   process->disarmed_size);
		disarmed->state = state;
		disarmed->name = name;
		disarmed->known_absent = true;
	}
	/*
	 * A state has each of its timers at most once, but several events may
	 * have been sent with one id.
	 */
	if ((!in_memory || state == NULL) && !process->is_new)
		disarmed->known_absent = false;
	disarmed->keep = keep;
	disarmed->due = due;
}

/* A state is left: disarm its timers. */
void
wf_process_timer_disarm(WfProcess *process, const WfState *state)
{
	for (int i = 0; i < state->ntimers; i++)
		disarm(process, state->name, state->timers[i].name, state->timers[i].keep);
}

/* Cancel the events that the process has sent to itself for later with this id. */
void
wf_process_timer_cancel(WfProcess *process, const char *id)
{
	disarm(process, NULL, pstrdup(id), false);
	if (unlikely(process->stepper->observer != NULL))
		process->stepper->observer->cancelled(process->stepper->observer, id);
}

/*
 * An event with this id is posted to a process that is being stepped, by code of
 * this session: those of the same id that are in memory go.  The caller deletes
 * those in the table, before it inserts the new one, which the end of the step
 * must leave alone.
 */
void
wf_process_timer_replace(WfProcess *process, const char *id)
{
	TimestampTz due;
	WfDisarmed *disarmed = find_disarmed(process, NULL, id);

	(void) take_from_memory(process, NULL, id, &due);
	if (disarmed != NULL)
		disarmed->known_absent = true;
}

/* Add a timer to be inserted.  The strings must live as long as the stepper. */
static WfArmed *
add_armed(WfProcess *process, const char *event, const char *state,
		  const char *name, TimestampTz due)
{
	WfArmed    *armed = wf_array_grow(process->armed, process->narmed,
								process->armed_size);

	armed->timer.process = process->row.id;
	armed->timer.due = due;
	armed->timer.event = event;
	armed->timer.state = state;
	armed->timer.name = name;
	return armed;
}

/*
 * From when on the delay of a timer counts.  A recurrence that catches up goes on from the
 * time that has come, if its own event is what has the state entered again.
 */
static TimestampTz
begin_of(const WfProcess *process, const WfState *state, const WfTimer *timer, TimestampTz now)
{
	const WfTimerRow *current = process->current;

	if (timer->delay->kind != WF_DELAY_RECURRING || !timer->delay->recurring->catch_up ||
		current == NULL || !same(current->state, state->name) || !same(current->name, timer->name))
		return now;
	return current->due;
}

/*
 * A state is entered: arm its timers, for whose delays `event` is in scope.  One
 * with `keep` that was disarmed in this transaction goes on with its old due
 * time.
 */
void
wf_process_timer_arm(WfProcess *process, const WfState *state, const WfEvent *event)
{
	TimestampTz now = wf_clock_now();

	for (int i = 0; i < state->ntimers; i++)
	{
		const WfTimer *timer = &state->timers[i];
		WfDisarmed *left = timer->keep ?
			find_disarmed(process, state->name, timer->name) : NULL;
		bool		if_absent = false;
		TimestampTz due;

		if (left != NULL && left->keep && left->due != DT_NOBEGIN)
		{
			/* It was in memory, with a known due time. */
			add_armed(process, timer->event, state->name, timer->name, left->due);
			left->due = DT_NOBEGIN;
			continue;
		}
		if (left != NULL && !left->known_absent)
		{
			/* The table may have it: if so, the row must stay as it is. */
			left->known_absent = true;
			if_absent = true;
		}
		if (wf_call_delay(process, timer->delay, event, begin_of(process, state, timer, now), &due))
			add_armed(process, timer->event, state->name, timer->name,
					  due)->if_absent = if_absent;
	}
}

/* When the timer of a state is due that was armed just now; DT_NOEND: it was not. */
TimestampTz
wf_process_timer_due(const WfProcess *process, const WfState *state, const char *name)
{
	for (int i = process->narmed - 1; i >= 0; i--)
	{
		const WfArmed *armed = &process->armed[i];

		if (!armed->dead && same(armed->timer.state, state->name) && same(armed->timer.name, name))
			return armed->timer.due;
	}
	return DT_NOEND;
}

/* Send an event to the process itself, due at `due`.  id may be NULL. */
void
wf_process_timer_send(WfProcess *process, const char *event, Jsonb *data,
					  const char *id, TimestampTz due, const char *actor)
{
	WfArmed    *armed = add_armed(process, event, NULL, id, due);

	armed->timer.data = data;
	armed->timer.actor = actor;
	armed->timer.trace = wf_step_trace_span(process);
	if (unlikely(process->stepper->observer != NULL))
		process->stepper->observer->sent(process->stepper->observer, NULL,
										 event, data, id, due);
}

/*
 * Send an event to the process itself without delay: put it into its mailbox.
 * It cannot be cancelled, as if it had been delivered.
 */
void
wf_process_timer_mail_self(WfProcess *process, const char *event, Jsonb *data,
							const char *actor)
{
	WfMail	   *mail = wf_array_grow(process->mailbox, process->nmailbox,
								 process->mailbox_size);

	mail->timer.process = process->row.id;
	mail->timer.due = wf_clock_now();
	mail->timer.event = event;
	mail->timer.actor = actor;
	mail->timer.data = data;
	mail->timer.trace = wf_step_trace_span(process);
	if (unlikely(process->stepper->observer != NULL))
		process->stepper->observer->sent(process->stepper->observer, NULL,
										 event, data, NULL, mail->timer.due);
}

/*
 * Start a timer of an active state anew, for wf_process_set_timer(): at `due`,
 * or with its delay if that is DT_NOBEGIN.  Returns the due time, DT_NOEND for
 * never.
 */
TimestampTz
wf_process_timer_reset(WfProcess *process, const WfState *state, const WfTimer *timer,
					   TimestampTz due)
{
	WfEvent		event = {WF_RESET_TIMER_EVENT, NULL};
	WfProcessScope scope;
	bool		never = false;

	disarm(process, state->name, timer->name, false);
	if (due == DT_NOBEGIN)
		never = !wf_eval_delay(process->definition->evaluator, timer->delay,
							   wf_event_scope(&scope, process, &event),
							   wf_clock_now(), &due);
	if (!never)
		add_armed(process, timer->event, state->name, timer->name, due);
	if (timer->of_task && strcmp(timer->name, WF_TASK_DUE_TIMER) == 0)
		wf_changes_postpone_task(process->stepper->changes, &process->row.id, state->name,
								 never ? DT_NOEND : due);
	process->changed = true;
	wf_user_context_leave(&process->user_context);
	return never ? DT_NOEND : due;
}

/*
 * Collect what is to be written of the timers of a process: rows to delete,
 * rows to insert, and claimed timers that were not delivered, which are put
 * back with their old numbers.
 */
void
wf_process_timer_write(WfProcess *process, WfChanges  *changes)
{
	int32		owner = process->definition->owner;
	bool		over = wf_process_row_is_over(&process->row);

	/*
	 * A process that is over keeps no timer.  Those of its states are among
	 * the disarmed ones, but nothing here knows whether it has sent events to
	 * itself for later; so all of its rows are deleted if its definition can do
	 * so, or if it was cancelled, perhaps before its start.  An event that
	 * others have posted for later is dropped when it is due: looking for one
	 * at the end of each process would cost too much.
	 */
	for (int i = process->mailbox_head; over && i < process->nmailbox; i++)
		wf_changes_settled(changes, &process->mailbox[i].timer);
	if (over && !process->is_new &&
		(process->definition->sends_later || process->row.status == WF_TERMINATED))
	{
		wf_changes_disarm(changes, &process->row.id, NULL, NULL);
		return;
	}

	for (int i = 0; i < process->ndisarmed; i++)
		if (!process->disarmed[i].known_absent)
			wf_changes_disarm(changes, &process->row.id, process->disarmed[i].state,
							  process->disarmed[i].name);
	if (over)
		return;
	for (int i = 0; i < process->narmed; i++)
		if (!process->armed[i].dead)
			wf_changes_arm(changes, &process->armed[i].timer, owner,
						   process->row.suspended, process->armed[i].if_absent);

	/* Put back what was claimed and not delivered. */
	for (int i = process->mailbox_head; i < process->nmailbox; i++)
		if (!process->mailbox[i].dead)
			wf_changes_arm(changes, &process->mailbox[i].timer, owner,
						   process->row.suspended, false);
}

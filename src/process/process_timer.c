/*-------------------------------------------------------------------------
 *
 * process_timer.c
 *	  The timers of a process while it is being stepped.
 *
 * Runs under the lock on the process row, which makes its timers ours.  A
 * timer can be in one of three places: in the table, in the queue of the
 * running batch (claimed, that is deleted from the table, but not delivered
 * yet), or armed by a step of this transaction.  Leaving its state takes it
 * from wherever it is; the table is asked only where it may have a row.
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
#include "process/process_timer.h"
#include "process/step.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

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
 * Take a timer out of memory.  Returns whether it was there (then the table
 * does not have it), and when it was due.
 */
static bool
take_from_memory(WfProcess *process, const char *state, const char *name,
				 TimestampTz *due)
{
	bool		found = false;

	/* Being delivered right now: its row was deleted by the claim. */
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
				continue;		/* the table may have an older one */
			*due = armed->timer.due;
			found = true;
		}
	}
	for (int i = process->head; i < process->nqueue; i++)
	{
		WfQueued   *queued = &process->queue[i];

		if (!queued->dead && same(queued->timer.state, state) &&
			same(queued->timer.name, name))
		{
			queued->dead = true;
			wf_changes_settled(process->stepper->out, &queued->timer);
			*due = queued->timer.due;
			found = true;
		}
	}
	return found;
}

/* Stop a timer wherever it is. */
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
	/* A state has a timer once; events sent may share an id. */
	if ((!in_memory || state == NULL) && !process->is_new)
		disarmed->known_absent = false;
	disarmed->keep = keep;
	disarmed->due = due;
}

void
wf_process_timer_disarm(WfProcess *process, const WfState *state)
{
	for (int i = 0; i < state->ntimers; i++)
		disarm(process, state->name, state->timers[i].name, state->timers[i].keep);
}

void
wf_process_timer_cancel(WfProcess *process, const char *id)
{
	disarm(process, NULL, pstrdup(id), false);
	if (unlikely(process->stepper->onlooker != NULL))
		process->stepper->onlooker->cancelled(process->stepper->onlooker, id);
}

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

/* Timers of a process, in memory. */
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
			/* It was in memory: goes on as it was. */
			add_armed(process, timer->event, state->name, timer->name, left->due);
			left->due = DT_NOBEGIN;
			continue;
		}
		if (left != NULL && !left->known_absent)
		{
			/* The table may have it: leave it there. */
			left->known_absent = true;
			if_absent = true;
		}
		if (wf_call_delay(process, timer->delay, event, now, &due))
			add_armed(process, timer->event, state->name, timer->name,
					  due)->if_absent = if_absent;
	}
}

void
wf_process_timer_send(WfProcess *process, const char *event, Jsonb *data,
					  const char *id, TimestampTz due, const char *actor)
{
	WfArmed    *armed = add_armed(process, event, NULL, id, due);

	armed->timer.data = data;
	armed->timer.actor = actor;
	if (unlikely(process->stepper->onlooker != NULL))
		process->stepper->onlooker->sent(process->stepper->onlooker, NULL,
										 event, data, id, due);
}

/* Sent without delay: delivered already as far as cancel is concerned. */
void
wf_process_timer_queue_self(WfProcess *process, const char *event, Jsonb *data,
							const char *actor)
{
	WfQueued   *queued = wf_array_grow(process->queue, process->nqueue,
								 process->queue_size);

	queued->timer.process = process->row.id;
	queued->timer.due = wf_clock_now();
	queued->timer.event = event;
	queued->timer.actor = actor;
	queued->timer.data = data;
	if (unlikely(process->stepper->onlooker != NULL))
		process->stepper->onlooker->sent(process->stepper->onlooker, NULL,
										 event, data, NULL, queued->timer.due);
}

/* Start one of an active state anew: see wf_process_set_timer(). */
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
	process->changed = true;
	wf_user_context_leave(&process->bracket);
	return never ? DT_NOEND : due;
}

void
wf_process_timer_write(WfProcess *process, WfChanges *out)
{
	int32		owner = process->definition->owner;
	bool		over = wf_process_row_is_over(&process->row);

	/*
	 * A process that ended leaves nothing behind.  Its states' timers are all
	 * known here; whether it has delayed events is not.  An event that others
	 * posted for a later day is dropped on that day: looking for one at the
	 * end of each process would cost more than it is worth.  One that is
	 * cancelled may not even have started.
	 */
	for (int i = process->head; over && i < process->nqueue; i++)
		wf_changes_settled(out, &process->queue[i].timer);
	if (over && !process->is_new &&
		(process->definition->sends_later || process->row.status == WF_TERMINATED))
	{
		wf_changes_disarm(out, &process->row.id, NULL, NULL);
		return;
	}

	for (int i = 0; i < process->ndisarmed; i++)
		if (!process->disarmed[i].known_absent)
			wf_changes_disarm(out, &process->row.id, process->disarmed[i].state,
							  process->disarmed[i].name);
	if (over)
		return;
	for (int i = 0; i < process->narmed; i++)
		if (!process->armed[i].dead)
			wf_changes_arm(out, &process->armed[i].timer, owner,
						   process->row.suspended, process->armed[i].if_absent);

	/* What was claimed but not delivered goes back as it was. */
	for (int i = process->head; i < process->nqueue; i++)
		if (!process->queue[i].dead)
			wf_changes_arm(out, &process->queue[i].timer, owner,
						   process->row.suspended, false);
}

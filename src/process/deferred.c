/*-------------------------------------------------------------------------
 *
 * deferred.c
 *	  Events that a process keeps for later.
 *
 * Runs in any backend, under the lock on the process row: whoever holds it owns
 * the deferred events of the process.  They are rows of workflow.deferred, and
 * a process can have some only while a state is active that defers events: when
 * the last such state is left, they are delivered, or posted if the process is
 * moved without a step.  So a process in no such state never reads the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/deferred.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/deferred_row.h"
#include "store/process_row.h"
#include "store/timer.h"

/*
 * How many deferred events the process has that this session counted last.
 * Counting all of them for each new one would take quadratic time, so only rows
 * with a higher number are counted and added: under the lock on the process row,
 * new rows get higher numbers than those before.  Rows that were deleted, or
 * rolled back, are still in the sum, so it is an upper limit.
 */
static struct
{
	pg_uuid_t	process;
	int64		last;			/* rows up to this seq have been counted */
	int64		most;			/* that many rows or fewer */
}			counted;

/* Does an active state defer any events? */
bool
wf_deferred_wanted(const WfProcess *process)
{
	const WfChart *chart = process->definition->chart;

	if (likely(!chart->has_defer))
		return false;
	for (int i = 0; i < chart->nstates; i++)
		if (chart->states[i].ndefer > 0 && wf_machine_is_active(process->machine, i))
			return true;
	return false;
}

/* Can this event be deferred?  Those that the engine makes cannot. */
static bool
can_wait(const char *event)
{
	return wf_chart_reserved_prefix(event, false) == NULL;
}

/* The name of an active state that defers this event, or NULL if none does. */
const char *
wf_deferred_by(const WfProcess *process, const char *event)
{
	const WfChart *chart = process->definition->chart;

	if (!chart->has_defer || !can_wait(event))
		return NULL;
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		if (state->ndefer == 0 || !wf_machine_is_active(process->machine, i))
			continue;
		for (int d = 0; d < state->ndefer; d++)
			if (wf_chart_descriptor_matches(state->defer[d], event))
				return state->name;
	}
	return NULL;
}

/* Add the rows that come after those which have been counted. */
static void
count_more(const WfProcess *process)
{
	counted.most += wf_deferred_row_count(&process->row.id, &counted.last);
}

/* Count all rows of the process. */
static void
count_all(const WfProcess *process)
{
	counted.process = process->row.id;
	counted.last = PG_INT64_MIN;
	counted.most = 0;
	count_more(process);
}

/*
 * Does the process have at least `limit` deferred events?  The table is read
 * once for all steps of a stepper, unless the upper limit says yes: then all
 * rows are counted.
 */
static bool
are_there(WfProcess *process, int limit)
{
	int			n = 0;

	for (int i = 0; i < process->ndeferred; i++)
		n += !process->deferred[i].gone;
	if (process->deferred_loaded || process->is_new)
		return n >= limit;
	if (!process->deferred_counted)
	{
		if (memcmp(&counted.process, &process->row.id, UUID_LEN) == 0)
			count_more(process);
		else
			count_all(process);
		process->deferred_counted = true;
		process->deferred_stored = counted.most;
	}
	if (n + process->deferred_stored < limit)
		return false;
	count_all(process);
	process->deferred_stored = counted.most;
	return n + process->deferred_stored >= limit;
}

/*
 * Keep an event for later, which `state` defers.  Error 54000 if the process has
 * workflow.max_deferred of them.
 */
void
wf_deferred_keep(WfProcess *process, const WfTimerRow *timer, const char *state)
{
	WfDeferred *deferred;

	if (are_there(process, wf_max_deferred))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the process keeps %d events for later already",
						wf_max_deferred),
				 errdetail("State \"%s\" defers \"%s\"; workflow.max_deferred is the limit.",
						   state, timer->event)));
	deferred = wf_array_grow(process->deferred, process->ndeferred, process->deferred_size);
	deferred->timer = *timer;
	deferred->timer.seq = 0;
	deferred->timer.once = NULL;	/* it has been delivered */
	deferred->timer.trace = NULL;	/* as from the table, which does not tell it */
	deferred->state = state;
}

/* May the table have rows of this process that were not loaded? */
static bool
is_unknown(const WfProcess *process)
{
	return process->definition->chart->has_defer && !process->deferred_loaded &&
		!process->is_new;
}

/*
 * Find out with one statement which processes of a batch have no rows in the
 * table, as most of them do, so that it need not be read for each of them.
 */
static void
find_those_without(WfStepper *stepper)
{
	Datum	   *ids = palloc(sizeof(Datum) * list_length(stepper->processes));
	pg_uuid_t  *without;
	int			n = 0;
	ListCell   *cell;

	stepper->deferred_known = true;
	foreach(cell, stepper->processes)
		if (is_unknown(lfirst(cell)))
			ids[n++] = UUIDPGetDatum(&((WfProcess *) lfirst(cell))->row.id);
	if (n <= 1)
		return;
	n = wf_deferred_row_without(wf_uuid_array(ids, n), &without);

	/*
	 * The ids come back in the order in which they were given, so one pass
	 * over both lists is enough.
	 */
	cell = list_head(stepper->processes);
	for (int i = 0; i < n; i++)
	{
		for (; cell != NULL; cell = lnext(stepper->processes, cell))
		{
			WfProcess  *process = lfirst(cell);

			if (memcmp(&process->row.id, &without[i], UUID_LEN) != 0)
				continue;
			process->deferred_loaded = true;
			break;
		}
	}
}

/*
 * Load the rows of the table, in front of the events that were deferred by steps
 * of this transaction.  Does nothing if that was done.  It must happen before
 * the process gets another definition, which may defer nothing.
 */
void
wf_deferred_load(WfProcess *process)
{
	WfTimerRow *stored;
	WfDeferred *mine;
	int			nmine;
	int			n;

	if (is_unknown(process) && !process->stepper->deferred_known)
		find_those_without(process->stepper);
	if (!is_unknown(process))
		return;
	mine = process->deferred;
	nmine = process->ndeferred;
	process->deferred_loaded = true;
	n = wf_deferred_row_load(&process->row.id, &stored);
	if (n == 0)
		return;
	process->deferred = NULL;
	process->ndeferred = process->deferred_size = 0;
	for (int i = 0; i < n; i++)
		wf_array_grow(process->deferred, process->ndeferred,
					  process->deferred_size)->timer = stored[i];
	for (int i = 0; i < nmine; i++)
		*wf_array_grow(process->deferred, process->ndeferred, process->deferred_size) = mine[i];
}

/*
 * Post the events that no active state defers, in their order, after the process
 * was put into its states without a step: they become timers that are due now.
 * parked: the timers have to wait, because the process is suspended or failed.
 * wf_deferred_load() comes before.
 */
void
wf_deferred_release(WfProcess *process, bool parked)
{
	WfChanges  *changes = wf_stepper_changes(process->stepper);

	for (int i = 0; i < process->ndeferred; i++)
	{
		WfDeferred *deferred = &process->deferred[i];
		WfTimerRow	posted = deferred->timer;

		if (deferred->gone || wf_deferred_by(process, posted.event) != NULL)
			continue;
		if (posted.seq != 0)
			wf_changes_recall(changes, &process->row.id, posted.seq);
		posted.process = process->row.id;
		posted.seq = 0;
		posted.due = wf_clock_now();
		wf_changes_arm(changes, &posted, process->definition->owner, parked, false);

		/* The row is deleted already: wf_deferred_write() must do nothing. */
		deferred->gone = true;
		deferred->timer.seq = 0;
	}
}

/*
 * Take the first deferred event that need not wait any longer, because no active
 * state defers it, or because would_take() says that the process would take it
 * now.  Returns false if there is none, else fills in *timer.
 */
bool
wf_deferred_next(WfProcess *process, WfTimerRow *timer,
				 bool (*would_take) (WfProcess *process, const WfTimerRow *timer))
{
	wf_deferred_load(process);
	for (int i = 0; i < process->ndeferred; i++)
	{
		WfDeferred *deferred = &process->deferred[i];

		if (deferred->gone ||
			(wf_deferred_by(process, deferred->timer.event) != NULL &&
			 !would_take(process, &deferred->timer)))
			continue;
		deferred->gone = true;
		*timer = deferred->timer;
		timer->seq = 0;
		return true;
	}
	return false;
}

/*
 * Cancel the deferred events with this id.  The state that defers them may have
 * been left by this very step, which delivers them when it has ended.
 */
void
wf_deferred_cancel(WfProcess *process, const char *id)
{
	if (likely(!process->definition->chart->has_defer) ||
		(!process->was_deferring && !process->deferred_loaded &&
		 !wf_deferred_wanted(process)))
		return;
	wf_deferred_load(process);
	for (int i = 0; i < process->ndeferred; i++)
	{
		WfDeferred *deferred = &process->deferred[i];

		if (deferred->timer.name != NULL && strcmp(deferred->timer.name, id) == 0)
			deferred->gone = true;
	}
}

/*
 * Another event is posted with this id: drop those with it that are in memory.
 * The caller deletes those in the table.
 */
void
wf_deferred_replace(WfProcess *process, const char *id)
{
	for (int i = 0; i < process->ndeferred; i++)
	{
		WfDeferred *deferred = &process->deferred[i];

		if (deferred->timer.name != NULL && strcmp(deferred->timer.name, id) == 0)
			deferred->gone = true;
	}
}

/*
 * Collect what is to be written of the deferred events: rows to insert and to
 * delete; all rows are deleted if the process is over.
 */
void
wf_deferred_write(WfProcess *process, WfChanges  *changes)
{
	if (likely(!process->definition->chart->has_defer))
		return;
	if (wf_process_row_is_over(&process->row))
	{
		/* Nothing is left that could react to them. */
		if (!process->is_new)
			wf_changes_recall(changes, &process->row.id, 0);
		return;
	}
	for (int i = 0; i < process->ndeferred; i++)
	{
		const WfDeferred *deferred = &process->deferred[i];

		if (deferred->gone && deferred->timer.seq != 0)
			wf_changes_recall(changes, &process->row.id, deferred->timer.seq);
		else if (!deferred->gone && deferred->timer.seq == 0)
			wf_changes_defer(changes, &deferred->timer, deferred->state);
	}
}

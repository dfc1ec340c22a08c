/*-------------------------------------------------------------------------
 *
 * deferred.c
 *	  Events that a process keeps for later.
 *
 * Runs in any backend under the lock on the process row, which makes its
 * deferred events ours.  There can be some only while a state that defers is
 * active: whenever the last of those is left, they have been worked, or, where
 * the process was put elsewhere without a step, posted.  So a process that is
 * in no such state never looks at the table.
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
 * Counting a thousand for each one more would be a million by and by.  So what
 * this session counted of a process last is kept, and only what came behind it
 * is counted: whoever holds the process gives out higher numbers than anybody
 * before.  Some may be gone again, or never have been committed: it is a limit.
 */
static struct
{
	pg_uuid_t	process;
	int64		last;			/* seq up to which was counted */
	int64		most;
}			counted;

/* Does an active state defer anything?  And this: its name, or NULL. */
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

/* Only what somebody sends: the engine's own events are for now or never. */
static bool
can_wait(const char *event)
{
	static const char *const ours[] = {"after.", "done.", "error.", "workflow."};

	for (int i = 0; i < (int) lengthof(ours); i++)
		if (strncmp(event, ours[i], strlen(ours[i])) == 0)
			return false;
	return true;
}

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

/* Count what the table has behind `last`. */
static void
count_more(const WfProcess *process)
{
	counted.most += wf_deferred_row_count(&process->row.id, &counted.last);
}

static void
count_all(const WfProcess *process)
{
	counted.process = process->row.id;
	counted.last = PG_INT64_MIN;
	counted.most = 0;
	count_more(process);
}

/* Do so many wait already?  The table is asked once in a step, if that will do. */
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

/* Keep it.  Error 54000 when that would be too many. */
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
	deferred->state = state;
}

/* Is it not known yet what the table has of this process? */
static bool
is_unknown(const WfProcess *process)
{
	return process->definition->chart->has_defer && !process->deferred_loaded &&
		!process->is_new;
}

/*
 * Most processes have nothing in the table: find out which of a batch, at
 * once.  All of them are locked.
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

	/* In their order: one walk through both. */
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

/* Read what the table has, before the process gets another definition. */
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
 * After it was put into its states without a step: what none of them defers is
 * delivered as if it had been posted now, in its order.  Looks at those that
 * were loaded.
 */
void
wf_deferred_release(WfProcess *process, bool parked)
{
	WfChanges   *out = wf_stepper_changes(process->stepper);

	for (int i = 0; i < process->ndeferred; i++)
	{
		WfDeferred *deferred = &process->deferred[i];
		WfTimerRow	posted = deferred->timer;

		if (deferred->gone || wf_deferred_by(process, posted.event) != NULL)
			continue;
		if (posted.seq != 0)
			wf_changes_recall(out, &process->row.id, posted.seq);
		posted.process = process->row.id;
		posted.seq = 0;
		posted.due = wf_clock_now();
		wf_changes_arm(out, &posted, process->definition->owner, parked, false);

		/* What is to be done about it has been done. */
		deferred->gone = true;
		deferred->timer.seq = 0;
	}
}

/*
 * Take the first one that need not wait any longer: no active state defers it,
 * or one would take it now.
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

/* Take back those with this id. */
void
wf_deferred_cancel(WfProcess *process, const char *id)
{
	if (!wf_deferred_wanted(process))
		return;
	wf_deferred_load(process);
	for (int i = 0; i < process->ndeferred; i++)
	{
		WfDeferred *deferred = &process->deferred[i];

		if (deferred->timer.name != NULL && strcmp(deferred->timer.name, id) == 0)
			deferred->gone = true;
	}
}

void
wf_deferred_write(WfProcess *process, WfChanges *out)
{
	if (likely(!process->definition->chart->has_defer))
		return;
	if (wf_process_row_is_over(&process->row))
	{
		/* Nothing is left that could react to them. */
		if (!process->is_new)
			wf_changes_recall(out, &process->row.id, 0);
		return;
	}
	for (int i = 0; i < process->ndeferred; i++)
	{
		const WfDeferred *deferred = &process->deferred[i];

		if (deferred->gone && deferred->timer.seq != 0)
			wf_changes_recall(out, &process->row.id, deferred->timer.seq);
		else if (!deferred->gone && deferred->timer.seq == 0)
			wf_changes_defer(out, &deferred->timer, deferred->state);
	}
}

/*-------------------------------------------------------------------------
 *
 * housekeeping.c
 *	  What a runtime does for the tables, behind the feed of executors.
 *
 * Runs in the runtime of a database: a sweep wants it, and it is done when
 * everybody who waits for an executor has been served, a piece at a time, each in
 * transactions of its own.  Nobody's work depends on it.  So an error in it is a
 * line in the log, and the next attempt comes later and later, up to a minute; and
 * it waits for rows and tables that others hold only for a moment.  What becomes of
 * one of its parts does not keep the others from theirs.  The parts are in chore.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/chore.h"
#include "bgworker/housekeeping.h"
#include "bgworker/settle.h"
#include "shmem/trouble.h"
#include "store/retention.h"
#include "store/transaction.h"

/* So long (ms) it waits for a lock, and so long owners wait for us then. */
#define LOCK_TIMEOUT	"50ms"

/* Where something expires, a runtime comes so often (min), if not for more. */
#define COMES_BACK_MIN	1
#define COMES_BACK_MAX	(24 * 60)

/* How a chore stands. */
typedef struct ChoreState
{
	bool		wanted;
	bool		locked;			/* the last attempt met something in use */
	int			failures;		/* in a row */
	TimestampTz not_before;		/* real time */
	TimestampTz done_at;		/* when a piece of it was done last; real; 0: never */
} ChoreState;

static ChoreState states[WF_CHORES];

/* --- what is wanted ------------------------------------------------------------------ */

/* A runtime begins. */
void
wf_housekeeping_begin(void)
{
	for (int i = 0; i < WF_CHORES; i++)
		states[i].wanted = wf_chores[i].at_start;
}

static bool
wants(WfChoreSweep sweep, const ChoreState *state, bool overdue)
{
	switch (sweep)
	{
		case WF_CHORE_NO_SWEEP:
			return false;
		case WF_CHORE_SWEEP_WITH_OVERDUE:
			return overdue;
		case WF_CHORE_SWEEP_OF_MINUTE:
			return GetCurrentTimestamp() - USECS_PER_MINUTE >= state->done_at;
		case WF_CHORE_EACH_SWEEP:
			return true;
	}
	return false;
}

/*
 * A sweep was made.  Where nobody writes none is, and nothing is late that anybody
 * would miss.  overdue: some timers are so for long.
 */
void
wf_housekeeping_swept(bool overdue)
{
	for (int i = 0; i < WF_CHORES; i++)
		if (wants(wf_chores[i].at_sweep, &states[i], overdue))
			states[i].wanted = true;
	wf_settle_all();
}

/* An executor has ended amid a run. */
void
wf_housekeeping_recover(void)
{
	for (int i = 0; i < WF_CHORES; i++)
		if (wf_chores[i].at_loss)
			states[i].wanted = true;
}

/*
 * Somebody asks to look anew: what has failed is not held back any more, and files may have
 * another directory now, or have been changed in it.
 */
void
wf_housekeeping_try_again(void)
{
	for (int i = 0; i < WF_CHORES; i++)
	{
		if (wf_chores[i].at_request)
			states[i].wanted = true;
		states[i].not_before = DT_NOBEGIN;
	}
}

/* When the clock tells that a chore is wanted, but for its pause. */
static TimestampTz
due_at(WfDatabase *database, const WfChore *chore)
{
	return chore->due == NULL ? DT_NOEND : chore->due(database);
}

/* The same with its pause. */
static TimestampTz
chore_at(WfDatabase *database, int i)
{
	TimestampTz at = due_at(database, &wf_chores[i]);

	if (wf_chores[i].pause == 0 || states[i].done_at == 0)
		return at;
	return Max(at, wf_clock_at(TimestampTzPlusMilliseconds(states[i].done_at, wf_chores[i].pause)));
}

/*
 * When the next chore is wanted, by wf_clock_now(): by then wf_housekeeping_look() is to be
 * called.
 */
TimestampTz
wf_housekeeping_at(WfDatabase *database)
{
	TimestampTz first = DT_NOEND;

	for (int i = 0; i < WF_CHORES; i++)
		first = Min(first, chore_at(database, i));
	return first;
}

/* Will the clock want a chore before that time?  The runtime stays for it. */
bool
wf_housekeeping_comes(WfDatabase *database, TimestampTz by)
{
	for (int i = 0; i < WF_CHORES; i++)
		if (due_at(database, &wf_chores[i]) < by)
			return true;
	return false;
}

/* What does the clock want? */
void
wf_housekeeping_look(WfDatabase *database)
{
	for (int i = 0; i < WF_CHORES; i++)
		if (chore_at(database, i) <= wf_clock_now())
			states[i].wanted = true;
}

/* --- an attempt ---------------------------------------------------------- */

static bool
is_due(const ChoreState *state)
{
	return state->wanted && wf_clock_is_over(state->not_before, WF_OWNER_BACK_OFF_MAX);
}

static void
set_lock_timeout(const char *value)
{
	SetConfigOption("lock_timeout", value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* For its lines in the log. */
static void
error_context(void *arg)
{
	errcontext("%s", ((const WfChore *) arg)->what);
}

/*
 * After an error: back to work.  What is in use by others is no news, anything else
 * goes to the log.
 */
static void
failed(WfDatabase *database, ChoreState *chore)
{
	ErrorData  *error;
	WfChores	state = database->chores;

	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	chore->locked = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	if (!chore->locked)
	{
		EmitErrorReport();
		wf_trouble_fill(&state.trouble, error);
		wf_database_chores(database, &state);
	}
	wf_transaction_abort(TopMemoryContext);
	FreeErrorData(error);
	chore->not_before = wf_bgworker_back_off(++chore->failures);
}

/* A piece of one part; false: the extension is gone. */
static bool
attempt(WfDatabase *database, Oid extension, const WfChore *chore, ChoreState *state)
{
	ErrorContextCallback callback = {error_context_stack, error_context, unconstify(WfChore *, chore)};
	volatile bool there = true;
	bool		more = false;

	set_lock_timeout(LOCK_TIMEOUT);
	pqsignal(SIGINT, StatementCancelHandler);	/* by which a lock timeout comes */
	error_context_stack = &callback;
	PG_TRY();
	{
		there = chore->run(extension, &more);
		state->wanted = more;
		state->locked = false;
		state->failures = 0;
		state->done_at = GetCurrentTimestamp();
	}
	PG_CATCH();
	{
		failed(database, state);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	pqsignal(SIGINT, SIG_IGN);
	QueryCancelPending = false;
	set_lock_timeout("0");
	return there;
}

/* --- all of them --------------------------------------------------------- */

/* Tell how it stands. */
static void
tell(WfDatabase *database, bool busy)
{
	WfChores	state = database->chores;

	state.failures = 0;
	state.locked = false;
	state.not_before = DT_NOEND;
	for (int i = 0; i < WF_CHORES; i++)
	{
		if (!states[i].wanted || states[i].failures == 0)
			continue;
		state.failures += states[i].failures;
		state.locked = state.locked || states[i].locked;
		state.not_before = Min(state.not_before, states[i].not_before);
	}
	state.busy = busy;
	state.since = GetCurrentTimestamp();
	wf_database_chores(database, &state);
}

/*
 * A piece of each part that is wanted and not held back.  To be called when all who
 * wait for an executor were served, with no transaction open.  Returns false when the
 * extension is gone; throws nothing.
 */
bool
wf_housekeeping(WfDatabase *database, Oid extension)
{
	bool		there = true;
	bool		any = false;

	for (int i = 0; i < WF_CHORES && there; i++)
	{
		if (!is_due(&states[i]))
			continue;
		if (!any)
			tell(database, true);
		any = true;
		there = attempt(database, extension, &wf_chores[i], &states[i]);
	}
	if (any)
		tell(database, false);
	return there;
}

/* When there is something to do, by the real clock; infinity: a sweep will tell. */
TimestampTz
wf_housekeeping_due(void)
{
	TimestampTz due = DT_NOEND;

	for (int i = 0; i < WF_CHORES; i++)
	{
		if (states[i].wanted)
			due = Min(due, is_due(&states[i]) ? DT_NOBEGIN : states[i].not_before);
	}
	return due;
}

/*
 * When a runtime is to come for housekeeping alone, if the one that asks leaves now,
 * by wf_clock_now(); infinity: never.  Commands leave no work for a runtime, and what
 * they have ended is to expire nevertheless.
 */
TimestampTz
wf_housekeeping_comes_back(void)
{
	int64		ring = Min(wf_retention / (WF_RETENTION_SLOTS - 1), COMES_BACK_MAX);
	TimestampTz now = wf_clock_now();
	TimestampTz at = wf_retention_next(wf_database_peek(MyDatabaseId));

	if (wf_retention > 0)
		at = Min(at, now + ring * USECS_PER_MINUTE);
	return Max(at, now + COMES_BACK_MIN * USECS_PER_MINUTE);
}

/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  Runs that wait for others are told when those have ended.
 *
 * Runs in the runtime of a database, as a part of housekeeping.  Most of them are told
 * by who ends a run; here is done what that one did not see: see shmem/ended.c.  From
 * time to time, and at the beginning, all runs that others wait for are looked at.
 *
 * Skips runs that are locked, and comes back to them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "bgworker/settle.h"
#include "run/run_over.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/ended.h"
#include "store/origin.h"
#include "store/run_wait.h"
#include "store/transaction.h"

/* After one that is locked we look again so soon (ms). */
#define LOCKED_PAUSE	1000

/* Runs of which others are to be told. */
typedef struct Ended
{
	pg_uuid_t	runs[WF_ENDED_MAX];
	int			n;
} Ended;

static Ended now_due;
static Ended later;				/* who waits for them was locked */
static TimestampTz later_at = DT_NOEND;

/* All of them are to be looked at, behind this one. */
static bool all = true;
static pg_uuid_t walked_to;

/* Look at all of them, from the beginning. */
void
wf_settle_all(void)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, false);

	if (all || (database != NULL && !database->runs_awaited))
		return;
	all = true;
	memset(&walked_to, 0, sizeof(walked_to));
}

static void
add(Ended *list, int n, const pg_uuid_t *runs)
{
	if (n > WF_ENDED_MAX - list->n)
	{
		wf_settle_all();
		return;
	}
	memcpy(list->runs + list->n, runs, sizeof(pg_uuid_t) * n);
	list->n += n;
}

/* See what others have ended. */
static void
take(WfDatabase *database)
{
	bool		everything;

	if (wf_database_runs_take_settle(database, &everything) && everything)
		wf_settle_all();
	if (later_at <= wf_clock_now())
	{
		add(&now_due, later.n, later.runs);
		later.n = 0;
		later_at = DT_NOEND;
	}
	if (now_due.n == 0)
		now_due.n = wf_ended_take(MyDatabaseId, now_due.runs);
	else
		wf_database_runs_settle(MyDatabaseId, false);
}

/* These are to be told of once more. */
static void
put_off(int n, const pg_uuid_t *runs)
{
	add(&later, n, runs);
	later_at = wf_clock_now() + LOCKED_PAUSE * INT64CONST(1000);
}

/* A piece of what others have ended. */
static bool
settle_some(Oid extension)
{
	int			n = Min(now_due.n, WF_RUN_WAIT_PIECE);
	bool		locked = false;
	bool		more = false;

	if (!wf_transaction_begin("telling runs that wait for others", extension))
		return false;
	if (wf_origin_is_certain() && wf_version_has_column("run_wait", "run"))
		more = wf_run_over_settle(n, now_due.runs, &locked);
	wf_transaction_commit();
	if (more)
		return true;
	if (locked)
		put_off(n, now_due.runs);
	now_due.n -= n;
	memmove(now_due.runs, now_due.runs + n, sizeof(pg_uuid_t) * now_due.n);
	return true;
}

/* A piece of all; *empty: nobody waits for any. */
static bool
walk(Oid extension, bool *empty)
{
	static pg_uuid_t runs[WF_RUN_WAIT_PIECE];
	pg_uuid_t	to = walked_to;
	bool		further = false;
	bool		more = false;
	bool		locked = false;
	int			n = 0;

	if (!wf_transaction_begin("looking for runs that wait for others", extension))
		return false;
	if (wf_origin_is_certain() && wf_version_has_column("run_wait", "run"))
	{
		n = wf_run_wait_ended(&to, runs, &further);
		more = wf_run_over_settle(n, runs, &locked);
	}
	wf_transaction_commit();
	if (more)
		return true;
	if (locked)
		put_off(n, runs);
	*empty = !further && memcmp(&to, &(pg_uuid_t) {0}, sizeof(to)) == 0;
	walked_to = to;
	all = further;
	return true;
}

/*
 * Look at all of them; if there are none, who ends a run need not tell.  Who has not told
 * for that reason has ended it before the second look.
 */
static bool
walk_on(WfDatabase *database, Oid extension)
{
	bool		empty = false;

	if (!walk(extension, &empty))
		return false;
	if (!empty)
		return true;
	wf_database_runs_await_no_more(database);
	if (!walk(extension, &empty))
		return false;
	if (!empty)
	{
		wf_database_runs_await(MyDatabaseId);
		wf_settle_all();
	}
	return true;
}

/* When wf_settle() is to be called, by wf_clock_now(); infinity: when somebody tells. */
TimestampTz
wf_settle_due(void)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, false);

	if (all || now_due.n > 0 || (database != NULL && database->settle))
		return DT_NOBEGIN;
	return later_at;
}

/*
 * Tell a piece of those that wait; *more: call again at once.  Returns false when the
 * extension is gone.
 */
bool
wf_settle(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	bool		there = true;

	if (database == NULL)
		return true;
	take(database);
	if (now_due.n > 0)
		there = settle_some(extension);
	else if (all)
		there = walk_on(database, extension);
	*more = wf_settle_due() == DT_NOBEGIN;
	return there;
}

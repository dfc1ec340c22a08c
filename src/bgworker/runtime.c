/*-------------------------------------------------------------------------
 *
 * runtime.c
 *	  The process that looks after one database.
 *
 * A background worker, started by the launcher when a database has (or may
 * have) work, connected as the bootstrap superuser.  It runs no user code:
 * only our fixed statements, to find when each owner's work is due; then it
 * starts executors, who log in as the owners.  It rests (ends) when nothing
 * is due for workflow.runtime_idle_timeout.
 *
 * What it learns is kept in shared memory, so that another runtime can go on
 * where this one ended.  Sleeping costs nothing: no transaction is begun
 * unless work is due, an owner is new, or somebody wrote something since the
 * last sweep.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/dispatch.h"
#include "bgworker/pool.h"
#include "bgworker/runtime.h"
#include "bgworker/sweep.h"
#include "shmem/database.h"
#include "shmem/shmem.h"
#include "shmem/watermark.h"
#include "store/origin.h"
#include "store/retention.h"
#include "store/transaction.h"

/* Work of owners without an entry is looked for once in (ms). */
#define OTHERS_INTERVAL		200

/* So long (ms) a runtime must have lived for its end not to count as one of
 * a series. */
#define PROVED_ITSELF		60000

static WfDatabase *database = NULL; /* our entry, once attached */
static WfDatabaseState next_state = WF_DB_UNKNOWN;	/* when we leave */
static TimestampTz attached_at;

static Oid	extension = InvalidOid;

static WfDemand appetite;
static TimestampTz others_after = DT_NOBEGIN;	/* look for theirs then; real */
static bool expiring = false;	/* the ring is being moved on */

/* Of those without an entry, who is to have their turn; see take_turns(). */
static int32 next_in_turn;		/* 0: nobody */
static Oid	next_role;
static TimestampTz next_due;

/* --- beginning and end --------------------------------------------------- */

/* Take possession of the database's entry; false: it is not for us. */
static bool
attach(void)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	WfDatabase *entry = &wf_shared->databases[args->slot];
	bool		mine;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	mine = entry->dbid == args->dbid && entry->state == WF_DB_STARTING &&
		entry->generation == args->generation && entry->runtime_pid == 0;
	if (mine)
	{
		database = entry;
		database->runtime_pid = MyProcPid;
		database->runtime = MyLatch;
		database->wake = false;
		database->yield_to = DT_NOEND;
		attached_at = GetCurrentTimestamp();
	}
	LWLockRelease(wf_shared->lock);
	return mine;
}

/* before_shmem_exit: hand over to the launcher. */
static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	if (database == NULL)
		return;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database->runtime = NULL;
	database->runtime_pid = 0;
	database->hungry = DT_NOEND;
	database->wants_worker = false;
	database->yield_to = DT_NOEND;
	if (code != 0 || wf_bgworker_terminated())
		next_state = WF_DB_UNKNOWN;
	if (code == 0 || TimestampDifferenceExceeds(attached_at,
												GetCurrentTimestamp(),
												PROVED_ITSELF))
		database->failures = 0;
	if (code != 0 && !wf_bgworker_terminated())
		database->not_before = wf_bgworker_back_off(++database->failures);
	if (database->state != WF_DB_HELD)
		wf_database_state(database, next_state);
	LWLockRelease(wf_shared->lock);

	if (wf_shared->launcher)
		SetLatch(wf_shared->launcher);
}

/*
 * The extension is not (any more) here: executors have nothing to do.  If
 * another one has taken its place, that is for another runtime.
 */
pg_noreturn static void
absent(bool look_again)
{
	next_state = WF_DB_ABSENT;
	if (look_again && wf_transaction_begin("looking for the extension", InvalidOid))
	{
		next_state = WF_DB_UNKNOWN;
		wf_transaction_commit();
	}
	wf_pool_evict(MyDatabaseId);
	proc_exit(0);
}

/*
 * Find the extension; leave when it is not here.  Called at the start and
 * whenever somebody asks to look again.
 */
static void
find_extension(void)
{
	bool		exists;
	bool		ours;

	if (!wf_transaction_begin("looking for the extension", extension))
		absent(true);

	/* What was restored from elsewhere waits for workflow.adopt(). */
	ours = wf_bgworker_welcome(MyDatabaseId, &exists) && wf_origin_is_ours();
	extension = wf_transaction_extension_oid();
	wf_transaction_commit();
	if (!ours)
		absent(false);
}

/*
 * The first runtime of a database after an unclean start: what is due by now
 * may be what crashed the server, and is worked carefully.
 */
static void
take_over(void)
{
	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	if (!database->recovered)
	{
		database->recovered = true;
		database->careful = wf_shared->unclean_start;
		database->careful_until = wf_clock_now();
	}
	database->extension = extension;
	if (database->state == WF_DB_STARTING)
		wf_database_state(database, WF_DB_RUNNING);
	LWLockRelease(wf_shared->lock);

	/* It probes one database at a time: now the next. */
	if (wf_shared->launcher)
		SetLatch(wf_shared->launcher);
}

/* --- the process --------------------------------------------------------- */

/* Can anything be done at all? */
static bool
able(void)
{
	return wf_enabled && wf_shared->nexecutors > 0;
}

static void
want(void *arg, int32 owner, Oid role, TimestampTz due)
{
	wf_pool_want(&appetite, &database->others, owner, role, due);
}

static void
find_turn(void *arg, int32 owner, Oid role, TimestampTz due)
{
	if (due > database->careful_until || wf_dispatch_was_served(owner) ||
		(next_in_turn != 0 && next_due <= due))
		return;
	next_in_turn = owner;
	next_role = role;
	next_due = due;
}

/*
 * One of them may have crashed the server: they take turns, with nothing else
 * of theirs under way.  False: all had theirs.
 */
static bool
take_turns(void)
{
	if (database->others.executors > 0)
		return true;
	next_in_turn = 0;
	wf_sweep_overflow(find_turn, NULL);
	if (next_in_turn == 0)
	{
		database->others.cleared = true;
		return false;
	}
	want(NULL, next_in_turn, next_role, next_due);
	return true;
}

/*
 * Owners that found no room in shared memory are known to the tables only:
 * when some of their work is due, ask those; while it is being done, not all
 * the time.  False: the extension is gone.
 */
static bool
look_after_others(void)
{
	uint64		generation;
	TimestampTz mark = wf_watermark_read(&database->others, &generation);
	TimestampTz now = GetCurrentTimestamp();

	appetite.first_mark = Min(appetite.first_mark, mark);
	if (mark > wf_clock_now())
	{
		appetite.next = Min(appetite.next, mark);
		return true;
	}
	if (now >= others_after)
	{
		if (!wf_sweep(extension))
			return false;
		if (!wf_database_has_suspects(database, &database->others) || !take_turns())
			wf_sweep_overflow(want, NULL);
		others_after = TimestampTzPlusMilliseconds(now, OTHERS_INTERVAL);
	}
	appetite.next = Min(appetite.next, wf_clock_at(others_after));
	return true;
}

/* One turn: see who wants an executor, and get them one. */
static void
turn(void)
{
	wf_dispatch_reap();
	if (!wf_sweep_if_due(extension))
		absent(true);

	/*
	 * Where nobody writes nothing is late that anybody would miss.  Any survey
	 * will do: while others are made all the time, that one is never due.
	 */
	if ((wf_sweep_made() || expiring) && !wf_retention_cycle(extension, &expiring))
		absent(true);

	wf_pool_demand(MyDatabaseId, &appetite);
	if (!able())
	{
		appetite.next = DT_NOEND;
		wf_dispatch_nobody(database);
		return;
	}
	if (appetite.unknown)
	{
		if (!wf_sweep(extension))
			absent(true);
		wf_pool_demand(MyDatabaseId, &appetite);
	}
	if (!look_after_others())
		absent(true);
	if (!wf_dispatch(database, extension, &appetite))
		absent(true);
}

/*
 * Has somebody to do without a worker who needs it more than we do?  Asked
 * after a turn: what we want is known.
 */
static bool
has_to_yield(void)
{
	TimestampTz since = database->yield_to;

	if (since == DT_NOEND)
		return false;
	if (wf_pool_count(MyDatabaseId, true) == 0 &&
		(appetite.nhungry == 0 || appetite.hungry[0].since > since))
		return true;
	database->yield_to = DT_NOEND;
	return false;
}

/* Is there a reason to stay? */
static bool
busy(void)
{
	if (wf_pool_count(MyDatabaseId, true) > 0)
		return true;
	return able() && appetite.first_mark <
		TimestampTzPlusMilliseconds(wf_clock_now(), wf_runtime_idle_timeout * 1000L);
}

/* Everything up to the first turn. */
static void
settle_in(void)
{
	wf_bgworker_prepare(leave);
	if (!attach())
		proc_exit(0);
	wf_bgworker_connect();

	wf_dispatch_begin(&appetite);
	find_extension();
	take_over();
	if (!wf_sweep(extension))
		absent(true);
}

/* Entry point. */
void
wf_runtime_main(Datum arg)
{
	TimestampTz idle_since;

	settle_in();
	idle_since = GetCurrentTimestamp();

	for (;;)
	{
		TimestampTz until;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		if (database->wake)
		{
			database->wake = false;
			find_extension();
			if (!wf_sweep(extension))
				absent(true);
		}
		turn();

		/* statistics kept back would wait until the next transaction */
		pgstat_report_stat(true);

		if (busy())
			idle_since = GetCurrentTimestamp();
		until = TimestampTzPlusMilliseconds(idle_since,
											wf_runtime_idle_timeout * 1000L);
		if (until <= GetCurrentTimestamp() || has_to_yield())
			break;
		until = expiring ? DT_NOBEGIN : Min(until, wf_sweep_due());
		(void) wf_clock_wait(Min(appetite.next, wf_clock_at(until)),
							 WaitEventExtensionNew("WorkflowRuntimeIdle"));
	}
	next_state = WF_DB_RESTING;
}

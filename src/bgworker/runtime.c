/*-------------------------------------------------------------------------
 *
 * runtime.c
 *	  The process that looks after one database.
 *
 * A background worker, started by the launcher when a database has (or may
 * have) work, connected as the bootstrap superuser.  It runs no user code:
 * only our fixed statements, to find when each owner's work is due; then it
 * starts executors, who log in as the owners.  It ends when nothing
 * is due for workflow.runtime_idle_timeout; then the database is RESTING.
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
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/bgworker_slots.h"
#include "bgworker/dispatch.h"
#include "bgworker/housekeeping.h"
#include "bgworker/pool.h"
#include "bgworker/runtime.h"
#include "bgworker/sweep.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/database_runtime.h"
#include "shmem/file_wait.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/member.h"
#include "shmem/placed.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/suspects.h"
#include "shmem/trouble.h"
#include "shmem/watermark.h"
#include "store/origin.h"
#include "store/transaction.h"

/* Work of owners without a place is looked for once in (ms). */
#define OVERFLOW_INTERVAL		200

/* So long (ms) a runtime must have lived for its end not to count as one of
 * a series. */
#define PROVED_ITSELF		60000

static WfDatabase *database = NULL; /* our entry, once attached */
static WfDatabaseState next_state = WF_DB_UNKNOWN;	/* when we leave */
static TimestampTz attached_at;

static Oid	extension = InvalidOid;

static WfDemand demand;
static TimestampTz overflow_after = DT_NOBEGIN;	/* sweep for them then; real */

/* Sweeps that failed, in a row, and when the next one may be made (real). */
static int	blind = 0;
static TimestampTz blind_until = DT_NOBEGIN;

/* The last error that went to the log. */
static WfTrouble last_error;
static emit_log_hook_type previous_log_hook = NULL;

/* Of the owners without a place, who is served next; see serve_suspects(). */
static int32 next_owner;		/* 0: nobody */
static Oid	next_role;
static TimestampTz next_due;

/* --- beginning and end --------------------------------------------------- */

/* Take possession of the database's entry; false: it is not for us. */
static bool
attach(void)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	if (!wf_database_runtime_attach(&wf_databases[args->slot], args->dbid, args->generation))
		return false;
	database = &wf_databases[args->slot];
	attached_at = GetCurrentTimestamp();
	return true;
}

/* before_shmem_exit: hand over to the launcher. */
static void
leave(int code, Datum arg)
{
	bool		proved = code == 0 ||
		TimestampDifferenceExceeds(attached_at, GetCurrentTimestamp(), PROVED_ITSELF);
	bool		failed = code != 0 && !wf_bgworker_terminated();
	TimestampTz not_before = DT_NOBEGIN;

	LWLockReleaseAll();
	if (database == NULL)
		return;

	if (failed)
		wf_database_trouble(database, &last_error);
	wf_database_chores_at(database, wf_housekeeping_comes_back());
	if (code != 0 || wf_bgworker_terminated())
		next_state = WF_DB_UNKNOWN;
	if (failed)
		not_before = wf_bgworker_back_off(proved ? 1 : database->failures + 1);
	wf_database_runtime_detach(database, next_state, proved, not_before);
	wf_instance_launcher_wake();
}

/* emit_log_hook: what ends us may have been an error that nobody catches. */
static void
note_error(ErrorData *error)
{
	if (error->elevel >= ERROR)
		wf_trouble_fill(&last_error, error);
	if (previous_log_hook)
		previous_log_hook(error);
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
	wf_member_forget_database(MyDatabaseId);
	wf_placed_forget_database(MyDatabaseId);
	wf_file_wait_forget_database(MyDatabaseId);
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
	bool		welcome;
	bool		ours;

	if (!wf_transaction_begin("looking for the extension", extension))
		absent(true);

	/* What was restored from elsewhere waits for workflow.adopt(). */
	welcome = wf_bgworker_welcome(MyDatabaseId, &exists);
	ours = welcome && wf_origin_is_ours();
	extension = wf_transaction_extension_oid();
	wf_transaction_commit();
	if (!ours)
	{
		wf_sweep_tell_foreign(welcome);
		absent(false);
	}
}

/*
 * The first runtime of a database after an unclean start: what is due by now
 * may be what crashed the server, and is worked in quarantine.
 */
static void
take_over(void)
{
	wf_database_runtime_running(database, extension, wf_clock_now());

	/* It probes one database at a time: now the next. */
	wf_instance_launcher_wake();
}

/* --- the process --------------------------------------------------------- */

/* Can anything be done at all? */
static bool
able(void)
{
	return wf_enabled && wf_slot_count() > 0;
}

/* --- looking for work ---------------------------------------------------- */

/* After an error in a sweep: back to work. */
static void
sweep_failed(void)
{
	EmitErrorReport();
	wf_transaction_abort(TopMemoryContext);
	blind_until = wf_bgworker_back_off(++blind);
	wf_database_trouble(database, &last_error);
	wf_database_blind(database, true);
}

/* Who the owners are, if that can be read; false: the extension is gone. */
static bool
sweep_roles(void)
{
	volatile bool there = true;

	PG_TRY();
	{
		there = wf_sweep_roles(extension);
	}
	PG_CATCH();
	{
		wf_transaction_abort(TopMemoryContext);
	}
	PG_END_TRY();
	return there;
}

/*
 * Sweep; or, when one has failed not long ago, do not.  An error in one table does
 * not keep owners from being served who are known, or can be found without it.
 */
static void
look_for_work(bool (*sweep) (Oid extension))
{
	volatile bool there = true;
	volatile bool failed = false;

	if (!wf_clock_is_over(blind_until, WF_OWNER_BACK_OFF_MAX))
		return;
	PG_TRY();
	{
		there = sweep(extension);
	}
	PG_CATCH();
	{
		sweep_failed();
		failed = true;
	}
	PG_END_TRY();

	if (failed)
		there = sweep_roles();
	else
	{
		blind = 0;
		blind_until = DT_NOBEGIN;
		wf_database_blind(database, false);
	}
	if (!there)
		absent(true);
}

/* When the next regular sweep may be made, by the real clock. */
static TimestampTz
sweep_due(void)
{
	return blind > 0 ? blind_until : wf_sweep_due();
}

/* Without a sweep, those cannot be served of whom not even the role is known. */
static void
leave_out_unknown(void)
{
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
	{
		WfWaitingList *list = &demand.waiting[kind];
		int			n = 0;

		for (int i = 0; i < list->n; i++)
			if (OidIsValid(list->items[i].role))
				list->items[n++] = list->items[i];
		list->n = n;
	}
}

/* The lane that stands for the owners without a place. */
static WfLane *
overflow_lane(WfLaneKind kind)
{
	return &database->overflow->lanes[kind];
}

static void
want(void *arg, int32 owner, Oid role, WfLaneKind kind, TimestampTz due)
{
	wf_pool_want(&demand, overflow_lane(kind), owner, role, due);
}

/* sweep.c calls it for each of them: remember the one that is due first. */
static void
find_next_suspect(void *arg, int32 owner, Oid role, WfLaneKind kind, TimestampTz due)
{
	WfLaneKind *wanted = arg;

	if (kind != *wanted || due > database->careful_until ||
		wf_dispatch_was_served(owner) || (next_owner != 0 && next_due <= due))
		return;
	next_owner = owner;
	next_role = role;
	next_due = due;
}

/*
 * Work of one of them may have crashed the server: they are served one after the
 * other, with nothing else of theirs under way.  False: all were.
 */
static bool
serve_suspects(WfLaneKind kind)
{
	WfLane	   *lane = overflow_lane(kind);

	if (lane->executors > 0)
		return true;
	next_owner = 0;
	wf_sweep_overflow(find_next_suspect, &kind);
	if (next_owner == 0)
	{
		wf_suspects_clear(&lane->suspects);
		return false;
	}
	want(NULL, next_owner, next_role, kind, next_due);
	return true;
}

/* When the earliest work of the owners without a place is due. */
static TimestampTz
overflow_due(void)
{
	TimestampTz due = DT_NOEND;
	uint64		generation;

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		due = Min(due, wf_watermark_read(overflow_lane(kind), &generation).due);
	return due;
}

/*
 * Owners that found no place in shared memory are known to the tables only:
 * when some of their work is due, ask those; while it is being done, not all
 * the time.
 */
static void
look_after_overflow(void)
{
	TimestampTz due = overflow_due();
	TimestampTz now = GetCurrentTimestamp();

	demand.first_due = Min(demand.first_due, due);
	if (due > wf_clock_now())
	{
		demand.next = Min(demand.next, due);
		return;
	}
	if (wf_clock_is_over(overflow_after, OVERFLOW_INTERVAL))
	{
		bool		suspects = false;

		look_for_work(wf_sweep);
		for (int kind = 0; kind < WF_LANE_KINDS; kind++)
			if (wf_database_has_suspects(database, overflow_lane(kind)))
				suspects = serve_suspects(kind) || suspects;
		if (!suspects)
			wf_sweep_overflow(want, NULL);
		overflow_after = TimestampTzPlusMilliseconds(now, OVERFLOW_INTERVAL);
	}
	demand.next = Min(demand.next, wf_clock_at(overflow_after));
}

/* See who wants an executor, and get them one. */
static void
feed(void)
{
	wf_dispatch_reap();
	look_for_work(wf_sweep_if_due);
	wf_pool_demand(MyDatabaseId, &demand);
	if (!able())
	{
		demand.next = DT_NOEND;
		wf_dispatch_nobody(database);
		return;
	}
	if (demand.unknown)
	{
		look_for_work(wf_sweep);
		wf_pool_demand(MyDatabaseId, &demand);
		if (blind > 0)
			leave_out_unknown();
	}
	look_after_overflow();
	if (!wf_dispatch(database, extension, &demand))
		absent(true);
}

/* Does a lane wait since then, or longer? */
static bool
waits_since(TimestampTz since)
{
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		if (demand.waiting[kind].n > 0 && demand.waiting[kind].items[0].since <= since)
			return true;
	return false;
}

/*
 * Has somebody to do without a background worker who needs it more than we do?
 * Asked after a cycle: what we want is known.
 */
static bool
has_to_yield(void)
{
	TimestampTz since = database->yield_to;

	if (since == DT_NOEND)
		return false;
	if (wf_pool_count(MyDatabaseId, true) == 0 && !waits_since(since))
		return true;
	wf_database_runtime_stays(database);
	return false;
}

/* Is there another piece of housekeeping to be done at once?  Nobody would come for it before long. */
static bool
is_amid_housekeeping(void)
{
	return wf_housekeeping_due() <= GetCurrentTimestamp();
}

/* Does anybody else need our background worker more than we who have nothing to do? */
static bool
is_spare(void)
{
	return !is_amid_housekeeping() && wf_bgworker_slots_are_short();
}

/* Is there a reason to stay? */
static bool
busy(void)
{
	TimestampTz idle = TimestampTzPlusMilliseconds(wf_clock_now(), wf_runtime_idle_timeout * 1000L);

	if (wf_pool_count(MyDatabaseId, true) > 0 || wf_housekeeping_comes(database, idle))
		return true;
	return able() && demand.first_due < idle;
}

/* Everything up to the first cycle. */
static void
enter(void)
{
	previous_log_hook = emit_log_hook;
	emit_log_hook = note_error;
	wf_bgworker_prepare(leave);
	if (!attach())
		proc_exit(0);
	wf_bgworker_connect();

	wf_dispatch_begin(&demand);
	wf_housekeeping_begin();
	find_extension();
	take_over();
	look_for_work(wf_sweep);
}

/* Somebody asks to look at the database anew. */
static void
look_anew(void)
{
	find_extension();
	wf_owner_try_again(MyDatabaseId);
	wf_housekeeping_try_again();
	blind_until = DT_NOBEGIN;
	look_for_work(wf_sweep);
}

/* Entry point. */
void
wf_runtime_main(Datum arg)
{
	TimestampTz idle_since;

	enter();
	idle_since = GetCurrentTimestamp();

	for (;;)
	{
		TimestampTz until;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		if (wf_database_runtime_take_wake(database))
			look_anew();
		if (wf_database_runs_take_lost(database))
			wf_housekeeping_recover();
		wf_housekeeping_look(database);
		feed();
		if (!wf_housekeeping(database, extension))
			absent(true);

		/* statistics kept back would wait until the next transaction */
		pgstat_report_stat(true);

		idle_since = Min(idle_since, GetCurrentTimestamp());	/* it may be set back */
		if (busy())
			idle_since = GetCurrentTimestamp();
		else if (is_spare())
			break;
		until = TimestampTzPlusMilliseconds(idle_since,
											wf_runtime_idle_timeout * 1000L);
		if ((until <= GetCurrentTimestamp() && !is_amid_housekeeping()) || has_to_yield())
			break;
		until = Min(until, Min(sweep_due(), wf_housekeeping_due()));
		demand.next = Min(demand.next, wf_housekeeping_at(database));
		(void) wf_clock_wait(Min(demand.next, wf_clock_at(until)),
							 WaitEventExtensionNew("WorkflowRuntimeIdle"));
	}
	next_state = WF_DB_RESTING;
}

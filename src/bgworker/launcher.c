/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The process that starts the runtimes of databases.
 *
 * One static background worker, connected to shared catalogs only.  What it
 * knows of databases is in shared memory (see WfDatabaseState), so it may be
 * terminated at any time: the postmaster starts it again within a second, and
 * runtimes and executors go on meanwhile.
 *
 * The states of a database and their changes: shmem/database.c.  After a start
 * of the server every database is probed, one at a time, by starting a runtime
 * in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/bgworker_slots.h"
#include "bgworker/launcher.h"
#include "bgworker/pool.h"
#include "cluster/local_member.h"
#include "shmem/database.h"
#include "shmem/database_alerts.h"
#include "shmem/database_files.h"
#include "shmem/database_load.h"
#include "shmem/database_members.h"
#include "shmem/database_runs.h"
#include "shmem/database_watch.h"
#include "shmem/database_runtime.h"
#include "shmem/instance.h"
#include "shmem/watermark.h"

/* Started, but not attached after so long (ms): it will not come. */
#define ATTACH_TIMEOUT		30000

/* A database that nothing is known of. */
typedef struct Unknown
{
	Oid			dbid;
	NameData	name;
} Unknown;

/* Databases still to be probed, in TopMemoryContext. */
static List *to_probe = NIL;

static bool left_out = false;	/* there was no place for some of them */

/* Runtimes that were started and not seen attached, by database entry. */
static BackgroundWorkerHandle **handles = NULL;

/* A database that is to have a runtime. */
typedef struct Candidate
{
	WfDatabase *database;
	Oid			dbid;
	TimestampTz since;			/* waits since then */
} Candidate;

static Candidate *candidates = NULL;	/* as many as databases */

static TimestampTz retry_at = DT_NOBEGIN;	/* no worker slot before; real */

/* before_shmem_exit */
static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	wf_instance_launcher_detach();
}

/* --- the list of databases ----------------------------------------------- */

/* Note all databases that nothing is known of. */
static void
list_databases(void)
{
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();

	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		Unknown    *unknown;
		MemoryContext old;

		if (!form->datallowconn || form->datistemplate ||
			wf_database_entry(form->oid, false) != NULL)
			continue;
		old = MemoryContextSwitchTo(TopMemoryContext);
		unknown = palloc(sizeof(Unknown));
		unknown->dbid = form->oid;
		unknown->name = form->datname;
		to_probe = lappend(to_probe, unknown);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);

	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
}

/* While no other is being probed, bring the next database into play. */
static void
probe_next(void)
{
	WfDatabase *database = NULL;

	for (int i = 0; i < wf_max_databases; i++)
	{
		database = &wf_databases[i];
		if (OidIsValid(database->dbid) && database->failures == 0 &&
			!database->wants_bgworker &&
			(database->state == WF_DB_UNKNOWN ||
			 database->state == WF_DB_STARTING))
			return;
	}

	while (to_probe != NIL)
	{
		Unknown    *unknown = linitial(to_probe);
		bool		known = wf_database_entry(unknown->dbid, false) != NULL;

		/* somebody may have woken it meanwhile */
		if (!known && wf_database_entry(unknown->dbid, true) == NULL)
		{
			ereport(WARNING,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("too many databases use workflow"),
					 errdetail("The work of database \"%s\", and maybe of others, is not being done.",
							   NameStr(unknown->name)),
					 errhint("You might need to increase workflow.max_databases.")));
			left_out = true;
			list_free_deep(to_probe);
			to_probe = NIL;
			return;
		}
		to_probe = list_delete_first(to_probe);
		pfree(unknown);
		if (!known)
			return;
	}
}

/* Databases that found no place are looked for again when there is one. */
static void
look_for_those_left_out(void)
{
	bool		room;

	if (!left_out)
		return;
	wf_instance_lock(LW_SHARED);
	room = wf_database_has_room_locked();
	wf_instance_unlock();
	if (room)
	{
		left_out = false;
		list_databases();
	}
}

/* --- runtimes ------------------------------------------------------------ */

/* Will a runtime that was started not come any more? */
static bool
is_lost(const WfDatabase *database, BackgroundWorkerHandle *handle)
{
	pid_t		pid;

	if (handle)
		return GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED;
	return TimestampDifferenceExceeds(database->since, GetCurrentTimestamp(),
									  ATTACH_TIMEOUT);
}

/* Find runtimes that ended before they had attached.  The first failure of each is told. */
static void
reap(void)
{
	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *database = &wf_databases[i];
		Oid			failed = InvalidOid;
		bool		waiting;

		wf_instance_lock(LW_EXCLUSIVE);
		waiting = OidIsValid(database->dbid) &&
			database->state == WF_DB_STARTING && database->runtime_pid == 0;
		if (waiting && is_lost(database, handles[i]))
		{
			if (database->failures == 0)
				failed = database->dbid;
			wf_database_runtime_start_failed_locked(database, wf_bgworker_back_off(database->failures + 1));
			waiting = false;
		}
		wf_instance_unlock();

		if (OidIsValid(failed))
			ereport(LOG,
					(errmsg("workflow runtime of database with OID %u could not start", failed)));

		if (!waiting && handles[i])
		{
			pfree(handles[i]);
			handles[i] = NULL;
		}
	}
}

/* When a runtime has something to do itself. */
static TimestampTz
without_executors_at(WfDatabase *database)
{
	return Min(Min(Min(wf_database_alerts_at(database), wf_database_load_at(database)),
				   Min(wf_database_files_at(database), wf_database_watch_at(database))),
			   Min(Min(wf_local_member_silence_at(database->dbid), wf_database_members_at(database)),
				   Min(wf_database_runs_leases_at(database), wf_database_runs_notify_at(database))));
}

/* When a runtime should be started, by wf_clock_now(); under the lock. */
static TimestampTz
wanted_at(WfDatabase *database, TimestampTz mark)
{
	TimestampTz not_before = wf_clock_is_over(database->not_before, WF_OWNER_BACK_OFF_MAX) ?
		DT_NOBEGIN : wf_clock_at(database->not_before);

	switch (database->state)
	{
		case WF_DB_UNKNOWN:
			return not_before;
		case WF_DB_ABSENT:
			return database->wake ? not_before : DT_NOEND;
		case WF_DB_RESTING:
			if (database->wake || database->settle)
				return not_before;
			if (wf_slot_count() == 0)	/* it could do nothing else */
				return Max(without_executors_at(database), not_before);
			/* it has to start an executor, which is early, too */
			mark = wf_clock_before(mark, 2 * WF_CLOCK_LEAD);
			mark = Min(mark, without_executors_at(database));
			return Max(Min(mark, database->chores_at), not_before);
		case WF_DB_STARTING:
			return database->runtime_pid != 0 ? DT_NOEND :
				wf_clock_at(TimestampTzPlusMilliseconds(database->since,
														ATTACH_TIMEOUT));
		case WF_DB_RUNNING:
		case WF_DB_HELD:
			break;
	}
	return DT_NOEND;
}

/*
 * Start the runtime of a database that waits since then; false: the
 * postmaster has no room.
 */
static bool
start_runtime(WfDatabase *database, Oid dbid, TimestampTz since, bool possible)
{
	WfBgworkerArgs args = {.kind = WF_BGWORKER_RUNTIME,.dbid = dbid};
	WfDatabaseStart start;

	args.slot = database - wf_databases;
	if (!wf_database_runtime_begin_start(database, dbid, possible, &start) || !possible)
		return true;

	args.generation = start.generation;
	if (handles[args.slot])
		pfree(handles[args.slot]);
	handles[args.slot] = wf_bgworker_start(&args);
	if (handles[args.slot])
	{
		wf_database_wants_nothing(database);
		wf_bgworker_slots_relieved();
		retry_at = DT_NOBEGIN;
		return true;
	}

	wf_database_runtime_start_later(database, &start);
	retry_at = wf_bgworker_slots_wait(dbid, since, "runtimes");
	return false;
}

/*
 * Start a runtime if the database still is one that takes work; false: the
 * postmaster has no room.
 */
static bool
consider(WfDatabase *database, Oid dbid, TimestampTz since)
{
	bool		exists;
	bool		possible;

	StartTransactionCommand();
	possible = wf_bgworker_welcome(dbid, &exists);
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);

	if (exists)
		return start_runtime(database, dbid, since, possible);
	wf_database_forget(dbid);
	return true;
}

/* Since when a database has waited for its runtime; under the lock. */
static TimestampTz
waits_since(const WfDatabase *database, TimestampTz work)
{
	if (database->wants_bgworker)
		return database->waits_since;
	if (database->state == WF_DB_RESTING && !database->wake)
		return work;
	return database->since;
}

static int
waited_longer(const void *a, const void *b)
{
	TimestampTz left = ((const Candidate *) a)->since;
	TimestampTz right = ((const Candidate *) b)->since;

	return left < right ? -1 : left > right;
}

/*
 * Find the databases that are to have a runtime now, those that have waited
 * longest first.  Returns when there will be another, by wf_clock_now().
 */
static TimestampTz
find_candidates(int *n)
{
	TimestampTz next = DT_NOEND;

	*n = 0;
	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *database = &wf_databases[i];
		Oid			dbid = database->dbid;
		TimestampTz mark = DT_NOEND;
		TimestampTz work = DT_NOEND;
		TimestampTz wanted = DT_NOEND;

		if (!OidIsValid(dbid))
			continue;
		if (database->state == WF_DB_RESTING)
		{
			mark = wf_watermark_of_database(dbid);
			work = wf_pool_waits_since(dbid);
			/* nothing is due yet: it is started early */
			if (TIMESTAMP_IS_NOEND(work))
				work = mark;
		}

		wf_instance_lock(LW_SHARED);
		if (database->dbid == dbid)
			wanted = wanted_at(database, mark);
		candidates[*n].database = database;
		candidates[*n].dbid = dbid;
		candidates[*n].since = waits_since(database, work);
		wf_instance_unlock();

		if (wanted <= wf_clock_now() && database->state != WF_DB_STARTING)
			(*n)++;
		else
		{
			next = Min(next, wanted);
			if (database->runtime_pid == 0)
				wf_database_wants_nothing(database);
		}
	}
	qsort(candidates, *n, sizeof(Candidate), waited_longer);
	return next;
}

/*
 * Start what is to be started.  Returns when to look again, by wf_clock_now().
 */
static TimestampTz
cycle(void)
{
	TimestampTz next;
	int			n;

	if (!wf_enabled)
		return DT_NOEND;
	next = find_candidates(&n);
	if (n > 0 && !wf_clock_is_over(retry_at, WF_BGWORKER_SLOTS_DELAY_MAX))
		return Min(next, wf_clock_at(retry_at));

	for (int i = 0; i < n; i++)
	{
		const Candidate *one = &candidates[i];

		if (!wf_bgworker_slots_may_ask(one->dbid, one->since))
			retry_at = wf_bgworker_slots_wait(one->dbid, one->since, "runtimes");
		else if (consider(one->database, one->dbid, one->since))
			continue;
		return Min(next, wf_clock_at(retry_at));
	}
	return next;
}

/* The configuration may name other directories by now: the watchers are to look. */
static void
tell_watchers(void)
{
	static char *known = NULL;

	if (known != NULL && strcmp(known, wf_trigger_directories) == 0)
		return;
	if (known != NULL)
	{
		wf_database_watch_look_all();
		pfree(known);
	}
	known = MemoryContextStrdup(TopMemoryContext, wf_trigger_directories);
}

/* --- the process --------------------------------------------------------- */

/* Entry point. */
void
wf_launcher_main(Datum arg)
{
	wf_bgworker_prepare(leave);
	wf_bgworker_connect();

	handles = MemoryContextAllocZero(TopMemoryContext,
									 wf_max_databases * sizeof(*handles));
	candidates = MemoryContextAlloc(TopMemoryContext,
									wf_max_databases * sizeof(Candidate));
	wf_instance_launcher_attach();

	list_databases();
	for (;;)
	{
		TimestampTz next;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		tell_watchers();
		reap();
		look_for_those_left_out();
		probe_next();
		next = cycle();
		(void) wf_clock_wait(next, WaitEventExtensionNew("WorkflowLauncherIdle"));
	}
}

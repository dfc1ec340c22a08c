/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  When the work of each owner of a database is due, read from the tables.
 *
 * Runs in the runtime of the database.  What it finds goes to the owners'
 * entries in shared memory; it does not write, but to delete timers of
 * processes that are gone or were erased.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/sweep.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"
#include "shmem/watermark.h"
#include "store/origin.h"
#include "store/statement.h"
#include "store/transaction.h"

/* Timers overdue by this much (ms) may be those of nobody. */
#define LONG_OVERDUE		60000

static TimestampTz last_survey; /* real time */
static bool made = false;
static FullTransactionId surveyed_to;	/* nothing new below; invalid: not
										 * known */

/* An owner that found no room in shared memory. */
typedef struct Other
{
	int32		owner;
	Oid			role;
	TimestampTz due;
} Other;

static Other *others = NULL;	/* with work, as of the last survey */
static int	nothers = 0;
static int	others_size = 0;

/* Mark of an owner's entry before the survey's snapshot. */
typedef struct Reading
{
	WfOwner    *entry;
	uint64		generation;
	bool		found;
} Reading;

/* Read the generations of all owners that are known, in order of address. */
static Reading *
read_generations(int *n)
{
	Reading    *readings = palloc(wf_shared->nowners * sizeof(Reading));

	*n = 0;
	LWLockAcquire(wf_shared->lock, LW_SHARED);
	for (int i = 0; i < wf_shared->nowners; i++)
	{
		WfOwner    *entry = &wf_shared->owners[i];
		Reading    *reading = &readings[*n];

		if (entry->dbid != MyDatabaseId)
			continue;
		reading->entry = entry;
		reading->found = false;
		(void) wf_watermark_read(entry, &reading->generation);
		(*n)++;
	}
	LWLockRelease(wf_shared->lock);
	return readings;
}

static int
compare_readings(const void *a, const void *b)
{
	const WfOwner *left = ((const Reading *) a)->entry;
	const WfOwner *right = ((const Reading *) b)->entry;

	return left < right ? -1 : left > right;
}

static void
remember_other(int32 owner, Oid role, TimestampTz due)
{
	if (due == DT_NOEND)
		return;
	if (nothers == others_size)
	{
		others_size = Max(16, 2 * others_size);
		others = others == NULL ?
			MemoryContextAlloc(TopMemoryContext, others_size * sizeof(Other)) :
			repalloc(others, others_size * sizeof(Other));
	}
	others[nothers].owner = owner;
	others[nothers].role = role;
	others[nothers++].due = due;
}

/* The mark of what stands for them is the earliest of theirs. */
static void
learn_others(WfDatabase *database, uint64 generation)
{
	TimestampTz earliest = DT_NOEND;

	for (int i = 0; i < nothers; i++)
		earliest = Min(earliest, others[i].due);
	(void) wf_watermark_advance(&database->others, generation, earliest);
}

/*
 * Call this for each owner without an entry of its own whose work was due at
 * the last survey.
 */
void
wf_sweep_overflow(void (*found) (void *arg, int32 owner, Oid role, TimestampTz due),
				  void *arg)
{
	for (int i = 0; i < nothers; i++)
		if (others[i].due <= wf_clock_now())
			found(arg, others[i].owner, others[i].role, others[i].due);
}

/*
 * Bring one owner's entry up to date.  One that had no entry when the
 * snapshot was taken has generation 0 still, unless somebody committed work
 * for it meanwhile: whoever inserts has made the entry before they commit.
 */
static void
learn_owner(Reading *readings, int n, int32 owner, Oid role, TimestampTz due)
{
	WfOwner    *entry = wf_owner_entry(MyDatabaseId, owner, true);
	Reading		key = {.entry = entry};
	Reading    *known;

	if (entry == NULL)
	{
		remember_other(owner, role, due);
		return;
	}
	known = bsearch(&key, readings, n, sizeof(Reading), compare_readings);
	if (known)
		known->found = true;
	entry->role = role;
	(void) wf_watermark_advance(entry, known ? known->generation : 0, due);

	/* An idle executor waits for what it knew of, which may be later. */
	if (due <= wf_clock_now())
		wf_watermark_wake(entry);
}

/*
 * Delete overdue timers of processes that do not exist: they would keep the
 * mark of their owner down for ever.  A thousand of each owner's earliest will
 * do; the others' turn comes when those are gone.
 */
static void
delete_strays(void)
{
	static WfStatement statement = {
		.sql = "DELETE FROM workflow.timer d WHERE d.ctid = ANY (ARRAY("
		" SELECT t.ctid FROM workflow.owner o CROSS JOIN LATERAL ("
		" SELECT s.ctid, s.process FROM workflow.timer s"
		" WHERE s.owner = o.id AND NOT s.parked"
		" AND s.due < pg_catalog.now() - '1 minute'::pg_catalog.interval"
		" ORDER BY s.due LIMIT 1000) t"
		" WHERE NOT EXISTS (SELECT FROM workflow.process p"
		" WHERE p.id = t.process)"
		/* a restore may have loaded timers, and not yet processes */
		" AND EXISTS (SELECT FROM workflow.stamp)))"
	};

	(void) wf_statement_execute(&statement, NULL, NULL, 0);
}

/*
 * Delete what was posted to processes that were erased meanwhile.  That can go
 * on until every transaction that may have seen such a process is over, which
 * is so when none is left that began before the erasure was first seen here.
 * (When a prepared one began is not known.)
 */
static void
delete_erased(void)
{
	static WfStatement look = {
		.sql = "SELECT FROM workflow.erasure WHERE pending LIMIT 1"
	};
	static WfStatement see = {
		.sql = "UPDATE workflow.erasure SET seen = pg_catalog.clock_timestamp()"
		" WHERE pending AND seen IS NULL"
	};
	static WfStatement settle = {
		.sql = "UPDATE workflow.erasure e SET pending = false"
		" WHERE e.pending AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a"
		" WHERE a.datname = pg_catalog.current_database()"
		" AND a.pid <> pg_catalog.pg_backend_pid() AND a.xact_start <= e.seen)"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts x"
		" WHERE x.database = pg_catalog.current_database())"
		" RETURNING e.process"
	};
	static WfStatement delete = {
		.sql = "DELETE FROM workflow.timer t USING workflow.erasure e"
		" WHERE t.process = e.process AND (e.pending OR e.process = ANY ($1))",
		.nargs = 1,
		.args = {UUIDARRAYOID}
	};
	Datum		settled;
	Datum	   *ids;
	bool		isnull;
	int			n;

	if (wf_statement_execute(&look, NULL, NULL, 1) == 0)
		return;
	(void) wf_statement_execute(&see, NULL, NULL, 0);
	n = wf_statement_execute(&settle, NULL, NULL, 0);
	ids = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	settled = PointerGetDatum(construct_array(ids, n, UUIDOID, UUID_LEN, false,
											  TYPALIGN_CHAR));

	/* With a snapshot that is younger than the end of those transactions. */
	(void) wf_statement_execute(&delete, &settled, NULL, 0);
}

/* What the tables say of every owner; true: some are long overdue. */
static bool
learn_owners(Reading *readings, int n, const SPITupleTable *rows, uint64 nrows)
{
	TimestampTz long_ago = TimestampTzPlusMilliseconds(wf_clock_now(), -LONG_OVERDUE);
	bool		overdue = false;

	for (uint64 i = 0; i < nrows; i++)
	{
		HeapTuple	row = rows->vals[i];
		TupleDesc	desc = rows->tupdesc;
		bool		isnull;
		Datum		owner = SPI_getbinval(row, desc, 1, &isnull);
		Datum		role = SPI_getbinval(row, desc, 2, &isnull);
		Datum		due = SPI_getbinval(row, desc, 3, &isnull);

		learn_owner(readings, n, DatumGetInt32(owner),
					DatumGetObjectId(role),
					isnull ? DT_NOEND : DatumGetTimestampTz(due));
		if (!isnull && DatumGetTimestampTz(due) < long_ago)
			overdue = true;
	}
	return overdue;
}

/* Of those the tables say nothing. */
static void
forget_owners(const Reading *readings, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (readings[i].found)
			continue;

		/* Its number may be given to another role, in another extension. */
		readings[i].entry->role = InvalidOid;
		(void) wf_watermark_advance(readings[i].entry, readings[i].generation,
									DT_NOEND);
	}
}

/* Read the earliest due time of every owner; true: some are long overdue. */
static bool
read_owners(void)
{
	static WfStatement statement = {
		.sql = "SELECT o.id, o.role::pg_catalog.oid,"
		" LEAST((SELECT pg_catalog.min(t.due) FROM workflow.timer t"
		" WHERE t.owner = o.id AND NOT t.parked),"
		/* what rests without a pause is to be brought back */
		" CASE WHEN EXISTS (SELECT FROM workflow.resting) AND EXISTS ("
		" SELECT FROM workflow.definition d WHERE d.owner = o.id"
		" AND EXISTS (SELECT FROM workflow.resting r WHERE r.definition = d.name)"
		" AND NOT EXISTS (SELECT FROM workflow.pause u WHERE u.definition = d.name))"
		" THEN pg_catalog.statement_timestamp() END)"
		" FROM workflow.owner o"
	};
	bool		overdue;
	int			n;
	Reading    *readings = read_generations(&n);
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	uint64		generation = 0;
	uint64		nrows;
	SPITupleTable *rows;

	nothers = 0;
	if (database)
		(void) wf_watermark_read(&database->others, &generation);

	/* a snapshot taken after the generations were read */
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());

	nrows = wf_statement_execute(&statement, NULL, NULL, 0);
	rows = SPI_tuptable;

	/*
	 * In the middle of a restore there are timers, and the stamp may be still
	 * to come.  Asked afterwards: whoever loaded these owners may be done by
	 * now.
	 */
	if (!wf_origin_is_ours())
		nrows = 0;
	overdue = learn_owners(readings, n, rows, nrows);
	if (database)
		learn_others(database, generation);
	forget_owners(readings, n);
	return overdue;
}

/*
 * Look through the tables: at the start, for owners that are not known yet,
 * and from time to time for work that nobody announced.
 */
bool
wf_sweep(Oid extension)
{
	FullTransactionId next_xid = ReadNextFullTransactionId();
	Snapshot	snapshot;
	bool		overdue;

	if (!wf_transaction_begin("looking for due work", extension))
		return false;

	overdue = read_owners();

	/*
	 * What is still in progress may commit without a new transaction id to
	 * show for it: then the next survey has to look again.
	 */
	snapshot = GetActiveSnapshot();
	surveyed_to = snapshot->xmin == snapshot->xmax &&
		snapshot->xmax == XidFromFullTransactionId(next_xid) ?
		next_xid : InvalidFullTransactionId;

	if (overdue)
		delete_strays();
	if (wf_origin_is_ours())
		delete_erased();
	wf_transaction_commit();
	last_survey = GetCurrentTimestamp();
	made = true;
	return true;
}

/* Was there any, for whatever reason, since this was last asked? */
bool
wf_sweep_made(void)
{
	bool		result = made;

	made = false;
	return result;
}

/* When that has to be asked again, by the real clock. */
TimestampTz
wf_sweep_due(void)
{
	return TimestampTzPlusMilliseconds(last_survey, wf_sweep_interval * 1000L);
}

/*
 * Survey if that is due and anybody wrote since the last one, in whatever
 * database.
 */
bool
wf_sweep_if_due(Oid extension)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now < wf_sweep_due() && last_survey <= now)
		return true;
	if (!FullTransactionIdIsValid(surveyed_to) ||
		!FullTransactionIdEquals(surveyed_to, ReadNextFullTransactionId()))
		return wf_sweep(extension);
	last_survey = now;
	return true;
}

/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  When the work of each lane of a database is due, read from the tables.
 *
 * Runs in the runtime of the database.  What it finds goes to the lanes in shared
 * memory; it writes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/housekeeping.h"
#include "bgworker/sweep.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/watermark.h"
#include "store/bulk_sweep.h"
#include "store/origin.h"
#include "store/run_sweep.h"
#include "store/schedule_sweep.h"
#include "store/timer_sweep.h"
#include "store/transaction.h"

/* Timers overdue by this much (ms) may be those of nobody. */
#define LONG_OVERDUE		60000

static TimestampTz last_sweep = 0;	/* real time */
static FullTransactionId swept_to;	/* nothing new below; invalid: not
										 * known */

/* Work of an owner that found no place in shared memory. */
typedef struct Overflow
{
	int32		owner;
	Oid			role;
	WfLaneKind	kind;
	TimestampTz due;
} Overflow;

static Overflow *overflow = NULL;	/* as of the last sweep */
static int	noverflow = 0;
static int	overflow_size = 0;

/* When the work of each owner is due, asked of the table of each kind. */
static uint64 (*const sweep_owners[WF_LANE_KINDS]) (void) = {
	[WF_LANE_STEPS] = wf_timer_sweep_owners,
	[WF_LANE_RUNS] = wf_run_sweep_owners,
	[WF_LANE_SCHEDULES] = wf_schedule_sweep_owners,
	[WF_LANE_BULKS] = wf_bulk_sweep_owners
};

/* Generation of a lane before the sweep's snapshot. */
typedef struct Reading
{
	WfLane	   *lane;
	uint64		generation;
	bool		found;
} Reading;

/* Read the generations of all lanes that are known, in order of address. */
static Reading *
read_generations(int *n)
{
	Reading    *readings = palloc(mul_size(wf_max_owners * WF_LANE_KINDS, sizeof(Reading)));

	*n = 0;
	wf_instance_lock(LW_SHARED);
	for (int i = 0; i < wf_max_owners; i++)
	{
		if (wf_owners[i].dbid != MyDatabaseId)
			continue;
		for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		{
			Reading    *reading = &readings[(*n)++];

			reading->lane = &wf_owners[i].lanes[kind];
			reading->found = false;
			(void) wf_watermark_read(reading->lane, &reading->generation);
		}
	}
	wf_instance_unlock();
	return readings;
}

static int
compare_readings(const void *a, const void *b)
{
	const WfLane *left = ((const Reading *) a)->lane;
	const WfLane *right = ((const Reading *) b)->lane;

	return left < right ? -1 : left > right;
}

static void
remember_overflow(int32 owner, Oid role, WfLaneKind kind, TimestampTz due)
{
	if (due == DT_NOEND)
		return;
	if (noverflow == overflow_size)
	{
		overflow_size = Max(16, 2 * overflow_size);
		overflow = overflow == NULL ?
			MemoryContextAlloc(TopMemoryContext, overflow_size * sizeof(Overflow)) :
			repalloc(overflow, overflow_size * sizeof(Overflow));
	}
	overflow[noverflow++] = (Overflow) {owner, role, kind, due};
}

/* The marks of what stands for them are the earliest of theirs. */
static void
learn_overflow(WfDatabase *database, const uint64 *generations)
{
	TimestampTz earliest[WF_LANE_KINDS];

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		earliest[kind] = DT_NOEND;
	for (int i = 0; i < noverflow; i++)
		earliest[overflow[i].kind] = Min(earliest[overflow[i].kind], overflow[i].due);
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		(void) wf_watermark_advance(&database->overflow->lanes[kind], generations[kind],
									WF_POSITION(earliest[kind]));
}

/*
 * Call `found` for each kind of work, due at the last sweep, of each owner
 * without a place in shared memory.
 */
void
wf_sweep_overflow(WfSweepFound found, void *arg)
{
	for (int i = 0; i < noverflow; i++)
		if (overflow[i].due <= wf_clock_now())
			found(arg, overflow[i].owner, overflow[i].role, overflow[i].kind,
				  overflow[i].due);
}

/*
 * Bring one lane up to date.  One that was not there when the snapshot was taken
 * has generation 0 still, unless somebody committed work for it meanwhile:
 * whoever inserts has made it before they commit.
 */
static void
learn_lane(Reading *readings, int n, int32 owner, Oid role, WfLaneKind kind,
		   TimestampTz due)
{
	WfOwner    *entry = wf_owner_entry(MyDatabaseId, owner, true);
	Reading		key;
	Reading    *known;

	if (entry == NULL)
	{
		remember_overflow(owner, role, kind, due);
		return;
	}
	key.lane = &entry->lanes[kind];
	known = bsearch(&key, readings, n, sizeof(Reading), compare_readings);
	if (known)
		known->found = true;
	wf_owner_set_role(entry, role);
	(void) wf_watermark_advance(key.lane, known ? known->generation : 0, WF_POSITION(due));

	/* An idle executor waits for what it knew of, which may be later. */
	if (due <= wf_clock_now())
		wf_watermark_wake(key.lane);
}

/* What the tables say of every owner's work; true: some is long overdue. */
static bool
learn_lanes(Reading *readings, int n, const SPITupleTable *rows, uint64 nrows)
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
		Datum		kind = SPI_getbinval(row, desc, 3, &isnull);
		Datum		due = SPI_getbinval(row, desc, 4, &isnull);

		learn_lane(readings, n, DatumGetInt32(owner), DatumGetObjectId(role),
				   (WfLaneKind) DatumGetInt32(kind),
				   isnull ? DT_NOEND : DatumGetTimestampTz(due));
		if (!isnull && DatumGetTimestampTz(due) < long_ago)
			overdue = true;
	}
	return overdue;
}

/* Of those the tables say nothing. */
static void
forget_lanes(const Reading *readings, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (readings[i].found)
			continue;

		/* Its number may be given to another role, in another extension. */
		wf_owner_set_role(readings[i].lane->entry, InvalidOid);
		(void) wf_watermark_advance(readings[i].lane, readings[i].generation,
									WF_POSITION(DT_NOEND));
	}
}

/*
 * Read when the work of every owner is due, of each kind; true: some is long
 * overdue.
 */
static bool
read_lanes(void)
{
	bool		overdue = false;
	int			n;
	Reading    *readings = read_generations(&n);
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	uint64		generations[WF_LANE_KINDS] = {0};

	noverflow = 0;
	for (int kind = 0; database != NULL && kind < WF_LANE_KINDS; kind++)
		(void) wf_watermark_read(&database->overflow->lanes[kind], &generations[kind]);

	/* a snapshot taken after the generations were read */
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
	{
		uint64		nrows = sweep_owners[kind] ();
		SPITupleTable *rows = SPI_tuptable;

		/*
		 * In the middle of a restore there is work, and the stamp may be still to
		 * come.  Asked afterwards: whoever loaded these owners may be done by now.
		 */
		if (!wf_origin_is_ours())
			nrows = 0;
		overdue = learn_lanes(readings, n, rows, nrows) || overdue;
	}
	if (database)
		learn_overflow(database, generations);
	forget_lanes(readings, n);
	return overdue;
}

/*
 * Tell that the database waits for adopt(), in the log once, or does not any more.
 * With no transaction open.
 */
void
wf_sweep_tell_foreign(bool foreign)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, false);

	if (database != NULL && wf_database_foreign(database, foreign) && foreign)
		ereport(LOG,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the workflows of this database were made in another one, and wait"),
				 errdetail("It was restored from a dump, copied, or upgraded."),
				 errhint("If they are to go on here, and no longer there: SELECT workflow.adopt();")));
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
	bool		ours;

	/* the next one is due at once, if this one fails */
	last_sweep = 0;
	swept_to = InvalidFullTransactionId;
	if (!wf_transaction_begin("looking for due work", extension))
		return false;

	overdue = read_lanes();

	/*
	 * What is still in progress may commit without a new transaction id to
	 * show for it: then the next sweep has to look again.
	 */
	snapshot = GetActiveSnapshot();
	swept_to = snapshot->xmin == snapshot->xmax &&
		snapshot->xmax == XidFromFullTransactionId(next_xid) ?
		next_xid : InvalidFullTransactionId;

	ours = wf_origin_is_ours();
	wf_transaction_commit();
	wf_sweep_tell_foreign(!ours);
	last_sweep = GetCurrentTimestamp();
	wf_housekeeping_swept(overdue);
	return true;
}

/*
 * When a sweep has failed: who the owners are, at least.  Executors find out
 * themselves what there is to do.  False: the extension is gone.
 */
bool
wf_sweep_roles(Oid extension)
{
	uint64		n = 0;

	if (!wf_transaction_begin("looking for owners", extension))
		return false;
	if (wf_origin_is_ours())
		n = wf_timer_sweep_roles();
	noverflow = 0;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		int32		owner = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
														SPI_tuptable->tupdesc, 1, &isnull));
		Oid			role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 2, &isnull));
		WfOwner    *entry = wf_owner_entry(MyDatabaseId, owner, true);

		if (entry != NULL)
			wf_owner_set_role(entry, role);
		else
			for (int kind = 0; kind < WF_LANE_KINDS; kind++)
				remember_overflow(owner, role, kind, wf_clock_now());
	}
	wf_transaction_commit();
	return true;
}

/* When that has to be asked again, by the real clock. */
TimestampTz
wf_sweep_due(void)
{
	return TimestampTzPlusMilliseconds(last_sweep, wf_sweep_interval * 1000L);
}

/*
 * Sweep if that is due and anybody wrote since the last one, in whatever
 * database.
 */
bool
wf_sweep_if_due(Oid extension)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!wf_clock_is_over(wf_sweep_due(), wf_sweep_interval * 1000))
		return true;
	if (!FullTransactionIdIsValid(swept_to) ||
		!FullTransactionIdEquals(swept_to, ReadNextFullTransactionId()))
		return wf_sweep(extension);
	last_sweep = now;
	return true;
}

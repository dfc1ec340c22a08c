/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Processes that are over expire: history and receipts are kept in a ring
 *	  of partitions, of which one at a time is written to.
 *
 * Runs in the runtime, one round a transaction, and in sessions that call
 * workflow.expire() or workflow.expire_all().  Before the ring moves on, its
 * oldest partition is emptied: processes that ended before the retention are
 * deleted with all that is stored of them, and history of all others is moved to
 * a younger partition.  What remains belongs to no process, and goes with a
 * TRUNCATE.
 *
 * The ring knows the age of what was written since it turns in the present time.  What was
 * there before, or while the retention was longer or none, is found by walks
 * (retention_walk.c).
 *
 * Rules (keep.c) say otherwise for processes of some definitions, and runs of
 * some jobs and queues.  Where there are any, walks come as often as the shortest
 * one asks for, each process and run goes by its own, and what has to stay when the
 * ring moves on is carried forward: history as that of processes that live, runs with
 * what they have said.  What an archive is to get first stays, too, and the walk tells
 * executors of it.
 *
 * Locks: the row of workflow.ring first, which one round at a time has; then
 * rows of processes, without waiting; then both relations of a partition, if
 * they are free.  What is locked by others is left for the next round, so that
 * nobody waits for a round and a round waits for nobody.
 *
 * A transaction that read the position of the ring before it moved on writes to
 * the partition before.  That is right, too: that one is emptied
 * WF_RETENTION_SLOTS - 1 moves later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "base/version.h"
#include "shmem/database.h"
#include "shmem/database_walk.h"
#include "store/act.h"
#include "store/keep.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/purge.h"
#include "store/retention.h"
#include "store/retention_walk.h"
#include "store/run_expire.h"
#include "store/statement.h"
#include "store/transaction.h"

/* The number of the column slot of workflow.ring. */
#define RING_SLOT 2

/* Processes that are dealt with in one round. */
#define ROUND		1000

/*
 * The ring moves on after this part of the retention.  So the oldest partition
 * is as old as the retention when all others have been written to.
 */
#define PARTS		(WF_RETENTION_SLOTS - 1)

static WfStatement make_statement = {
	.sql = "INSERT INTO workflow.ring (slot, since) VALUES (0, $1) ON CONFLICT (one) DO NOTHING",
	WF_ARGS(TIMESTAMPTZOID)
};

static WfStatement read_statement = {
	.sql = "SELECT since FROM workflow.ring"
};

/* Whoever holds this row empties the oldest partition. */
static WfStatement hold_statement = {
	.sql = "SELECT slot FROM workflow.ring FOR UPDATE SKIP LOCKED"
};

static WfStatement move_statement = {
	.sql = "UPDATE workflow.ring SET slot = $1, since = $2",
	WF_ARGS(INT2OID, TIMESTAMPTZOID)
};

/*
 * Processes that have rows in partition $1, $3 of them from $2 on: did they
 * end there, before $4?
 */
static WfStatement look_statement = {
	.sql = "SELECT w.process, p.id IS NULL," WF_PROCESS_ROW_IS_OVER("p")
	"  AND p.updated_at OPERATOR(pg_catalog.<) $4"
	"  AND EXISTS (SELECT FROM workflow.history l WHERE l.slot OPERATOR(pg_catalog.=) $1"
	"   AND l.process OPERATOR(pg_catalog.=) p.id AND l.step OPERATOR(pg_catalog.=) p.step)"
	" FROM (SELECT DISTINCT h.process FROM workflow.history h"
	"  WHERE h.slot OPERATOR(pg_catalog.=) $1 AND h.process OPERATOR(pg_catalog.>) $2"
	"  ORDER BY 1 LIMIT $3) w"
	" LEFT JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.process"
	" ORDER BY w.process",
	WF_ARGS(INT2OID, UUIDOID, INT8OID, TIMESTAMPTZOID),
	.latest = true
};

/* The same, by rules; $5: now. */
static WfStatement look_by_rules_statement = {
	.sql = "SELECT w.process, p.id IS NULL," WF_PROCESS_ROW_IS_OVER("p")
	"  AND (" WF_KEEP_GOES("p.updated_at", "$4") ")"
	"  AND EXISTS (SELECT FROM workflow.history l WHERE l.slot OPERATOR(pg_catalog.=) $1"
	"   AND l.process OPERATOR(pg_catalog.=) p.id AND l.step OPERATOR(pg_catalog.=) p.step)"
	" FROM (SELECT DISTINCT h.process FROM workflow.history h"
	"  WHERE h.slot OPERATOR(pg_catalog.=) $1 AND h.process OPERATOR(pg_catalog.>) $2"
	"  ORDER BY 1 LIMIT $3) w"
	" LEFT JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.process"
	" LEFT JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	WF_KEEP_OF_PROCESS("$5")
	" ORDER BY w.process",
	WF_ARGS(INT2OID, UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID),
	.latest = true
};

/*
 * Rows go to the partition of the last row of their process, so that all of them
 * expire together.  If that is the one to be emptied, they go to $3.  Those that an
 * open transaction has deleted (erase()) are left for the next round.
 */
static WfStatement carry_statement = {
	.sql = "WITH free AS MATERIALIZED (SELECT f.process, f.step FROM workflow.history f"
	"  WHERE f.slot OPERATOR(pg_catalog.=) $2 AND f.process OPERATOR(pg_catalog.=) ANY ($1)"
	"  FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE workflow.history h SET slot = COALESCE("
	"  (SELECT l.slot FROM workflow.history l WHERE l.process OPERATOR(pg_catalog.=) p.id"
	"   AND l.step OPERATOR(pg_catalog.=) p.step AND l.slot OPERATOR(pg_catalog.<>) $2 LIMIT 1), $3)"
	" FROM free f JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) f.process"
	" WHERE h.slot OPERATOR(pg_catalog.=) $2 AND h.process OPERATOR(pg_catalog.=) f.process"
	" AND h.step OPERATOR(pg_catalog.=) f.step",
	WF_ARGS(UUIDARRAYOID, INT2OID, INT2OID)
};

static WfStatement empty_statement = {
	.sql = "SELECT FROM workflow.history h JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) h.process"
	" WHERE h.slot OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(INT2OID),
	.latest = true				/* as the TRUNCATE, which has no snapshot */
};

/* TRUNCATE takes no parameters. */
#define TRUNCATE(n) {.sql = "TRUNCATE workflow.history_" #n ", workflow.receipt_" #n}
static WfStatement truncate_statements[WF_RETENTION_SLOTS] = {
	TRUNCATE(0), TRUNCATE(1), TRUNCATE(2), TRUNCATE(3),
	TRUNCATE(4), TRUNCATE(5), TRUNCATE(6), TRUNCATE(7)
};

/* The shortest one that a rule says, as this session has seen it last; 0: none. */
static int64 shortest_rule = 0;

/* The next walk comes then at the earliest, as the runtime has seen it last, if it has looked. */
static TimestampTz walk_after = DT_NOEND;
static bool looked = false;

/* So long (us) after another session was found at a round we ask again. */
#define HELD_PAUSE		USECS_PER_SEC

/* The shorter one of two retentions; 0 is for ever. */
static int64
shorter(int64 one, int64 other)
{
	return one == 0 || (other > 0 && other < one) ? other : one;
}

static void
read_times(int64 retention, WfRetentionTimes *times)
{
	times->now = wf_clock_now();
	times->retention = retention;
	times->cutoff = retention > 0 ? times->now - retention : DT_NOBEGIN;
	times->rules = wf_keep_shortest(&shortest_rule);
	times->pace = shorter(retention, shortest_rule);
}

/*
 * Deal with the next processes of the oldest partition, of which those that ended
 * before the cutoff, or have outlived their rules, go.  Returns false when there are
 * none any more.
 */
static bool
empty_some(WfRetentionRound *round, const WfRetentionTimes *times, TimestampTz cutoff)
{
	Datum		args[5] = {Int16GetDatum(round->oldest), UUIDPGetDatum(&round->after),
	Int64GetDatum(ROUND), TimestampTzGetDatum(cutoff), TimestampTzGetDatum(times->now)};
	uint64		n = wf_statement_execute(times->rules ? &look_by_rules_statement : &look_statement, args, NULL, 0);
	Datum	   *over = palloc(sizeof(Datum) * (n + 1));
	Datum	   *others = palloc(sizeof(Datum) * (n + 1));
	int			nover = 0;
	int			nothers = 0;

	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		id = SPI_getbinval(row, desc, 1, &isnull);

		round->after = *DatumGetUUIDP(id);
		if (DatumGetBool(SPI_getbinval(row, desc, 2, &isnull)))
			continue;			/* its process was erased: goes with the partition */
		if (DatumGetBool(SPI_getbinval(row, desc, 3, &isnull)))
			over[nover++] = id;
		else
			others[nothers++] = id;
	}
	if (nover > 0)
		round->expired += wf_purge_free(over, nover, round->oldest);
	if (nothers > 0)
	{
		Datum		values[3] = {PointerGetDatum(wf_uuid_array(others, nothers)),
		Int16GetDatum(round->oldest), Int16GetDatum(round->slot)};

		round->carried += wf_statement_execute(&carry_statement, values, NULL, 0);
	}
	return n == ROUND;
}

/*
 * Lock all relations of a partition, unless somebody is using them.  SQL before 0.3.0 has
 * only the first two.
 */
static bool
lock_partition(int16 slot)
{
	static const char *const relations[] = {"history_%d", "receipt_%d", "run_history_%d", "run_log_%d", "act_%d"};
	Oid			schema = get_namespace_oid("workflow", false);

	for (int i = 0; i < (int) lengthof(relations); i++)
	{
		Oid			relation = get_relname_relid(psprintf(relations[i], slot), schema);

		if (OidIsValid(relation) && !ConditionalLockRelationOid(relation, AccessExclusiveLock))
			return false;
	}
	return true;
}

/*
 * Carry the next runs of the oldest partition forward that their rules keep.  Returns
 * whether to call again at once.
 */
static bool
carry_runs(WfRetentionRound *round, const WfRetentionTimes *times)
{
	return times->rules && wf_run_expire_known() &&
		wf_run_expire_carry(round->oldest, round->slot, times->now, &round->carry);
}

/* Empty the oldest partition and make it the one that is written to, if possible. */
static void
move_on(WfRetentionRound *round, TimestampTz now)
{
	Datum		oldest = Int16GetDatum(round->oldest);
	Datum		values[2] = {oldest, TimestampTzGetDatum(now)};
	bool		runs = wf_run_expire_known();
	bool		all_carried = !round->carry.skipped;

	memset(&round->after, 0, sizeof(round->after));
	memset(&round->carry, 0, sizeof(round->carry));
	if (!all_carried)
		return;
	if (!lock_partition(round->oldest))
		return;
	/* Rows were locked by others, or written at an old position of the ring. */
	if (wf_statement_execute(&empty_statement, &oldest, NULL, 1) > 0)
		return;
	wf_statement_execute(&truncate_statements[round->oldest], NULL, NULL, 0);
	if (runs)
		wf_run_expire_truncate(round->oldest);
	wf_act_truncate(round->oldest);
	wf_statement_execute(&move_statement, values, NULL, 0);
	round->moved = true;
}

/* --- rounds -------------------------------------------------------------- */

/* May something have outlived its time since the last walk? */
static bool
may_find_something(const WfRetentionTimes *times)
{
	WfDatabase *database = wf_database_peek(MyDatabaseId);

	return database == NULL || wf_database_walk_at(database, times->retention) <= times->now;
}

/*
 * Is the ring to move on, and is there anything to walk for?  Takes no lock, and
 * writes nothing but the row of a ring that has none yet.
 */
static void
look_what_is_due(const WfRetentionTimes *times, WfRetentionRound *round, bool *move, bool *walk)
{
	Datum		value = TimestampTzGetDatum(times->now);
	WfRetentionWalk where;
	bool		isnull;

	*move = false;
	if (wf_statement_execute(&read_statement, NULL, NULL, 1) > 0)
		*move = times->retention > 0 &&
			times->now - DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
														   &isnull)) >= times->retention / PARTS;
	else
		wf_statement_execute(&make_statement, &value, NULL, 0);
	wf_retention_walk_where(&where);
	*walk = false;
	if (!where.known)
		return;
	round->walk_after = where.walked_to == DT_NOBEGIN ? DT_NOBEGIN :
		where.walked_to + times->pace + times->pace / PARTS;
	*walk = (round->asked && !round->walked) || where.under_way || round->walk_after == DT_NOBEGIN ||
		(round->walk_after <= times->now && may_find_something(times));
}

/*
 * One round in the current transaction, if the ring has to move on or a walk is
 * due.  retention: how long is kept what is over and no rule is for, in microseconds; 0:
 * for ever.  The caller keeps *round, zero at first, from one round to the next: where
 * the last one ended, and counts, which are added to.  round->asked: walk also if
 * the last walk is not long ago.  Returns whether to call again at once.  Locks:
 * see above.  SPI must be connected.
 */
bool
wf_retention_round(int64 retention, WfRetentionRound *round)
{
	WfRetentionTimes times;
	bool		move;
	bool		walk;
	bool		isnull;

	read_times(retention, &times);
	if (times.pace == 0)
		return false;
	look_what_is_due(&times, round, &move, &walk);
	if (!(move || walk))
		return false;
	round->held = wf_statement_execute(&hold_statement, NULL, NULL, 1) == 0;
	if (round->held)
		return false;
	round->slot = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 1, &isnull));
	round->oldest = (round->slot + 1) % WF_RETENTION_SLOTS;
	if (move)
	{
		if (empty_some(round, &times, wf_version_has_column("ring", "walk") ? times.cutoff : DT_NOEND) ||
			carry_runs(round, &times))
			return true;
		move_on(round, times.now);
	}
	return walk && (wf_act_expire(times.cutoff) || wf_retention_walk_some(&times, round));
}

/*
 * In the runtime: one round of workflow.retention, and of the rules, in a transaction of
 * its own.  *more: call again at once.  Returns false when the extension is gone.
 */
bool
wf_retention_cycle(Oid extension, bool *more)
{
	static WfRetentionRound round;
	static bool amid = false;

	/* what was rolled back is to be looked at again */
	if (amid)
		memset(&round, 0, sizeof(round));
	*more = false;

	/* who fails is held back, and does not come for this */
	walk_after = round.walk_after = DT_NOEND;
	looked = true;
	round.held = false;
	if (!wf_transaction_begin("expiring what is over", extension))
		return false;
	amid = true;
	/* a ring that a restore is still to load is not made here */
	*more = wf_origin_is_certain() &&
		wf_retention_round(wf_retention * USECS_PER_MINUTE, &round);
	wf_transaction_commit();
	amid = false;
	if (round.walked)
		wf_retention_walk_end(&round);
	walk_after = round.held ? wf_clock_now() + HELD_PAUSE : round.walk_after;
	return true;
}

/*
 * In the runtime: when a walk is to come, by wf_clock_now(), as its last round has found it;
 * infinity: nothing is over that ever goes.
 */
TimestampTz
wf_retention_next(WfDatabase *database)
{
	if (!looked)
		return DT_NOBEGIN;
	if (walk_after == DT_NOEND || shorter(wf_retention * USECS_PER_MINUTE, shortest_rule) == 0 || database == NULL)
		return DT_NOEND;
	return Max(walk_after, wf_database_walk_at(database, wf_retention * USECS_PER_MINUTE));
}

/*
 * The partition of the ring that is written to, read without a plan.  Without a
 * row nothing has ever expired in this database.
 */
int16
wf_retention_slot(void)
{
	Relation	ring = table_open(get_relname_relid("ring", get_namespace_oid("workflow", false)),
								  AccessShareLock);
	TupleTableSlot *row = table_slot_create(ring, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	TableScanDesc scan = table_beginscan(ring, snapshot, 0, NULL);
	int16		slot = 0;
	bool		isnull;

	if (table_scan_getnextslot(scan, ForwardScanDirection, row))
		slot = DatumGetInt16(slot_getattr(row, RING_SLOT, &isnull));
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(row);
	table_close(ring, NoLock);
	return slot;
}

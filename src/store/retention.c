/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Processes that are over expire: history and receipts are kept in a ring
 *	  of partitions, of which one at a time is written to.
 *
 * Runs in the runtime, one round a transaction, and in the session that calls
 * workflow.expire().  Before the ring moves on, its oldest partition is emptied:
 * processes that ended while it was written to are deleted with all that is
 * stored of them, and history of all others is moved to a younger partition.
 * What remains belongs to no process, and goes with a TRUNCATE.
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

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/purge.h"
#include "store/retention.h"
#include "store/statement.h"
#include "store/transaction.h"

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
 * end there?
 */
static WfStatement look_statement = {
	.sql = "SELECT w.process, p.id IS NULL," WF_PROCESS_ROW_IS_OVER("p")
	"  AND EXISTS (SELECT FROM workflow.history l WHERE l.slot OPERATOR(pg_catalog.=) $1"
	"   AND l.process OPERATOR(pg_catalog.=) p.id AND l.step OPERATOR(pg_catalog.=) p.step)"
	" FROM (SELECT DISTINCT h.process FROM workflow.history h"
	"  WHERE h.slot OPERATOR(pg_catalog.=) $1 AND h.process OPERATOR(pg_catalog.>) $2"
	"  ORDER BY 1 LIMIT $3) w"
	" LEFT JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.process"
	" ORDER BY w.process",
	WF_ARGS(INT2OID, UUIDOID, INT8OID)
};

static WfStatement lock_statement = {
	.sql = "SELECT p.id FROM workflow.process p WHERE p.id OPERATOR(pg_catalog.=) ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID)
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
	WF_ARGS(INT2OID)
};

/* TRUNCATE takes no parameters. */
#define TRUNCATE(n) {.sql = "TRUNCATE workflow.history_" #n ", workflow.receipt_" #n}
static WfStatement truncate_statements[WF_RETENTION_SLOTS] = {
	TRUNCATE(0), TRUNCATE(1), TRUNCATE(2), TRUNCATE(3),
	TRUNCATE(4), TRUNCATE(5), TRUNCATE(6), TRUNCATE(7)
};

/* Delete those of n processes that nobody has locked.  Returns how many. */
static uint64
delete_free(Datum *ids, int n, int16 oldest)
{
	Datum		value = PointerGetDatum(wf_uuid_array(ids, n));
	uint64		locked = wf_statement_execute(&lock_statement, &value, NULL, 0);
	Datum	   *free = palloc(sizeof(Datum) * (locked + 1));
	bool		isnull;

	for (uint64 i = 0; i < locked; i++)
		free[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	if (locked > 0)
		wf_purge(wf_uuid_array(free, locked), oldest, NULL);
	return locked;
}

/*
 * Deal with the next processes of the oldest partition.  Returns false when
 * there are none any more.
 */
static bool
empty_some(WfRetentionRound *round)
{
	Datum		args[3] = {Int16GetDatum(round->oldest), UUIDPGetDatum(&round->after),
	Int64GetDatum(ROUND)};
	uint64		n = wf_statement_execute(&look_statement, args, NULL, 0);
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
		round->expired += delete_free(over, nover, round->oldest);
	if (nothers > 0)
	{
		Datum		values[3] = {PointerGetDatum(wf_uuid_array(others, nothers)),
		Int16GetDatum(round->oldest), Int16GetDatum(round->slot)};

		round->carried += wf_statement_execute(&carry_statement, values, NULL, 0);
	}
	return n == ROUND;
}

/* Lock both relations of a partition, unless somebody is using them. */
static bool
lock_partition(int16 slot)
{
	static const char *const relations[] = {"history_%d", "receipt_%d"};
	Oid			schema = get_namespace_oid("workflow", false);

	for (int i = 0; i < (int) lengthof(relations); i++)
	{
		Oid			relation = get_relname_relid(psprintf(relations[i], slot), schema);

		if (!ConditionalLockRelationOid(relation, AccessExclusiveLock))
			return false;
	}
	return true;
}

/* Empty the oldest partition and make it the one that is written to, if possible. */
static void
move_on(WfRetentionRound *round, TimestampTz now)
{
	Datum		oldest = Int16GetDatum(round->oldest);
	Datum		values[2] = {oldest, TimestampTzGetDatum(now)};

	memset(&round->after, 0, sizeof(round->after));
	if (!lock_partition(round->oldest))
		return;
	/* Rows were locked by others, or written at an old position of the ring. */
	if (wf_statement_execute(&empty_statement, &oldest, NULL, 1) > 0)
		return;
	wf_statement_execute(&truncate_statements[round->oldest], NULL, NULL, 0);
	wf_statement_execute(&move_statement, values, NULL, 0);
	round->moved = true;
}

/*
 * Is the ring to move on?  Takes no lock, and writes nothing but the row of a
 * ring that has none yet.
 */
static bool
is_due(int64 retention, TimestampTz now)
{
	Datum		value = TimestampTzGetDatum(now);
	bool		isnull;

	if (wf_statement_execute(&read_statement, NULL, NULL, 1) > 0)
		return now - DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0],
													   SPI_tuptable->tupdesc, 1,
													   &isnull)) >= retention / PARTS;
	wf_statement_execute(&make_statement, &value, NULL, 0);
	return false;
}

/*
 * One round in the current transaction, if the ring has to move on.  retention:
 * how long processes that are over are kept, in microseconds.  round->after is
 * where the round before this one ended, zero at first; counts in it are added
 * to.  Returns whether to call again at once.  Locks: see above.  SPI must be
 * connected.
 */
bool
wf_retention_round(int64 retention, WfRetentionRound *round)
{
	TimestampTz now = wf_clock_now();
	bool		isnull;

	if (!is_due(retention, now) ||
		wf_statement_execute(&hold_statement, NULL, NULL, 1) == 0)
		return false;
	round->slot = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 1, &isnull));
	round->oldest = (round->slot + 1) % WF_RETENTION_SLOTS;
	if (empty_some(round))
		return true;
	move_on(round, now);
	return false;
}

/*
 * In the runtime: one round of workflow.retention in a transaction of its own.
 * *more: call again at once.  Returns false when the extension is gone.
 */
bool
wf_retention_cycle(Oid extension, bool *more)
{
	static WfRetentionRound round;

	*more = false;
	if (wf_retention == 0)
		return true;
	if (!wf_transaction_begin("expiring what is over", extension))
		return false;
	*more = wf_origin_is_ours() &&
		wf_retention_round(wf_retention * USECS_PER_MINUTE, &round);
	wf_transaction_commit();
	return true;
}

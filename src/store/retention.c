/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  What is over expires: history and receipts are kept in a ring of
 *	  partitions, of which one at a time is written to.
 *
 * Runs in the runtime, one round a transaction, and in the session that calls
 * workflow.expire().  When the ring moves on, the partition that is oldest by
 * then is emptied first: processes that ended in its time go, with all that is
 * known of them; rows of all others are carried forward.  What remains belongs
 * to nobody, and goes with a TRUNCATE.
 *
 * Nobody waits for this, and this for nobody: the lock for the TRUNCATE is
 * taken if it is free, else it is tried at another time; rows that somebody
 * has locked are left for the next round.
 *
 * A transaction that read the ring's position before it moved on writes to
 * the partition before: that one's turn comes WF_RETENTION_SLOTS - 1 moves later.
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

/* Processes in one round. */
#define ROUND		1000

/* The oldest is as old as the retention when all others have had their time. */
#define PARTS		(WF_RETENTION_SLOTS - 1)

static WfStatement make_statement = {
	.sql = "INSERT INTO workflow.ring (slot, since) VALUES (0, $1) ON CONFLICT (one) DO NOTHING",
	WF_ARGS(TIMESTAMPTZOID)
};

static WfStatement read_statement = {
	.sql = "SELECT since FROM workflow.ring"
};

/* Whoever has this row empties the next partition. */
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
 * To where the last row of the process is: all of them expire together.  For
 * one that lives that may be in the partition to be emptied; then to $3.
 */
static WfStatement carry_statement = {
	.sql = "UPDATE workflow.history h SET slot = COALESCE("
	"  (SELECT l.slot FROM workflow.history l WHERE l.process OPERATOR(pg_catalog.=) p.id"
	"   AND l.step OPERATOR(pg_catalog.=) p.step AND l.slot OPERATOR(pg_catalog.<>) $2 LIMIT 1), $3)"
	" FROM workflow.process p"
	" WHERE h.slot OPERATOR(pg_catalog.=) $2 AND h.process OPERATOR(pg_catalog.=) ANY ($1)"
	" AND p.id OPERATOR(pg_catalog.=) h.process",
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

/* Delete those of these processes that nobody is at.  Returns how many. */
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

/* Both relations of a partition, if nobody is at them. */
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

/* Make the oldest partition the one that is written to. */
static void
move_on(WfRetentionRound *round, TimestampTz now)
{
	Datum		oldest = Int16GetDatum(round->oldest);
	Datum		values[2] = {oldest, TimestampTzGetDatum(now)};

	memset(&round->after, 0, sizeof(round->after));
	if (!lock_partition(round->oldest))
		return;
	/* Somebody had a row locked, or an old position of the ring in mind. */
	if (wf_statement_execute(&empty_statement, &oldest, NULL, 1) > 0)
		return;
	wf_statement_execute(&truncate_statements[round->oldest], NULL, NULL, 0);
	wf_statement_execute(&move_statement, values, NULL, 0);
	round->moved = true;
}

/* Is the ring to move on?  Looks without a lock and writes nothing. */
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
 * One round in the present transaction, if the ring has to move on.
 * retention: in microseconds, how long what is over is kept.  Needs SPI; locks
 * what it deletes, and waits for nobody.  Returns whether to call again at once.
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
 * In the runtime: a transaction of moving the ring on, if that is due (a
 * seventh of workflow.retention after it last did).  *more: call again at
 * once.  Returns false when the extension is gone.
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

/*-------------------------------------------------------------------------
 *
 * run_expire.c
 *	  Runs that have ended are forgotten.
 *
 * Runs where a process is erased, and in the rounds of retention.c, whose ring the partitions of run_history and
 * run_log belong to: what is in the oldest partition when the ring moves on goes with a
 * TRUNCATE.  What a shorter retention makes go earlier is found by a walk in the order of
 * ids, which is that in which runs were made.
 *
 * Locks runs that have ended, and skips those that others have; then both relations of a
 * partition, if they are free.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#include "base/uuid.h"
#include "base/version.h"
#include "store/checkpoint.h"
#include "store/retention.h"
#include "store/run_expire.h"
#include "store/statement.h"

/* Runs that a walk looks at, at a time. */
#define WALK	10000

static WfStatement walk_statement = {
	.sql = "SELECT h.run, h.ended_at OPERATOR(pg_catalog.<) $2 FROM workflow.run_history h"
	" WHERE h.run OPERATOR(pg_catalog.>) $1 ORDER BY h.run LIMIT $3",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, INT8OID),
	.latest = true
};

static WfStatement lock_statement = {
	.sql = "SELECT h.run FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) ANY ($1)"
	" AND h.ended_at OPERATOR(pg_catalog.<) $2 FOR UPDATE SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement of_process_statement = {
	.sql = "SELECT h.run FROM workflow.run_history h WHERE h.process OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* One that is locked is being taken over by another run. */
#define FREE_KEYS(which) \
	"DELETE FROM workflow.run_key d WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT k.ctid FROM workflow.run_history h" \
	" JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) h.job" \
	" JOIN workflow.run_key k ON k.root OPERATOR(pg_catalog.=) j.root AND k.key OPERATOR(pg_catalog.=) h.key" \
	"  AND k.run OPERATOR(pg_catalog.=) h.run" \
	" WHERE " which " FOR UPDATE OF k SKIP LOCKED))"

static WfStatement keys_statement = {
	.sql = FREE_KEYS("h.run OPERATOR(pg_catalog.=) ANY ($1)"),
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

static WfStatement partition_keys_statement = {
	.sql = FREE_KEYS("h.slot OPERATOR(pg_catalog.=) $1"),
	WF_ARGS(INT2OID),
	.latest = true
};

static WfStatement log_statement = {
	.sql = "DELETE FROM workflow.run_log WHERE run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.run_history WHERE run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

/* TRUNCATE takes no parameters. */
#define TRUNCATE(n) {.sql = "TRUNCATE workflow.run_history_" #n ", workflow.run_log_" #n}
static WfStatement truncate_statements[WF_RETENTION_SLOTS] = {
	TRUNCATE(0), TRUNCATE(1), TRUNCATE(2), TRUNCATE(3),
	TRUNCATE(4), TRUNCATE(5), TRUNCATE(6), TRUNCATE(7)
};

/* Does the SQL of this database know runs? */
bool
wf_run_expire_known(void)
{
	return wf_version_has_column("run_log", "run");
}

/* Forget those of n runs that have ended before then, and that nobody has locked. */
static void
forget(Datum *ids, int n, TimestampTz cutoff)
{
	Datum		values[2] = {PointerGetDatum(wf_uuid_array(ids, n)), TimestampTzGetDatum(cutoff)};
	uint64		locked = wf_statement_execute(&lock_statement, values, NULL, 0);
	Datum	   *free = palloc(sizeof(Datum) * (locked + 1));
	const pg_uuid_t **runs = palloc(sizeof(pg_uuid_t *) * (locked + 1));
	bool		isnull;

	for (uint64 i = 0; i < locked; i++)
	{
		free[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		runs[i] = DatumGetUUIDP(free[i]);
	}
	if (locked == 0)
		return;
	values[0] = PointerGetDatum(wf_uuid_array(free, locked));
	(void) wf_statement_execute(&keys_statement, values, NULL, 0);
	(void) wf_statement_execute(&log_statement, values, NULL, 0);
	(void) wf_statement_execute(&delete_statement, values, NULL, 0);
	wf_checkpoint_forget(locked, runs);
}

/*
 * A piece of a walk: forget those behind *after that have ended before the cutoff; it
 * becomes the last one that was looked at.  Returns whether there are more.  SPI must
 * be connected, as for all of these.
 */
bool
wf_run_expire_walk(pg_uuid_t *after, TimestampTz cutoff)
{
	Datum		values[3] = {UUIDPGetDatum(after), TimestampTzGetDatum(cutoff), Int64GetDatum(WALK)};
	uint64		n = wf_statement_execute(&walk_statement, values, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *over = palloc(sizeof(Datum) * (n + 1));
	int			nover = 0;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		Datum		id = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

		*after = *DatumGetUUIDP(id);
		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)))
			over[nover++] = id;
	}
	if (nover > 0)
		forget(over, nover, cutoff);
	return n == WALK && wf_uuid_time(after) < cutoff;
}

/* Forget the runs that a process has made and that have ended. */
void
wf_run_expire_of_process(const pg_uuid_t *process)
{
	Datum		value = UUIDPGetDatum(process);
	uint64		n = wf_statement_execute(&of_process_statement, &value, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
		ids[i] = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
	if (n > 0)
		forget(ids, n, DT_NOEND);
}

/* Lock both relations of a partition, unless somebody is using them. */
bool
wf_run_expire_lock_partition(int slot)
{
	static const char *const relations[] = {"run_history_%d", "run_log_%d"};
	Oid			schema = get_namespace_oid("workflow", false);

	for (int i = 0; i < (int) lengthof(relations); i++)
	{
		Oid			relation = get_relname_relid(psprintf(relations[i], slot), schema);

		if (!ConditionalLockRelationOid(relation, AccessExclusiveLock))
			return false;
	}
	return true;
}

/*
 * Empty a partition that is locked.  What its runs have saved, checkpoint.c finds; a key
 * that stays is the next one's who wants it.
 */
void
wf_run_expire_truncate(int slot)
{
	Datum		value = Int16GetDatum(slot);

	(void) wf_statement_execute(&partition_keys_statement, &value, NULL, 0);
	(void) wf_statement_execute(&truncate_statements[slot], NULL, NULL, 0);
}

/*-------------------------------------------------------------------------
 *
 * bulk_sweep.c
 *	  What sweep and housekeeping ask of the table workflow.bulk.
 *
 * Runs in the runtime of a database (bgworker/sweep.c, housekeeping.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/version.h"
#include "store/bulk_sweep.h"
#include "store/statement.h"

/* So many rows expire at a time. */
#define PIECE	10000

/*
 * The third column is WF_LANE_BULKS.  By the index bulk_due; executors of such work bring
 * into archives what rules say, too.
 */
static WfStatement owners_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 3, LEAST("
	" (SELECT b.due FROM workflow.bulk b WHERE b.owner OPERATOR(pg_catalog.=) o.id AND b.due IS NOT NULL"
	"  ORDER BY b.owner, b.due LIMIT 1),"
	" (SELECT pg_catalog.min(e.due) FROM workflow.keep e WHERE e.owner OPERATOR(pg_catalog.=) o.id))"
	" FROM workflow.owner o"
};

/* SQL of versions before 0.3.0 has no bulk operations. */
static WfStatement no_bulks_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 3, NULL::pg_catalog.timestamptz FROM workflow.owner o"
};

/* Of operations that ended before $1: first what came of items, then they. */
static WfStatement expire_items_statement = {
	.sql = "DELETE FROM workflow.bulk_item d USING (SELECT i.bulk, i.item FROM workflow.bulk b"
	" JOIN workflow.bulk_item i ON i.bulk OPERATOR(pg_catalog.=) b.id"
	" WHERE b.ended_at OPERATOR(pg_catalog.<) $1 LIMIT $2 FOR UPDATE OF i SKIP LOCKED) i"
	" WHERE d.bulk OPERATOR(pg_catalog.=) i.bulk AND d.item OPERATOR(pg_catalog.=) i.item",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.bulk d USING (SELECT b.id FROM workflow.bulk b"
	" WHERE b.ended_at OPERATOR(pg_catalog.<) $1"
	" AND NOT EXISTS (SELECT FROM workflow.bulk_item i WHERE i.bulk OPERATOR(pg_catalog.=) b.id)"
	" LIMIT $2 FOR UPDATE SKIP LOCKED) b WHERE d.id OPERATOR(pg_catalog.=) b.id",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

/*
 * Every owner, and when the next slice of its bulk operations, or of what its archives get,
 * is due.  Returns their
 * number; rows are in SPI_tuptable, as of wf_timer_sweep_owners().
 */
uint64
wf_bulk_sweep_owners(void)
{
	return wf_statement_execute(wf_version_has_column("bulk", "id") ? &owners_statement :
								&no_bulks_statement, NULL, NULL, 0);
}

/* Forget a piece of what ended before then; true: there may be more. */
bool
wf_bulk_sweep_expire(TimestampTz before)
{
	Datum		values[2] = {TimestampTzGetDatum(before), Int64GetDatum(PIECE)};

	if (!wf_version_has_column("bulk", "id"))
		return false;
	if (wf_statement_execute(&expire_items_statement, values, NULL, 0) == PIECE)
		return true;
	return wf_statement_execute(&expire_statement, values, NULL, 0) == PIECE;
}

/*-------------------------------------------------------------------------
 *
 * run_wait.c
 *	  The table workflow.run_wait: runs that wait for the ends of others.
 *
 * Runs in whatever makes a run that waits, or ends one that is waited for, and in the
 * runtime.  Rows of a run that waits are deleted by who has it locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "store/run_wait.h"
#include "store/statement.h"

static WfStatement add_statement = {
	.sql = "INSERT INTO workflow.run_wait (awaited, run) SELECT a.id, $1 FROM pg_catalog.unnest($2) a(id)"
	" ON CONFLICT DO NOTHING",
	WF_ARGS(UUIDOID, UUIDARRAYOID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.run_wait WHERE run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

/* A run that is not there has ended, whether or not that is remembered. */
#define HAS_ENDED(w) \
	"NOT EXISTS (SELECT FROM workflow.run e WHERE e.id OPERATOR(pg_catalog.=) " w ".awaited)"

static WfStatement find_statement = {
	.sql = "SELECT DISTINCT w.run FROM workflow.run_wait w WHERE w.awaited OPERATOR(pg_catalog.=) ANY ($1)"
	" AND " HAS_ENDED("w") " LIMIT $2",
	WF_ARGS(UUIDARRAYOID, INT8OID),
	.latest = true
};

static WfStatement failed_statement = {
	.sql = "SELECT w.awaited FROM workflow.run_wait w WHERE w.run OPERATOR(pg_catalog.=) $1"
	" AND w.awaited OPERATOR(pg_catalog.=) ANY ($2) AND " HAS_ENDED("w")
	" AND NOT EXISTS (SELECT FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) w.awaited"
	"  AND h.state OPERATOR(pg_catalog.=) 3) LIMIT 1",
	WF_ARGS(UUIDOID, UUIDARRAYOID),
	.latest = true
};

static WfStatement pass_statement = {
	.sql = "DELETE FROM workflow.run_wait w WHERE w.run OPERATOR(pg_catalog.=) $1"
	" AND w.awaited OPERATOR(pg_catalog.=) ANY ($2) AND " HAS_ENDED("w"),
	WF_ARGS(UUIDOID, UUIDARRAYOID),
	.latest = true
};

static WfStatement any_statement = {
	.sql = "SELECT FROM workflow.run_wait w WHERE w.run OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* The next ones that are waited for, behind $1. */
static WfStatement ended_statement = {
	.sql = "SELECT p.awaited, " HAS_ENDED("p") " FROM (SELECT DISTINCT w.awaited FROM workflow.run_wait w"
	"  WHERE w.awaited OPERATOR(pg_catalog.>) $1 ORDER BY w.awaited LIMIT $2) p",
	WF_ARGS(UUIDOID, INT8OID),
	.latest = true
};

static pg_uuid_t
id_of(SPITupleTable *rows, uint64 row)
{
	bool		isnull;

	return *DatumGetUUIDP(SPI_getbinval(rows->vals[row], rows->tupdesc, 1, &isnull));
}

/* A run waits for these.  SPI must be connected, as for all of these. */
void
wf_run_wait_add(const pg_uuid_t *run, ArrayType *awaited)
{
	Datum		values[2] = {UUIDPGetDatum(run), PointerGetDatum(awaited)};

	(void) wf_statement_execute(&add_statement, values, NULL, 0);
}

/* Those that wait do not wait any more. */
void
wf_run_wait_forget(ArrayType *runs)
{
	Datum		value = PointerGetDatum(runs);

	(void) wf_statement_execute(&forget_statement, &value, NULL, 0);
}

/*
 * Runs that wait for some of these that have ended; runs has room for
 * WF_RUN_WAIT_PIECE.  Returns how many: if so many, there may be others.
 */
int
wf_run_wait_find(ArrayType *awaited, pg_uuid_t *runs)
{
	Datum		values[2] = {PointerGetDatum(awaited), Int64GetDatum(WF_RUN_WAIT_PIECE)};
	uint64		n = wf_statement_execute(&find_statement, values, NULL, 0);

	for (uint64 i = 0; i < n; i++)
		runs[i] = id_of(SPI_tuptable, i);
	return n;
}

/* Of these, has one that the run waits for ended, and not finished? */
bool
wf_run_wait_failed(const pg_uuid_t *run, ArrayType *awaited, pg_uuid_t *failed)
{
	Datum		values[2] = {UUIDPGetDatum(run), PointerGetDatum(awaited)};

	if (wf_statement_execute(&failed_statement, values, NULL, 1) == 0)
		return false;
	*failed = id_of(SPI_tuptable, 0);
	return true;
}

/*
 * Of these, the run has heard of those that have ended.  Returns whether it waits for
 * none any more.
 */
bool
wf_run_wait_pass(const pg_uuid_t *run, ArrayType *awaited)
{
	Datum		values[2] = {UUIDPGetDatum(run), PointerGetDatum(awaited)};

	(void) wf_statement_execute(&pass_statement, values, NULL, 0);
	return wf_statement_execute(&any_statement, values, NULL, 1) == 0;
}

/*
 * For the runtime: those that have ended of the next piece of all runs that others wait
 * for, behind *walk, which becomes the end of the piece; *more: it was a whole one.
 * awaited has room for WF_RUN_WAIT_PIECE.  Returns how many.
 */
int
wf_run_wait_ended(pg_uuid_t *walk, pg_uuid_t *awaited, bool *more)
{
	Datum		values[2] = {UUIDPGetDatum(walk), Int64GetDatum(WF_RUN_WAIT_PIECE)};
	uint64		found = wf_statement_execute(&ended_statement, values, NULL, 0);
	int			n = 0;

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		*walk = id_of(SPI_tuptable, i);
		if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull)))
			awaited[n++] = *walk;
	}
	*more = found == WF_RUN_WAIT_PIECE;
	return n;
}

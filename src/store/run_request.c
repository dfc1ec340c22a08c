/*-------------------------------------------------------------------------
 *
 * run_request.c
 *	  The table workflow.run_request: runs that are not wanted any more.
 *
 * Runs in whatever leaves the state that has invoked a run, in executors, who ask
 * before they do one, and in the runtime, which settles them.  To insert a row waits
 * for nobody: two of one run are no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "base/version.h"
#include "store/heap.h"
#include "store/run_request.h"
#include "store/statement.h"

static WfStatement add_statement = {
	.sql = "INSERT INTO workflow.run_request (run) VALUES ($1)",
	WF_ARGS(UUIDOID)
};

static WfStatement list_statement = {
	.sql = "SELECT q.run FROM workflow.run_request q ORDER BY q.run"
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.run_request WHERE run OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* This run is not wanted any more.  SPI must be connected, as for the others. */
void
wf_run_request_add(const pg_uuid_t *run)
{
	Datum		value = UUIDPGetDatum(run);

	(void) wf_statement_execute(&add_statement, &value, NULL, 0);
}

/* Is a run that a process has invoked not wanted any more, as far as is committed? */
bool
wf_run_request_has(const WfRunRow *row)
{
	const pg_uuid_t *run = wf_run_row_id(row);
	WfRights	rights;
	bool		found;

	if (row->nulls[WF_RUN_process])
		return false;
	wf_statement_raise_rights(&rights);
	wf_heap_have("run_request", "run_request_pkey", 1, &run, &found);
	wf_statement_restore_rights(&rights);
	return found;
}

/* Read which those are, WF_RUN_REQUEST_PIECE at most.  Returns how many. */
int
wf_run_request_list(pg_uuid_t *runs)
{
	uint64		n;
	bool		isnull;

	if (!wf_version_has_column("run_request", "run"))
		return 0;
	n = wf_statement_execute(&list_statement, NULL, NULL, WF_RUN_REQUEST_PIECE);
	for (uint64 i = 0; i < n; i++)
		runs[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	return n;
}

/* It was told, or has ended. */
void
wf_run_request_forget(const pg_uuid_t *run)
{
	Datum		value = UUIDPGetDatum(run);

	(void) wf_statement_execute(&forget_statement, &value, NULL, 0);
}

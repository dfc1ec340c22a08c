/*-------------------------------------------------------------------------
 *
 * run_request.c
 *	  The table workflow.run_request: what runs were asked while others were at them.
 *
 * Runs in whatever leaves the state that has invoked a run, in sessions that cancel and
 * signal runs, in executors, who look before they do one, and in the runtime, which
 * settles them.  To insert a row waits for nobody: two of one run are no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/version.h"
#include "store/heap.h"
#include "store/run_request.h"
#include "store/statement.h"

static WfStatement add_statement = {
	.sql = "INSERT INTO workflow.run_request (run, what, actor, event) VALUES ($1, $2, $3, $4)",
	WF_ARGS(UUIDOID, INT2OID, TEXTOID, TEXTOID)
};

static WfStatement list_statement = {
	.sql = "SELECT q.run, q.seq, q.what, q.actor, q.event FROM workflow.run_request q ORDER BY q.run, q.seq"
};

static WfStatement stops_statement = {
	.sql = "SELECT FROM workflow.run_request q WHERE q.run OPERATOR(pg_catalog.=) $1"
	" AND q.what OPERATOR(pg_catalog.=) ANY ('{1,2}'::pg_catalog.int2[]) LIMIT 1",
	WF_ARGS(UUIDOID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.run_request WHERE run OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.=) $2",
	WF_ARGS(UUIDOID, INT8OID),
	.latest = true
};

static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* A run is asked something.  SPI must be connected, as for the others. */
void
wf_run_request_add(const WfRunWord *request)
{
	char		nulls[] = "    ";
	Datum		values[4] = {
		UUIDPGetDatum(&request->run), Int16GetDatum(request->what),
		text_or_null(request->actor, &nulls[2]), text_or_null(request->event, &nulls[3])
	};

	(void) wf_statement_execute(&add_statement, values, nulls, 0);
}

/* Is a run that a process has invoked not wanted any more, as far as is committed? */
bool
wf_run_request_is_unwanted(const WfRunRow *row)
{
	const pg_uuid_t *run = wf_run_row_id(row);
	WfRights	rights;
	bool		found;

	if (row->nulls[WF_RUN_process])
		return false;
	wf_statement_raise_rights(&rights);
	wf_heap_have("run_request", "run_unwanted", 1, &run, &found);
	wf_statement_restore_rights(&rights);
	return found;
}

/* Was a run asked to stop? */
bool
wf_run_request_stops(const pg_uuid_t *run)
{
	Datum		value = UUIDPGetDatum(run);

	return wf_statement_execute(&stops_statement, &value, NULL, 1) > 0;
}

static char *
read_text(HeapTuple row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Read WF_RUN_REQUEST_PIECE of them at most.  Returns how many. */
int
wf_run_request_list(WfRunWord *requests)
{
	uint64		n;
	bool		isnull;

	if (!wf_version_has_column("run_request", "run"))
		return 0;
	n = wf_statement_execute(&list_statement, NULL, NULL, WF_RUN_REQUEST_PIECE);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	descriptor = SPI_tuptable->tupdesc;

		requests[i] = (WfRunWord) {
			.run = *DatumGetUUIDP(SPI_getbinval(row, descriptor, 1, &isnull)),
			.seq = DatumGetInt64(SPI_getbinval(row, descriptor, 2, &isnull)),
			.what = DatumGetInt16(SPI_getbinval(row, descriptor, 3, &isnull)),
			.actor = read_text(row, 4),.event = read_text(row, 5)
		};
	}
	return n;
}

/* It was told, or has ended. */
void
wf_run_request_forget(const WfRunWord *request)
{
	Datum		values[2] = {UUIDPGetDatum(&request->run), Int64GetDatum(request->seq)};

	(void) wf_statement_execute(&forget_statement, values, NULL, 0);
}

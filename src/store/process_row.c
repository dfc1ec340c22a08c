/*-------------------------------------------------------------------------
 *
 * process_row.c
 *	  The table workflow.process: rows into memory, under lock.
 *
 * Runs in any backend, in READ COMMITTED or above.  The order of locks is:
 * processes first (several of them in the order of ids, or skipping what is
 * locked), then their timers, which belong to whoever holds the process row.
 * So two steps can never wait for each other in a circle.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"

static WfStatement read_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

static WfStatement lock_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE",
	WF_ARGS(UUIDOID)
};

static WfStatement lock_free_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE SKIP LOCKED",
	WF_ARGS(UUIDOID)
};

static WfStatement lock_many_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id"
	" FOR NO KEY UPDATE OF p",
	WF_ARGS(UUIDARRAYOID)
};

static WfStatement lock_many_free_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id"
	" FOR NO KEY UPDATE OF p SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID)
};

static WfStatement read_many_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id",
	WF_ARGS(UUIDARRAYOID)
};

/*
 * Is it over, so that nothing can ever happen to it again?
 * WF_PROCESS_ROW_IS_OVER and workflow.is_over() say the same in SQL.
 */
bool
wf_process_row_is_over(const WfRow *row)
{
	if (row->status == WF_FINALIZED)
		return true;

	/* cancelled: it left all of its states; not one whose start failed */
	return row->status == WF_TERMINATED && row->step > 0 &&
		ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(row->states)),
					   ARR_DIMS(DatumGetArrayTypeP(row->states))) == 0;
}

/*
 * Fill in a row from what a statement has selected as WF_ROW_COLUMNS.  Values of
 * varying length stay where they are.  wf_status_load() comes before the first
 * row, and outside of a scan.
 */
void
wf_process_row_fill(WfRow *row, Datum *values, bool *nulls)
{
	row->tid = *(ItemPointer) DatumGetPointer(values[WF_ROW_ctid]);
	row->id = *DatumGetUUIDP(values[WF_ROW_id]);
	row->definition = DatumGetInt32(values[WF_ROW_definition]);
	row->step = DatumGetInt32(values[WF_ROW_step]);
	row->status = wf_status_of_oid(DatumGetObjectId(values[WF_ROW_status]));
	row->suspended = DatumGetBool(values[WF_ROW_suspended]);
	row->states = values[WF_ROW_states];
	row->context = values[WF_ROW_context];
	row->history = nulls[WF_ROW_history] ? (Datum) 0 : values[WF_ROW_history];
	row->children = nulls[WF_ROW_children] ? (Datum) 0 : values[WF_ROW_children];
	row->output = (Datum) 0;
	row->has_parent = !nulls[WF_ROW_parent];
	if (row->has_parent)
	{
		row->parent = *DatumGetUUIDP(values[WF_ROW_parent]);
		row->invoke = TextDatumGetCString(values[WF_ROW_invoke]);
	}
	row->depth = nulls[WF_ROW_depth] ? 0 : DatumGetInt32(values[WF_ROW_depth]);
	row->process = NULL;
	row->overtaken = false;
}

static bool
fetch_process(WfStatement *statement, const pg_uuid_t *id, WfRow *row)
{
	Datum		value = UUIDPGetDatum(id);
	Datum		values[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];

	if (wf_statement_execute(statement, &value, NULL, 1) == 0)
		return false;
	wf_status_load();
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	wf_process_row_fill(row, values, nulls);
	return true;
}

/*
 * Lock processes (FOR NO KEY UPDATE).  SPI must be connected; results are in
 * its memory, good until SPI_finish().
 *
 * wf_process_row_lock: false when there is none.  nowait: error WF005 when it is
 * locked by somebody else.
 * wf_process_row_lock_if_free: false when there is none, or it is locked.
 * wf_process_row_lock_many: in the order of ids; returns how many were found; with
 * nowait those that are locked are left out.
 */
bool
wf_process_row_read(const pg_uuid_t *id, WfRow *row)
{
	return fetch_process(&read_statement, id, row);
}

pg_noreturn static void
busy(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_BUSY),
			 errmsg("process %s is busy",
					DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)))),
			 errdetail("Another session is at it.")));
}

bool
wf_process_row_lock_if_free(const pg_uuid_t *id, WfRow *row)
{
	return fetch_process(&lock_free_statement, id, row);
}

bool
wf_process_row_lock(const pg_uuid_t *id, bool nowait, WfRow *row)
{
	if (!nowait)
		return fetch_process(&lock_statement, id, row);
	if (wf_process_row_lock_if_free(id, row))
		return true;
	if (wf_process_row_read(id, row))
		busy(id);
	return false;
}

static int
fetch_processes(WfStatement *statement, ArrayType *ids, WfRow **rows)
{
	Datum		value = PointerGetDatum(ids);
	Datum		values[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];
	int			n = wf_statement_execute(statement, &value, NULL, 0);

	wf_status_load();
	*rows = palloc(sizeof(WfRow) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		wf_process_row_fill(&(*rows)[i], values, nulls);
	}
	return n;
}

int
wf_process_row_lock_many(ArrayType *ids, bool nowait, WfRow **rows)
{
	return fetch_processes(nowait ? &lock_many_free_statement : &lock_many_statement,
						   ids, rows);
}

int
wf_process_row_read_many(ArrayType *ids, WfRow **rows)
{
	return fetch_processes(&read_many_statement, ids, rows);
}

static WfStatement stop_statement = {
	.sql = "UPDATE workflow.process SET status = 'error' WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

/*
 * Set the status "error" of a process that the caller holds and cannot step,
 * because its definition is not there.
 */
void
wf_process_row_stop(const pg_uuid_t *id)
{
	Datum		value = UUIDPGetDatum(id);

	wf_statement_execute(&stop_statement, &value, NULL, 0);
}

/*
 * A role that starts processes can be dropped, and its name given to another,
 * who has no part in them: at home only those are looked for who were not
 * there at an adopt() before.  There are many processes, and few who start
 * them.
 */
static WfStatement resolve_starters_statement = {
	.sql = "UPDATE workflow.process p SET starter = s.role"
	" FROM (SELECT n.name, " WF_ORIGIN_ROLE_OF("n.name::pg_catalog.name") " AS role"
	" FROM (SELECT DISTINCT q.started_by FROM workflow.process q"
	" WHERE $1 OR q.starter OPERATOR(pg_catalog.=) 0) n (name)) s"
	" WHERE p.started_by OPERATOR(pg_catalog.=) s.name"
	" AND p.starter OPERATOR(pg_catalog.<>) s.role"
	" AND ($1 OR p.starter OPERATOR(pg_catalog.=) 0)",
	WF_ARGS(BOOLOID)
};

/*
 * For adopt(): find the roles that started processes by their names.  foreign:
 * the rows come from another place, so that no OID in them means anything.
 * Locks the rows that change, in no particular order.
 */
void
wf_process_row_resolve_starters(bool foreign)
{
	Datum		value = BoolGetDatum(foreign);

	wf_statement_execute(&resolve_starters_statement, &value, NULL, 0);
}

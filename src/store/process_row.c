/*-------------------------------------------------------------------------
 *
 * process_row.c
 *	  The table workflow.process: reads rows into memory, and locks them.
 *
 * Runs in any backend, in READ COMMITTED or above.  To hold a process is to
 * have its row locked FOR NO KEY UPDATE.  Who holds it owns its rows in all
 * other tables, but for events that others post: those only insert into timer.
 *
 * Processes are locked first, several of them in the order of ids or skipping
 * those that are locked, and rows of other tables after that.  So two steps
 * never wait for each other in a circle.  Only a user's transaction with several
 * commands may lock processes in another order, and be the victim of a deadlock
 * as with any rows.
 *
 * SPI must be connected in all functions; rows that are read are in its memory,
 * good until SPI_finish().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

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

/* A process that the caller has no rights on passes through no lock. */
static WfStatement lock_many_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id"
	" WHERE $2 IS NULL OR p.definition OPERATOR(pg_catalog.=) ANY ($2)"
	" FOR NO KEY UPDATE OF p",
	WF_ARGS(UUIDARRAYOID, INT4ARRAYOID)
};

static WfStatement lock_many_free_statement = {
	.sql = "SELECT " WF_ROW_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id"
	" WHERE $2 IS NULL OR p.definition OPERATOR(pg_catalog.=) ANY ($2)"
	" FOR NO KEY UPDATE OF p SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID, INT4ARRAYOID)
};

static WfStatement definitions_statement = {
	.sql = "SELECT DISTINCT p.definition"
	" FROM pg_catalog.unnest($1) u(id) JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) u.id",
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

	/*
	 * One that was cancelled has left all of its states.  One whose start
	 * failed is in no state, either, but had no step.
	 */
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
		/* null only in a row that is not as the engine left it */
		row->invoke = nulls[WF_ROW_invoke] ? "" : TextDatumGetCString(values[WF_ROW_invoke]);
	}
	row->depth = nulls[WF_ROW_depth] ? 0 : DatumGetInt32(values[WF_ROW_depth]);
	row->key = nulls[WF_ROW_key] ? (Datum) 0 : values[WF_ROW_key];
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

/* Read a process without a lock.  False when there is none. */
bool
wf_process_row_read(const pg_uuid_t *id, WfRow *row)
{
	return fetch_process(&read_statement, id, row);
}

/*
 * Set *definition to that of a process.  False when there is none.  For whoever
 * asks for rights before locking: reads one column by the primary key, without a
 * statement, because every command does.
 */
bool
wf_process_row_definition(const pg_uuid_t *id, int32 *definition)
{
	Relation	relation = table_open(get_relname_relid("process",
														get_namespace_oid("workflow", false)),
									  AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		isnull;

	ScanKeyInit(&key, get_attnum(RelationGetRelid(relation), "id"), BTEqualStrategyNumber,
				F_UUID_EQ, UUIDPGetDatum(id));
	scan = systable_beginscan(relation, RelationGetPrimaryKeyIndex(relation, false), true,
							  snapshot, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		*definition = DatumGetInt32(heap_getattr(row, get_attnum(RelationGetRelid(relation),
																 "definition"),
												 RelationGetDescr(relation), &isnull));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, NoLock);
	return HeapTupleIsValid(row);
}

/*
 * The ids of the definitions of these processes, each once; returns their
 * number.  Takes no lock.
 */
int
wf_process_row_definitions(ArrayType *processes, int32 **definitions)
{
	Datum		value = PointerGetDatum(processes);
	int			n = wf_statement_execute(&definitions_statement, &value, NULL, 0);
	bool		isnull;

	*definitions = palloc(sizeof(int32) * (n + 1));
	for (int i = 0; i < n; i++)
		(*definitions)[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
														SPI_tuptable->tupdesc, 1, &isnull));
	return n;
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

/* Lock and read a process.  False when there is none, or it is locked by another. */
bool
wf_process_row_lock_if_free(const pg_uuid_t *id, WfRow *row)
{
	return fetch_process(&lock_free_statement, id, row);
}

/*
 * Lock and read a process.  False when there is none.  Waits for a session that
 * has it locked, or with nowait throws error WF005.
 */
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
fetch_processes(WfStatement *statement, Datum *values, const char *null, WfRow **rows)
{
	Datum		columns[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];
	int			n = wf_statement_execute(statement, values, null, 0);

	wf_status_load();
	*rows = palloc(sizeof(WfRow) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
		wf_process_row_fill(&(*rows)[i], columns, nulls);
	}
	return n;
}

/*
 * Lock and read those of these processes that have one of these definitions (NULL:
 * whatever they have), in the order of ids.  Waits for sessions that have one locked, or with nowait
 * leaves those out.  Returns how many rows there are.
 */
int
wf_process_row_lock_many(ArrayType *ids, ArrayType *definitions, bool nowait, WfRow **rows)
{
	Datum		values[2] = {PointerGetDatum(ids), PointerGetDatum(definitions)};

	return fetch_processes(nowait ? &lock_many_free_statement : &lock_many_statement,
						   values, definitions == NULL ? " n" : NULL, rows);
}

/* Read these processes without a lock.  Returns how many rows there are. */
int
wf_process_row_read_many(ArrayType *ids, WfRow **rows)
{
	Datum		value = PointerGetDatum(ids);

	return fetch_processes(&read_many_statement, &value, NULL, rows);
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
 * A role that started processes can be dropped, and its name given to another
 * role, which has no part in them.  So where the rows were written here only
 * those starters are looked for that an earlier adopt() did not find (0).  There
 * are many processes and few starters: each name is looked up once.
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

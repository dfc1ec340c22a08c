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

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "store/heap_find.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/tenant.h"

#define ROW_NAME(column) #column,
static const char *const row_columns[] = {WF_ROW_LIST(ROW_NAME, ROW_NAME)};

static WfHeapFind find_process = {
	.watch.table = "process",
	.nkeys = 1,
	.keys = {"id"},
	.ncolumns = WF_ROW_NCOLUMNS,
	.columns = row_columns,
	.nnew = WF_ROW_NNEW
};

StaticAssertDecl(WF_ROW_NCOLUMNS <= WF_HEAP_FIND_COLUMNS, "a row has too many columns");

/* What is asked of the SQL of versions before 0.3.0, and of this one. */
#define BOTH(TEXT, ...) \
{ \
	{.sql = TEXT(WF_ROW_OLDER_COLUMNS, ""), WF_ARGS(__VA_ARGS__)}, \
	{.sql = TEXT(WF_ROW_COLUMNS, " AND ($3 IS NULL OR p.tenant OPERATOR(pg_catalog.=) $3)"), \
	WF_ARGS(__VA_ARGS__)} \
}

#define READ_MANY(columns, which) \
	"SELECT " columns " FROM" \
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w" \
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id" \
	" WHERE ($2 IS NULL OR p.definition OPERATOR(pg_catalog.=) ANY ($2))" which

/* A process that the caller has no rights on passes through no lock. */
#define LOCK_MANY(columns, which) READ_MANY(columns, which) " FOR NO KEY UPDATE OF p"
#define LOCK_MANY_FREE(columns, which) LOCK_MANY(columns, which) " SKIP LOCKED"

static WfStatement read_many_statements[] = BOTH(READ_MANY, UUIDARRAYOID, INT4ARRAYOID, TEXTOID);
static WfStatement lock_many_statements[] = BOTH(LOCK_MANY, UUIDARRAYOID, INT4ARRAYOID, TEXTOID);
static WfStatement lock_many_free_statements[] = BOTH(LOCK_MANY_FREE, UUIDARRAYOID, INT4ARRAYOID, TEXTOID);

static WfStatement definitions_statement = {
	.sql = "SELECT DISTINCT p.definition"
	" FROM pg_catalog.unnest($1) u(id) JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) u.id",
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
	row->tenant = nulls[WF_ROW_tenant] ? (Datum) 0 : values[WF_ROW_tenant];
	row->traceparent = nulls[WF_ROW_traceparent] ? (Datum) 0 : values[WF_ROW_traceparent];
	row->process = NULL;
	row->overtaken = false;
}

/* Read a process without a lock.  False when there is none. */
bool
wf_process_row_read(const pg_uuid_t *id, WfRow *row)
{
	Datum		key = UUIDPGetDatum(id);
	Datum		values[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];

	if (!wf_heap_find(&find_process, &key, values, nulls))
		return false;
	wf_status_load();
	wf_process_row_fill(row, values, nulls);
	return true;
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
			 errdetail("Another session has locked it.")));
}

static void
ask(const Datum *values, const void *arg)
{
	const WfProcessRowCheck *check = arg;

	(*check) (DatumGetUUIDP(values[WF_ROW_id]), DatumGetInt32(values[WF_ROW_definition]),
			  values[WF_ROW_tenant]);
}

static bool
lock_process(const pg_uuid_t *id, bool wait, WfProcessRowCheck check, WfRow *row)
{
	Datum		key = UUIDPGetDatum(id);
	Datum		values[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];

	if (!wf_heap_find_lock(&find_process, &key, wait, check == NULL ? NULL : ask, &check,
						   values, nulls))
		return false;
	wf_status_load();
	wf_process_row_fill(row, values, nulls);
	return true;
}

/* To lock processes one after the other, those that are free: see wf_process_row_next(). */
WfHeapLocker *
wf_process_row_locker(void)
{
	wf_status_load();
	return wf_heap_find_begin_locking(&find_process);
}

/*
 * Lock and read a process; what is read is good until the next one.  False when
 * there is none, or it is locked by another.
 */
bool
wf_process_row_next(WfHeapLocker *locker, const pg_uuid_t *id, WfRow *row)
{
	Datum		key = UUIDPGetDatum(id);
	Datum		values[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];

	if (!wf_heap_find_lock_next(locker, &key, values, nulls))
		return false;
	wf_process_row_fill(row, values, nulls);
	return true;
}

/* Lock and read a process.  False when there is none, or it is locked by another. */
bool
wf_process_row_lock_if_free(const pg_uuid_t *id, WfRow *row)
{
	return lock_process(id, false, NULL, row);
}

/*
 * Lock and read a process.  False when there is none.  Waits for a session that
 * has it locked, or with nowait throws error WF005.  check, unless NULL, throws
 * if processes of this definition are not the user's to lock: it is asked first,
 * so that whoever has no rights neither waits nor writes a lock.
 */
bool
wf_process_row_lock(const pg_uuid_t *id, bool nowait, WfProcessRowCheck check, WfRow *row)
{
	if (lock_process(id, !nowait, check, row))
		return true;
	if (nowait && wf_process_row_read(id, row))
		busy(id);
	return false;
}

static int
fetch_processes(WfStatement *statements, ArrayType *ids, ArrayType *definitions, WfRow **rows)
{
	const char *tenant = wf_tenant_current();
	Datum		values[3] = {PointerGetDatum(ids), PointerGetDatum(definitions),
	tenant == NULL ? (Datum) 0 : CStringGetTextDatum(tenant)};
	char		null[] = {' ', definitions == NULL ? 'n' : ' ', tenant == NULL ? 'n' : ' ', '\0'};
	Datum		columns[WF_ROW_NCOLUMNS];
	bool		nulls[WF_ROW_NCOLUMNS];
	int			n = wf_statement_execute(&statements[wf_tenant_is_known() ? 1 : 0], values, null, 0);

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
 * whatever they have), and exist for the session (tenant.c), in the order of ids.  Waits
 * for sessions that have one locked, or with nowait leaves those out.  Returns how many
 * rows there are.
 */
int
wf_process_row_lock_many(ArrayType *ids, ArrayType *definitions, bool nowait, WfRow **rows)
{
	return fetch_processes(nowait ? lock_many_free_statements : lock_many_statements,
						   ids, definitions, rows);
}

/*
 * Read those of these processes that exist for the session, without a lock.  Returns how
 * many rows there are.
 */
int
wf_process_row_read_many(ArrayType *ids, WfRow **rows)
{
	return fetch_processes(read_many_statements, ids, NULL, rows);
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

/*-------------------------------------------------------------------------
 *
 * run.c
 *	  The tables workflow.run, run_history and run_key: what is written to them.
 *
 * Runs in any backend.  A run that waits or runs is a row of workflow.run.  Whoever
 * claims it for this very transaction deletes it, and puts it into run_history with
 * what became of it, or back; whoever claims it for longer changes it.  Rows are
 * locked by those two, never waited for by a claim.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/clock.h"
#include "base/version.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "store/heap.h"
#include "store/heap_find.h"
#include "store/load_note.h"
#include "store/origin.h"
#include "store/retention.h"
#include "store/run.h"
#include "store/statement.h"

struct WfRunWriter
{
	WfHeap	   *table;
	WfRights	rights;
};

#define COLUMN_NAME(column, type) #column,
static const char *const columns[] = {WF_RUN_LIST(COLUMN_NAME) "ctid"};

static WfHeapFind find_run = {
	.watch.table = "run",
	.nkeys = 1,
	.keys = {"id"},
	.ncolumns = lengthof(columns),
	.columns = columns
};

StaticAssertDecl(lengthof(columns) <= WF_HEAP_FIND_COLUMNS, "a run has too many columns");

static WfStatement ended_statement = {
	.sql = "SELECT h.state, h.job, h.starter, h.tenant FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

/* Those that are locked are being dealt with. */
static WfStatement extend_statement = {
	.sql = "UPDATE workflow.run u SET lease_until = $1 OPERATOR(pg_catalog.+) u.lease"
	" WHERE u.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.ctid FROM workflow.run r"
	" WHERE r.lease_until IS NOT NULL AND r.lease_until OPERATOR(pg_catalog.<) ($1 OPERATOR(pg_catalog.+) r.lease)"
	" FOR NO KEY UPDATE SKIP LOCKED))",
	WF_ARGS(TIMESTAMPTZOID)
};

/* What was put back meanwhile is seen by the next try. */
static WfStatement enter_order_statement = {
	.sql = "UPDATE workflow.run SET ordered = true WHERE queue OPERATOR(pg_catalog.=) $1 AND NOT ordered",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement out_of_order_statement = {
	.sql = "SELECT FROM workflow.run r WHERE r.queue OPERATOR(pg_catalog.=) $1 AND NOT r.ordered LIMIT 1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* As of processes: each name is looked up once. */
#define RESOLVE(table) \
	"UPDATE workflow." table " u SET starter = s.role" \
	" FROM (SELECT n.name, " WF_ORIGIN_ROLE_OF("n.name::pg_catalog.name") " AS role" \
	"  FROM (SELECT DISTINCT q.started_by FROM workflow." table " q" \
	"   WHERE $1 OR q.starter OPERATOR(pg_catalog.=) 0) n (name)) s" \
	" WHERE u.started_by OPERATOR(pg_catalog.=) s.name AND u.starter OPERATOR(pg_catalog.<>) s.role" \
	" AND ($1 OR u.starter OPERATOR(pg_catalog.=) 0)"

static WfStatement resolve_statement = {
	.sql = RESOLVE("run"),
	WF_ARGS(BOOLOID)
};

static WfStatement resolve_ended_statement = {
	.sql = RESOLVE("run_history"),
	WF_ARGS(BOOLOID)
};

/* So long (ms) what a runtime of another place has claimed counts as running. */
#define VOID_LEASE	60000

/* Workers of another place do not end runs of this one; their leases end. */
static WfStatement void_statement = {
	.sql = "UPDATE workflow.run SET fence = NULL, claimer = NULL,"
	" lease_until = CASE WHEN lease IS NULL THEN LEAST(lease_until, $1) ELSE lease_until END"
	" WHERE lease_until IS NOT NULL",
	WF_ARGS(TIMESTAMPTZOID)
};

/* Transactions of another place are none of this one, by which spans would be told. */
static WfStatement untold_statement = {
	.sql = "UPDATE workflow.run_history SET xid = NULL WHERE xid IS NOT NULL"
};

/* What a new row needs of one that has ended without success, by WF_RUN_*. */
#define BACK_LIST(C) \
	C(id, run) C(queue, queue) C(level, level) C(due, due) C(job, job) C(placed, placed) C(starter, starter) \
	C(started_by, started_by) C(partition, partition) C(key, key) C(params, params) C(actor, actor) C(error, error) \
	C(process, process) C(invoke, invoke) C(rules, rules) C(tenant, tenant) C(round, round) C(traceparent, traceparent)

#define BACK_NAME(column, ended) ", h." #ended
#define BACK_NUMBER(column, ended) WF_RUN_##column,

static const int back[] = {BACK_LIST(BACK_NUMBER)};

static WfStatement take_ended_statement = {
	.sql = "DELETE FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) $1"
	" AND h.state OPERATOR(pg_catalog.>) 3 RETURNING h.slot" BACK_LIST(BACK_NAME),
	WF_ARGS(UUIDOID),
	.latest = true
};

/*
 * The number of a partition, by which its runs are found and counted; 0: none.  Two
 * names may have the same number, once in 2^32 names: then they share their limits.
 */
int64
wf_run_part(const char *partition)
{
	uint64		hash;

	if (partition == NULL)
		return 0;
	hash = hash_bytes_extended((const unsigned char *) partition, strlen(partition), 0);
	return hash == 0 ? 1 : (int64) hash;
}

/* A run is in this partition, or in none, if it is NULL. */
void
wf_run_set_partition(WfRunRow *row, const char *partition)
{
	wf_run_row_set(row, WF_RUN_part, Int64GetDatum(wf_run_part(partition)));
	wf_run_row_clear(row, WF_RUN_partition);
	if (partition != NULL)
		wf_run_row_set(row, WF_RUN_partition, CStringGetTextDatum(partition));
}

/*
 * Open a table for rows of these columns.  Nobody but us has triggers or rules on it,
 * and users who make some have to hear of it.
 */
static WfHeap *
open_table(const char *name, int slot, TupleDesc desc)
{
	WfHeap	   *table = wf_heap_open(name, slot, desc);

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"workflow.%s\" has triggers, rules or columns that are not ours", name),
				 errhint("Drop them.")));
	return table;
}

/* Tell those who do the work of these runs when the transaction commits. */
static void
announce(const WfRunRow *row)
{
	int32		executor = DatumGetInt32(row->values[WF_RUN_executor]);

	if (!DatumGetBool(row->values[WF_RUN_ready]))
		return;
	if (executor != 0)
		wf_wakeup_work(executor, WF_LANE_RUNS, wf_run_row_due(row));
	else
		wf_wakeup_runs_outside(wf_run_row_due(row));
	wf_wakeup_runs_queue(DatumGetInt32(row->values[WF_RUN_queue]), wf_run_row_due(row));
}

static void
insert(int n, WfHeapRow *rows)
{
	WfRights	rights;
	WfHeap	   *table;

	wf_statement_raise_rights(&rights);
	table = open_table("run", -1, wf_run_row_descriptor());
	wf_heap_insert(table, n, rows);
	wf_heap_close(table);
	wf_statement_restore_rights(&rights);
}

/* Insert new runs; they get their place in the order here, and are announced. */
void
wf_run_insert(int n, WfRunRow *rows)
{
	Oid			sequence = get_relname_relid("run_seq_seq", get_namespace_oid("workflow", false));
	WfHeapRow  *written = palloc(sizeof(WfHeapRow) * n);

	for (int i = 0; i < n; i++)
	{
		wf_run_row_set(&rows[i], WF_RUN_seq, Int64GetDatum(nextval_internal(sequence, false)));
		written[i] = (WfHeapRow) {rows[i].values, rows[i].nulls};
	}
	insert(n, written);
	for (int i = 0; i < n; i++)
		announce(&rows[i]);
	pfree(written);
}

/* Put runs back that were taken in this transaction, as they are. */
void
wf_run_put_back(int n, WfRunRow **rows)
{
	WfHeapRow  *written;

	if (n == 0)
		return;
	written = palloc(sizeof(WfHeapRow) * n);
	for (int i = 0; i < n; i++)
		written[i] = (WfHeapRow) {rows[i]->values, rows[i]->nulls};
	insert(n, written);
	for (int i = 0; i < n; i++)
		announce(rows[i]);
	pfree(written);
}

/* Open the table to take runs, until wf_run_writer_end() or an error. */
WfRunWriter *
wf_run_writer(void)
{
	WfRunWriter *writer = palloc(sizeof(WfRunWriter));

	wf_statement_raise_rights(&writer->rights);
	writer->table = open_table("run", -1, NULL);
	return writer;
}

/*
 * Take a run that a scan has found, for this transaction.  False: another one has it,
 * or had.
 */
bool
wf_run_take(WfRunWriter *writer, const WfRunRow *row)
{
	return wf_heap_delete_if_free(writer->table, &row->tid);
}

/* No more runs are taken. */
void
wf_run_writer_end(WfRunWriter *writer)
{
	wf_heap_close(writer->table);
	wf_statement_restore_rights(&writer->rights);
	pfree(writer);
}

/* The columns of run_history that a run has, too. */
static const int kept[][2] = {
	{WF_RUN_ENDED_run, WF_RUN_id},
	{WF_RUN_ENDED_job, WF_RUN_job},
	{WF_RUN_ENDED_queue, WF_RUN_queue},
	{WF_RUN_ENDED_attempts, WF_RUN_attempts},
	{WF_RUN_ENDED_losses, WF_RUN_losses},
	{WF_RUN_ENDED_due, WF_RUN_due},
	{WF_RUN_ENDED_placed, WF_RUN_placed},
	{WF_RUN_ENDED_begun, WF_RUN_begun},
	{WF_RUN_ENDED_starter, WF_RUN_starter},
	{WF_RUN_ENDED_started_by, WF_RUN_started_by},
	{WF_RUN_ENDED_level, WF_RUN_level},
	{WF_RUN_ENDED_partition, WF_RUN_partition},
	{WF_RUN_ENDED_key, WF_RUN_key},
	{WF_RUN_ENDED_params, WF_RUN_params},
	{WF_RUN_ENDED_actor, WF_RUN_actor},
	{WF_RUN_ENDED_worker, WF_RUN_worker},
	{WF_RUN_ENDED_progress, WF_RUN_progress},
	{WF_RUN_ENDED_process, WF_RUN_process},
	{WF_RUN_ENDED_invoke, WF_RUN_invoke},
	{WF_RUN_ENDED_rules, WF_RUN_rules},
	{WF_RUN_ENDED_tenant, WF_RUN_tenant},
	{WF_RUN_ENDED_round, WF_RUN_round},
	{WF_RUN_ENDED_traceparent, WF_RUN_traceparent}
};

static void
fill_ended(const WfRunEnd *end, TimestampTz now, int16 slot, WfHeapRow *row)
{
	row->values = palloc0(sizeof(Datum) * WF_RUN_ENDED_NCOLUMNS);
	row->nulls = palloc0(sizeof(bool) * WF_RUN_ENDED_NCOLUMNS);
	for (int i = 0; i < (int) lengthof(kept); i++)
	{
		row->values[kept[i][0]] = end->row->values[kept[i][1]];
		row->nulls[kept[i][0]] = end->row->nulls[kept[i][1]];
	}
	row->values[WF_RUN_ENDED_level] = Int16GetDatum(WF_RUN_URGENCY(DatumGetInt16(row->values[WF_RUN_ENDED_level])));
	row->values[WF_RUN_ENDED_ended_at] = TimestampTzGetDatum(now);
	row->values[WF_RUN_ENDED_state] = Int16GetDatum(end->state);
	row->values[WF_RUN_ENDED_result] = JsonbPGetDatum(end->result);
	row->nulls[WF_RUN_ENDED_result] = end->result == NULL;
	row->values[WF_RUN_ENDED_error] = JsonbPGetDatum(end->error);
	row->nulls[WF_RUN_ENDED_error] = end->error == NULL;
	row->values[WF_RUN_ENDED_slot] = Int16GetDatum(slot);
	row->nulls[WF_RUN_ENDED_xid] = row->nulls[WF_RUN_ENDED_traceparent];
	if (unlikely(!row->nulls[WF_RUN_ENDED_xid]))
		row->values[WF_RUN_ENDED_xid] = FullTransactionIdGetDatum(GetTopFullTransactionId());
}

/* What the beginning of a run, that has ended now, and its end come to. */
static void
note_end(WfLoadNotes *notes, const WfRunEnd *end, TimestampTz now)
{
	const WfRunRow *row = end->row;
	WfLoadOf	of = {
		.at = now,.kind = WF_LOAD_RUNS,.what = wf_run_row_job(row),
		.queue = DatumGetInt32(row->values[WF_RUN_queue]),.tenant = wf_run_row_tenant(row),
		.runtime = row->nulls[WF_RUN_worker] ? (Datum) 0 : row->values[WF_RUN_worker]
	};
	WfLoadCounts *counts = wf_load_note(notes, &of);
	TimestampTz begun;
	int64		took;

	counts->ended++;
	counts->finished += end->state == WF_RUN_FINISHED;
	counts->failed += end->state == WF_RUN_FAILED;
	if (row->nulls[WF_RUN_begun])
		return;
	begun = DatumGetTimestampTz(row->values[WF_RUN_begun]);
	took = end->took > 0 ? end->took : Max(now - begun, 0);
	counts->busy += took / (double) USECS_PER_SEC;
	wf_histogram_add(&counts->took, wf_histogram_bucket(took), 1);

	of.at = begun;
	counts = wf_load_note(notes, &of);
	counts->started++;
	counts->lag += wf_load_note_late(wf_run_row_due(row), begun);
	counts->lags++;
}

/* Keep what became of runs whose rows were taken or deleted. */
void
wf_run_ended(int n, const WfRunEnd *ends)
{
	TimestampTz now = wf_clock_now();
	WfLoadNotes notes = {0};
	int16		slot;
	WfHeapRow  *rows;
	WfHeap	   *table;
	WfRights	rights;

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		note_end(&notes, &ends[i], now);
	wf_load_note_write(&notes);
	rows = palloc(sizeof(WfHeapRow) * n);
	wf_statement_raise_rights(&rights);
	slot = wf_retention_slot();
	for (int i = 0; i < n; i++)
		fill_ended(&ends[i], now, slot, &rows[i]);
	table = open_table("run_history", slot, wf_run_row_ended_descriptor());
	wf_heap_insert(table, n, rows);
	wf_heap_close(table);
	wf_statement_restore_rights(&rights);
	wf_wakeup_stepped();		/* who waits for them, or for what they held */
}

/* --- one run --------------------------------------------------------------- */

static bool
read_row(bool found, const Datum *values, const bool *nulls, WfRunRow *row)
{
	if (!found)
		return false;
	memcpy(row->values, values, sizeof(row->values));
	memcpy(row->nulls, nulls, sizeof(row->nulls));
	row->tid = *(ItemPointer) DatumGetPointer(values[WF_RUN_NCOLUMNS]);
	return true;
}

/* Read a run that waits or runs; false: there is none with this id. */
bool
wf_run_find(const pg_uuid_t *id, WfRunRow *row)
{
	Datum		key = UUIDPGetDatum(id);
	Datum		values[WF_RUN_NCOLUMNS + 1];
	bool		nulls[WF_RUN_NCOLUMNS + 1];

	return read_row(wf_heap_find(&find_run, &key, values, nulls), values, nulls, row);
}

/*
 * The same, and lock it.  False: there is none, or, without wait, another transaction
 * has it.  The one that was waited for may have taken the run and put it back, which is
 * another row then.
 */
bool
wf_run_lock(const pg_uuid_t *id, bool wait, WfRunRow *row)
{
	Datum		key = UUIDPGetDatum(id);
	Datum		values[WF_RUN_NCOLUMNS + 1];
	bool		nulls[WF_RUN_NCOLUMNS + 1];
	bool		locked;

	do
	{
		CHECK_FOR_INTERRUPTS();
		locked = wf_heap_find_lock(&find_run, &key, wait, NULL, NULL, values, nulls);
	} while (!locked && wait && wf_run_find(id, row));
	return read_row(locked, values, nulls, row);
}

/* --- one after the other ---------------------------------------------------- */

/*
 * Begin to lock runs one after the other, as the active snapshot shows them, which stays
 * until the end.
 */
WfRunLocker *
wf_run_locker(void)
{
	return wf_heap_find_begin_locking(&find_run);
}

/*
 * Lock a run that a scan or wf_run_locker_find() has found; *row becomes its latest
 * version, which is good until the next call, as of all of these.  False: it is gone, or,
 * without wait, another transaction has it.
 */
bool
wf_run_locker_lock(WfRunLocker *locker, const WfRunRow *found, bool wait, WfRunRow *row)
{
	Datum		values[WF_RUN_NCOLUMNS + 1];
	bool		nulls[WF_RUN_NCOLUMNS + 1];

	return read_row(wf_heap_find_lock_at(locker, &found->tid, wait, values, nulls), values, nulls, row);
}

/* Read a run that waits or runs; false: there is none with this id. */
bool
wf_run_locker_find(WfRunLocker *locker, const pg_uuid_t *id, WfRunRow *row)
{
	Datum		key = UUIDPGetDatum(id);
	Datum		values[WF_RUN_NCOLUMNS + 1];
	bool		nulls[WF_RUN_NCOLUMNS + 1];

	return read_row(wf_heap_find_look(locker, &key, values, nulls), values, nulls, row);
}

/* The locks stay until the end of the transaction.  An error ends it, too. */
void
wf_run_locker_end(WfRunLocker *locker)
{
	wf_heap_find_end_locking(locker);
}

/* --- those that have ended ------------------------------------------------- */

/* What became of a run that has ended; false: none is remembered with this id. */
bool
wf_run_find_ended(const pg_uuid_t *id, WfRunPast *past)
{
	Datum		value = UUIDPGetDatum(id);
	bool		isnull;

	if (wf_statement_execute(&ended_statement, &value, NULL, 1) == 0)
		return false;
	past->state = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	past->job = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	past->starter = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	past->tenant = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4, &isnull);
	return true;
}

/* Write runs that are locked, and announce those that may be claimed now. */
void
wf_run_update_many(int n, WfRunRow *const *rows)
{
	WfRights	rights;
	WfHeap	   *table;

	if (n == 0)
		return;
	wf_statement_raise_rights(&rights);
	table = open_table("run", -1, wf_run_row_descriptor());
	for (int i = 0; i < n; i++)
	{
		WfHeapRow	written = {rows[i]->values, rows[i]->nulls};
		ItemPointerData tid = rows[i]->tid;

		wf_heap_update(table, &tid, &written);
	}
	wf_heap_close(table);
	wf_statement_restore_rights(&rights);
	for (int i = 0; i < n; i++)
		announce(rows[i]);
}

/* Write one. */
void
wf_run_update(WfRunRow *row)
{
	wf_run_update_many(1, &row);
}

/* Delete runs that are locked. */
void
wf_run_delete_many(int n, const WfRunEnd *ends)
{
	WfRunWriter *writer = wf_run_writer();

	for (int i = 0; i < n; i++)
	{
		ItemPointerData tid = ends[i].row->tid;

		if (!wf_heap_delete(writer->table, &tid))
			elog(ERROR, "a run that was locked is gone");
	}
	wf_run_writer_end(writer);
}

/* Delete one. */
void
wf_run_delete(WfRunRow *row)
{
	wf_run_delete_many(1, &(WfRunEnd) {.row = row});
}

/* Extend the leases of all runs so that they count from `now` on. */
void
wf_run_extend_leases(TimestampTz now)
{
	Datum		value = TimestampTzGetDatum(now);

	(void) wf_statement_execute(&extend_statement, &value, NULL, 0);
}

/*
 * All runs of a queue have a place in its order.  Waits for those who have them.  What
 * others are putting into the queue is not seen: who finds that lets it enter.
 */
void
wf_run_enter_order(int32 queue)
{
	Datum		value = Int32GetDatum(queue);

	while (wf_statement_execute(&out_of_order_statement, &value, NULL, 1) > 0)
		(void) wf_statement_execute(&enter_order_statement, &value, NULL, 0);
}

/*
 * Take a run that has failed, was aborted or has expired out of run_history: *row is
 * what may be inserted anew, without its executor and its place in the order.  False:
 * there is none.  Waits for a transaction that does the same.
 */
bool
wf_run_take_ended(const pg_uuid_t *id, WfRunRow *row)
{
	Datum		value = UUIDPGetDatum(id);

	if (wf_statement_execute(&take_ended_statement, &value, NULL, 0) == 0)
		return false;
	wf_run_row_init(row);
	for (int i = 0; i < (int) lengthof(back); i++)
		row->values[back[i]] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 2,
											 &row->nulls[back[i]]);
	return true;
}

/*
 * For adopt(): find the roles that have made runs by their names.  foreign: the rows
 * come from another place, so that no OID in them means anything, and what workers
 * had claimed there is nobody's here.  SPI must be connected.
 */
void
wf_run_resolve(bool foreign)
{
	Datum		value = BoolGetDatum(foreign);

	if (!wf_version_has_column("run", "id"))
		return;
	(void) wf_statement_execute(&resolve_statement, &value, NULL, 0);
	(void) wf_statement_execute(&resolve_ended_statement, &value, NULL, 0);
	if (foreign)
	{
		value = TimestampTzGetDatum(TimestampTzPlusMilliseconds(wf_clock_now(), VOID_LEASE));
		(void) wf_statement_execute(&void_statement, &value, NULL, 0);
		(void) wf_statement_execute(&untold_statement, NULL, NULL, 0);
	}
}

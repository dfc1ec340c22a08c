/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Processes and timers from their tables into memory, under lock.
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
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "definition/definition.h"
#include "store/statement.h"
#include "store/process_row.h"
#include "store/heap.h"
#include "shmem/wakeup.h"
#include "shmem/inval.h"

#define PROCESS_COLUMNS \
	"p.ctid, p.id, p.definition, p.step, p.status, p.suspended, p.states, p.context, p.history," \
	" p.children, p.parent, p.invoke, p.depth"
#define N_PROCESS_COLUMNS 13

static WfStatement read_statement = {
	.sql = "SELECT " PROCESS_COLUMNS " FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {UUIDOID}
};

static WfStatement lock_statement = {
	.sql = "SELECT " PROCESS_COLUMNS " FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE",
	.nargs = 1,
	.args = {UUIDOID}
};

static WfStatement lock_free_statement = {
	.sql = "SELECT " PROCESS_COLUMNS " FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE SKIP LOCKED",
	.nargs = 1,
	.args = {UUIDOID}
};

static WfStatement lock_many_statement = {
	.sql = "SELECT " PROCESS_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id"
	" FOR NO KEY UPDATE OF p",
	.nargs = 1,
	.args = {UUIDARRAYOID}
};

static WfStatement lock_many_free_statement = {
	.sql = "SELECT " PROCESS_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id"
	" FOR NO KEY UPDATE OF p SKIP LOCKED",
	.nargs = 1,
	.args = {UUIDARRAYOID}
};

static WfStatement read_many_statement = {
	.sql = "SELECT " PROCESS_COLUMNS " FROM"
	" (SELECT DISTINCT u.id FROM pg_catalog.unnest($1) u(id) ORDER BY 1) w"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.id",
	.nargs = 1,
	.args = {UUIDARRAYOID}
};

/*
 * Tables are locked in the order of their names here: processes come first, as
 * they do in a command.  So a session that waits for the one has not got the
 * other, and an update script that locks both gets them (sql/update.sql.in).
 */
static WfStatement claim_statement = {
	.sql = "SELECT " PROCESS_COLUMNS ","
	" t.ctid, t.seq, t.due, t.attempts, t.event, t.name, t.state, t.actor, t.data, t.child"
	" FROM workflow.process p"
	" JOIN workflow.timer t ON p.id OPERATOR(pg_catalog.=) t.process"
	" WHERE t.owner OPERATOR(pg_catalog.=) $1 AND NOT t.parked"
	" AND ROW(t.due, t.seq) OPERATOR(pg_catalog.>) ROW($2, $5)"
	" AND t.due OPERATOR(pg_catalog.<=) $3"
	" ORDER BY t.due, t.seq LIMIT $4"
	" FOR NO KEY UPDATE OF p SKIP LOCKED",
	.nargs = 5,
	.args = {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID}
};

/* Room at first for so many timers. */
#define FIRST_CLAIM 128

/*
 * By tuple id: our older snapshot keeps vacuum from giving an id that the
 * claim saw to another timer.
 */
static WfStatement take_statement = {
	.sql = "DELETE FROM workflow.timer WHERE ctid OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {TIDOID}
};

static WfStatement next_due_statement = {
	.sql = "SELECT t.due FROM workflow.timer t"
	" WHERE t.owner OPERATOR(pg_catalog.=) $1 AND NOT t.parked"
	" AND t.due OPERATOR(pg_catalog.>=) $2"
	" ORDER BY t.due, t.seq LIMIT 1",
	.nargs = 2,
	.args = {INT4OID, TIMESTAMPTZOID}
};

static WfStatement park_statement = {
	.sql = "UPDATE workflow.timer SET parked = true"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND NOT parked",
	.nargs = 1,
	.args = {UUIDOID}
};

static WfStatement unpark_statement = {
	.sql = "UPDATE workflow.timer SET parked = false"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND parked RETURNING due",
	.nargs = 1,
	.args = {UUIDOID},
	.latest = true
};

/* --- status ------------------------------------------------------------ */

static const char *const status_names[] = {
	"initialized", "running", "idled", "finalized", "terminated", "error"
};

/* OIDs of the enum's values; those of another CREATE EXTENSION do not fit. */
static Oid	status_type = InvalidOid;

/* Told when the extension is dropped, which they go with. */
static WfWatch watch = {.table = "process"};
static Oid	status_oids[lengthof(status_names)];

static void
load_status_oids(void)
{
	Oid			type;

	if (likely(OidIsValid(status_type) && wf_watch_is_good(&watch)))
		return;
	wf_watch_begin(&watch);
	type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum("status"),
						   ObjectIdGetDatum(get_namespace_oid("workflow", false)));
	if (type == status_type && OidIsValid(type))
		return;
	status_type = InvalidOid;
	for (int i = 0; i < (int) lengthof(status_names); i++)
		status_oids[i] = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
										 ObjectIdGetDatum(type),
										 CStringGetDatum(status_names[i]));
	status_type = type;
}

Oid
wf_status_oid(WfStatus status)
{
	load_status_oids();
	return status_oids[status];
}

const char *
wf_status_name(WfStatus status)
{
	return status_names[status];
}

static WfStatus
status_of_oid(Oid oid)
{
	for (int i = 0; i < (int) lengthof(status_names); i++)
		if (status_oids[i] == oid)
			return (WfStatus) i;
	elog(ERROR, "unknown status %u", oid);
	return WF_ERROR;
}

bool
wf_row_is_over(const WfRow *row)
{
	if (row->status == WF_FINALIZED)
		return true;

	/* cancelled: it left all of its states; not one whose start failed */
	return row->status == WF_TERMINATED && row->step > 0 &&
		ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(row->states)),
					   ARR_DIMS(DatumGetArrayTypeP(row->states))) == 0;
}

/* --- reading ----------------------------------------------------------- */

static void
read_row(WfRow *row, Datum *values, bool *nulls)
{
	row->tid = *(ItemPointer) DatumGetPointer(values[0]);
	row->id = *DatumGetUUIDP(values[1]);
	row->definition = DatumGetInt32(values[2]);
	row->step = DatumGetInt32(values[3]);
	row->status = status_of_oid(DatumGetObjectId(values[4]));
	row->suspended = DatumGetBool(values[5]);
	row->states = values[6];
	row->context = values[7];
	row->history = nulls[8] ? (Datum) 0 : values[8];
	row->children = nulls[9] ? (Datum) 0 : values[9];
	row->output = (Datum) 0;
	row->has_parent = !nulls[10];
	if (row->has_parent)
	{
		row->parent = *DatumGetUUIDP(values[10]);
		row->invoke = TextDatumGetCString(values[11]);
	}
	row->depth = nulls[12] ? 0 : DatumGetInt32(values[12]);
	row->process = NULL;
	row->overtaken = false;
}

static bool
fetch_process(WfStatement *statement, const pg_uuid_t *id, WfRow *row)
{
	Datum		value = UUIDPGetDatum(id);
	Datum		values[N_PROCESS_COLUMNS];
	bool		nulls[N_PROCESS_COLUMNS];

	if (wf_execute(statement, &value, NULL, 1) == 0)
		return false;
	load_status_oids();
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	read_row(row, values, nulls);
	return true;
}

bool
wf_read_process(const pg_uuid_t *id, WfRow *row)
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
wf_lock_process_if_free(const pg_uuid_t *id, WfRow *row)
{
	return fetch_process(&lock_free_statement, id, row);
}

bool
wf_lock_process(const pg_uuid_t *id, bool nowait, WfRow *row)
{
	if (!nowait)
		return fetch_process(&lock_statement, id, row);
	if (wf_lock_process_if_free(id, row))
		return true;
	if (wf_read_process(id, row))
		busy(id);
	return false;
}

static int
fetch_processes(WfStatement *statement, ArrayType *ids, WfRow **rows)
{
	Datum		value = PointerGetDatum(ids);
	Datum		values[N_PROCESS_COLUMNS];
	bool		nulls[N_PROCESS_COLUMNS];
	int			n = wf_execute(statement, &value, NULL, 0);

	load_status_oids();
	*rows = palloc(sizeof(WfRow) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		read_row(&(*rows)[i], values, nulls);
	}
	return n;
}

int
wf_lock_processes(ArrayType *ids, bool nowait, WfRow **rows)
{
	return fetch_processes(nowait ? &lock_many_free_statement : &lock_many_statement,
						   ids, rows);
}

int
wf_read_processes(ArrayType *ids, WfRow **rows)
{
	return fetch_processes(&read_many_statement, ids, rows);
}

/* --- claiming ---------------------------------------------------------- */

static const char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

static void
read_timer(WfTimerRow *timer, const WfRow *row, Datum *values, bool *nulls)
{
	timer->process = row->id;
	timer->seq = DatumGetInt64(values[1]);
	timer->due = DatumGetTimestampTz(values[2]);
	timer->attempts = DatumGetInt16(values[3]);
	timer->event = TextDatumGetCString(values[4]);
	timer->name = text_or_null(values[5], nulls[5]);
	timer->state = text_or_null(values[6], nulls[6]);
	timer->actor = text_or_null(values[7], nulls[7]);
	timer->data = nulls[8] ? NULL : DatumGetJsonbPCopy(values[8]);
	timer->from_child = !nulls[9];
	if (timer->from_child)
		timer->child = *DatumGetUUIDP(values[9]);
}

/*
 * Takes what is claimed as it comes out of the statement: a batch is too large
 * to be made tuples of that are taken apart again.
 */
typedef struct Claim
{
	DestReceiver receiver;
	MemoryContext context;		/* of what is kept */
	WfRow	   *rows;
	WfTimerRow *timers;
	ItemPointerData *tids;
	int			n;
	int			size;
} Claim;

static void
start_claim(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
end_claim(DestReceiver *self)
{
}

static void
grow_claim(Claim *claim)
{
	claim->size *= 2;
	claim->rows = repalloc(claim->rows, sizeof(WfRow) * claim->size);
	claim->timers = repalloc(claim->timers, sizeof(WfTimerRow) * claim->size);
	claim->tids = repalloc(claim->tids, sizeof(ItemPointerData) * claim->size);
}

/* A value of varying length, as it is; 0 stays. */
static Datum
kept(Datum value)
{
	return value == (Datum) 0 ? value : datumCopy(value, false, -1);
}

static bool
receive_claimed(TupleTableSlot *slot, DestReceiver *self)
{
	Claim	   *claim = (Claim *) self;
	MemoryContext old = MemoryContextSwitchTo(claim->context);
	WfRow	   *row;

	if (claim->n == claim->size)
		grow_claim(claim);
	row = &claim->rows[claim->n];
	slot_getallattrs(slot);
	read_row(row, slot->tts_values, slot->tts_isnull);
	row->states = kept(row->states);
	row->context = kept(row->context);
	row->history = kept(row->history);
	row->children = kept(row->children);
	read_timer(&claim->timers[claim->n], row, slot->tts_values + N_PROCESS_COLUMNS,
			   slot->tts_isnull + N_PROCESS_COLUMNS);
	claim->tids[claim->n] = *(ItemPointer) DatumGetPointer(slot->tts_values[N_PROCESS_COLUMNS]);
	claim->n++;
	MemoryContextSwitchTo(old);
	return true;
}

static void
init_claim(Claim *claim, int limit)
{
	claim->receiver.receiveSlot = receive_claimed;
	claim->receiver.rStartup = start_claim;
	claim->receiver.rShutdown = end_claim;
	claim->receiver.rDestroy = end_claim;
	claim->receiver.mydest = DestNone;
	claim->context = CurrentMemoryContext;
	claim->size = Min(limit, FIRST_CLAIM);
	claim->rows = palloc(sizeof(WfRow) * claim->size);
	claim->timers = palloc(sizeof(WfTimerRow) * claim->size);
	claim->tids = palloc(sizeof(ItemPointerData) * claim->size);
	claim->n = 0;
}

/*
 * Several timers of one process share its row: the first one's.  `rows` holds
 * n candidates in an open-addressing table of their positions.
 */
static WfRow *
shared_row(WfRow *rows, int *table, uint32 mask, int position)
{
	uint32		slot = hash_bytes(rows[position].id.data, UUID_LEN) & mask;

	for (; table[slot] >= 0; slot = (slot + 1) & mask)
		if (memcmp(&rows[table[slot]].id, &rows[position].id, UUID_LEN) == 0)
			return &rows[table[slot]];
	table[slot] = position;
	return &rows[position];
}

static bool
take_timer(WfTable *table, ItemPointer tid)
{
	Datum		value = PointerGetDatum(tid);

	if (table != NULL)
		return wf_table_delete(table, tid);
	return wf_run(&take_statement, &value, NULL, 0) == 1;
}

/*
 * Delete the claimed timers.  One that is gone (its process was stepped
 * between our snapshot and our lock) is dropped from the claim, and its
 * process marked: whoever stepped it may have put timers back, which are due
 * before those that we have and not in our snapshot.  Returns how many are
 * left.
 */
static int
take_timers(int n, ItemPointer tids, WfTimerRow *timers, WfRow **rows)
{
	WfTable    *table = wf_table_open("timer", -1, NULL);
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		if (take_timer(table, &tids[i]))
		{
			timers[kept] = timers[i];
			rows[kept++] = rows[i];
		}
		else
			rows[i]->overtaken = true;
	}
	if (table != NULL)
		wf_table_close(table);
	return kept;
}

int
wf_claim(int32 owner, TimestampTz after, int64 seq, TimestampTz until, int limit,
		 WfTimerRow **timers, WfRow ***rows)
{
	Datum		args[5] = {Int32GetDatum(owner), TimestampTzGetDatum(after),
	TimestampTzGetDatum(until), Int64GetDatum(limit), Int64GetDatum(seq)};
	WfRights	rights;
	Claim		claim;
	int		   *table;
	uint32		mask = 15;

	load_status_oids();
	init_claim(&claim, limit);
	wf_rights_raise(&rights);
	wf_run_into(&claim_statement, args, &claim.receiver);
	if (claim.n > 0)
	{
		wf_wake_claiming();
		while (mask < (uint32) claim.n * 2)
			mask = mask * 2 + 1;
		table = palloc(sizeof(int) * (mask + 1));
		memset(table, -1, sizeof(int) * (mask + 1));
		*rows = palloc(sizeof(WfRow *) * claim.n);
		for (int i = 0; i < claim.n; i++)
			(*rows)[i] = shared_row(claim.rows, table, mask, i);
		*timers = claim.timers;
		claim.n = take_timers(claim.n, claim.tids, *timers, *rows);
	}
	wf_rights_restore(&rights);
	return claim.n;
}

TimestampTz
wf_next_due(int32 owner, TimestampTz mark)
{
	Datum		args[2] = {Int32GetDatum(owner), TimestampTzGetDatum(mark)};
	bool		isnull;

	if (wf_execute(&next_due_statement, args, NULL, 1) == 0)
		return DT_NOEND;
	return DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0],
											 SPI_tuptable->tupdesc, 1, &isnull));
}

/* --- parking ----------------------------------------------------------- */

void
wf_park_timers(const pg_uuid_t *process)
{
	Datum		id = UUIDPGetDatum(process);

	wf_execute(&park_statement, &id, NULL, 0);
}

void
wf_announce_returned(int32 owner)
{
	bool		isnull;

	for (uint64 i = 0; i < SPI_processed; i++)
		wf_wake_timer(owner,
					  DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[i],
														SPI_tuptable->tupdesc, 1,
														&isnull)));
}

void
wf_unpark_timers(const pg_uuid_t *process, int32 owner)
{
	Datum		id = UUIDPGetDatum(process);

	wf_execute(&unpark_statement, &id, NULL, 0);
	wf_announce_returned(owner);
}

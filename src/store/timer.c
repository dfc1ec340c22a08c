/*-------------------------------------------------------------------------
 *
 * timer.c
 *	  The table workflow.timer: events that have still to reach a process.
 *
 * Executors claim timers here (wf_timer_claim()), and so does work(); sessions
 * park, take back and rename those of processes that they hold.  All statements
 * on the table stand here, but for those of the sweep (timer_sweep.c), of steps,
 * which arm and disarm (changes_write.c), of events that were given up
 * (failure.c), and of purge.c.
 *
 * Whoever holds the process row owns its timers: see process_row.c for the order
 * of locks.  post() inserts without it.
 *
 * States of a timer: it waits in the table for its due time; it is parked, where
 * no claim sees it, while its process is suspended, terminated or resting; it is
 * claimed, that is, deleted by a transaction that delivers it, and there again if
 * that transaction aborts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "shmem/lane.h"
#include "shmem/wakeup.h"
#include "store/heap.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/timer.h"

/*
 * What a statement reads of workflow.timer t, for read_timer(); F is the first
 * column.  Names and positions come from here.
 */
#define TIMER_LIST(F, N) \
	F(seq) \
	N(due) \
	N(attempts) \
	N(event) \
	N(name) \
	N(state) \
	N(actor) \
	N(data) \
	N(child)

#define TIMER_FIRST(column) "t." #column
#define TIMER_NEXT(column) ", t." #column
#define TIMER_COLUMNS TIMER_LIST(TIMER_FIRST, TIMER_NEXT)

#define TIMER_POSITION(column) TIMER_##column,
enum
{
	TIMER_LIST(TIMER_POSITION, TIMER_POSITION)
	TIMER_NCOLUMNS
};

/* Of the claim: the process, its timer, and where the timer is. */
#define CLAIMED_TIMER	WF_ROW_NCOLUMNS
#define CLAIMED_TID		(CLAIMED_TIMER + TIMER_NCOLUMNS)

/*
 * The claim.  An executor locks tables in the order in which they are named
 * here: process comes first, as it does in a command.  So a session that waits
 * for process does not hold timer, and an update script that locks both gets
 * them (sql/update.sql.in).
 */
#define CLAIM(end) \
	"SELECT " WF_ROW_COLUMNS ", " TIMER_COLUMNS ", t.ctid" \
	" FROM workflow.process p" \
	" JOIN workflow.timer t ON p.id OPERATOR(pg_catalog.=) t.process" \
	" WHERE t.owner OPERATOR(pg_catalog.=) $1 AND NOT t.parked" \
	" AND ROW(t.due, t.seq) OPERATOR(pg_catalog.>=) ROW($2, $5)" \
	" AND " end \
	" ORDER BY t.due, t.seq LIMIT $4" \
	" FOR NO KEY UPDATE OF p SKIP LOCKED"

static WfStatement claim_statement = {
	.sql = CLAIM("t.due OPERATOR(pg_catalog.<=) $3"),
	WF_ARGS(INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID)
};

static WfStatement claim_part_statement = {
	.sql = CLAIM("ROW(t.due, t.seq) OPERATOR(pg_catalog.<) ROW($3, $6)"),
	WF_ARGS(INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID)
};

static WfStatement part_statement = {
	.sql = "SELECT t.due, t.seq FROM workflow.timer t"
	" WHERE t.owner OPERATOR(pg_catalog.=) $1 AND NOT t.parked"
	" AND ROW(t.due, t.seq) OPERATOR(pg_catalog.>=) ROW($2, $5)"
	" AND ROW(t.due, t.seq) OPERATOR(pg_catalog.<) ROW($3, $6)"
	" ORDER BY t.due, t.seq LIMIT $4",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID)
};

/* A claim begins with memory for this many timers. */
#define FIRST_CLAIM 128

/*
 * Deletes by tuple id: the snapshot of the caller is older than the claim, and
 * keeps vacuum from giving an id that the claim saw to another timer.
 */
static WfStatement take_statement = {
	.sql = "DELETE FROM workflow.timer WHERE ctid OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TIDOID)
};

static WfStatement next_due_statement = {
	.sql = "SELECT t.due, t.seq FROM workflow.timer t"
	" WHERE t.owner OPERATOR(pg_catalog.=) $1 AND NOT t.parked"
	" AND ROW(t.due, t.seq) OPERATOR(pg_catalog.>=) ROW($2, $3)"
	" ORDER BY t.due, t.seq LIMIT 1",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, INT8OID)
};

static WfStatement park_statement = {
	.sql = "UPDATE workflow.timer SET parked = true"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND NOT parked",
	WF_ARGS(UUIDOID)
};

/* The definition may have got another owner meanwhile: see definition/handover.c. */
static WfStatement unpark_statement = {
	.sql = "UPDATE workflow.timer SET parked = false, owner = $2"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND parked RETURNING due",
	WF_ARGS(UUIDOID, INT4OID),
	.latest = true
};

/* Timers of suspended and terminated processes stay parked. */
static WfStatement unpark_many_statement = {
	.sql = "UPDATE workflow.timer t SET parked = false, owner = $2 FROM workflow.process p"
	" WHERE t.process OPERATOR(pg_catalog.=) ANY ($1) AND t.parked"
	" AND p.id OPERATOR(pg_catalog.=) t.process AND NOT p.suspended"
	" AND p.status OPERATOR(pg_catalog.<>) 'terminated' RETURNING t.due",
	WF_ARGS(UUIDARRAYOID, INT4OID)
};

static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* In the column child: the event is a command with an id, which is in its data. */
static const pg_uuid_t once_marker = {{
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
}};

/*
 * What is stored of an event that is to come once, in the tables timer and failure
 * alike: *child is a marker, and the result, for the column data, has the id beside
 * the data.  Of any other event the data, and *child as it is.
 */
Jsonb *
wf_timer_pack(const WfTimerRow *timer, const pg_uuid_t **child)
{
	static const char *keys[] = {"once", "data"};
	Jsonb	   *values[2];

	*child = timer->from_child ? &timer->child : NULL;
	if (likely(timer->once == NULL))
		return timer->data;
	*child = &once_marker;
	values[0] = wf_jsonb_string(timer->once);
	values[1] = timer->data;
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* A member of what wf_timer_pack() has made, or NULL. */
static Jsonb *
packed(Jsonb *data, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&data->root, key, strlen(key), &buffer);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* The reverse of wf_timer_pack(). */
static void
unpack(WfTimerRow *timer)
{
	if (likely(!timer->from_child || memcmp(&timer->child, &once_marker, UUID_LEN) != 0))
		return;
	timer->from_child = false;
	timer->once = wf_jsonb_text(packed(timer->data, "once"));
	timer->data = packed(timer->data, "data");
}

/* What was selected as TIMER_COLUMNS, in the current memory context. */
static void
read_timer(WfTimerRow *timer, const pg_uuid_t *process, Datum *values, bool *nulls)
{
	timer->process = *process;
	timer->seq = DatumGetInt64(values[TIMER_seq]);
	timer->due = DatumGetTimestampTz(values[TIMER_due]);
	timer->attempts = DatumGetInt16(values[TIMER_attempts]);
	timer->event = TextDatumGetCString(values[TIMER_event]);
	timer->name = text_or_null(values[TIMER_name], nulls[TIMER_name]);
	timer->state = text_or_null(values[TIMER_state], nulls[TIMER_state]);
	timer->actor = text_or_null(values[TIMER_actor], nulls[TIMER_actor]);
	timer->data = nulls[TIMER_data] ? NULL : DatumGetJsonbPCopy(values[TIMER_data]);
	timer->from_child = !nulls[TIMER_child];
	timer->once = NULL;
	if (timer->from_child)
	{
		timer->child = *DatumGetUUIDP(values[TIMER_child]);
		unpack(timer);
	}
}

/* The same of a row of SPI's last result. */
static void
read_result(WfTimerRow *timer, const pg_uuid_t *process, uint64 row)
{
	Datum		values[TIMER_NCOLUMNS];
	bool		nulls[TIMER_NCOLUMNS];

	heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, values, nulls);
	read_timer(timer, process, values, nulls);
}

/*
 * Receives what is claimed as it comes out of the plan, so that a batch is not
 * copied into tuples first.
 */
typedef struct Claim
{
	DestReceiver receiver;
	MemoryContext context;		/* of what is kept */
	bool		full;			/* it was ended before the plan was through */
	WfRow	   *rows;
	WfTimerRow *timers;
	ItemPointerData *tids;
	int			n;
	int			size;
	Size		bytes;			/* of contexts and data, as they will be in memory */
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

/* A copy of a value of varying length, as it is; 0 stays 0. */
static Datum
kept(Datum value)
{
	return value == (Datum) 0 ? value : datumCopy(value, false, -1);
}

/* How large a value of varying length is once it is detoasted; that is not done. */
static Size
size_of(TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? 0 : toast_raw_datum_size(slot->tts_values[column]);
}

/*
 * A row of the claim.  False ends it: the row is the last one, and those that
 * follow are not locked.
 */
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
	wf_process_row_fill(row, slot->tts_values, slot->tts_isnull);
	row->states = kept(row->states);
	row->context = kept(row->context);
	row->history = kept(row->history);
	row->children = kept(row->children);
	row->key = kept(row->key);
	read_timer(&claim->timers[claim->n], &row->id, slot->tts_values + CLAIMED_TIMER,
			   slot->tts_isnull + CLAIMED_TIMER);
	claim->tids[claim->n] = *(ItemPointer) DatumGetPointer(slot->tts_values[CLAIMED_TID]);
	claim->n++;
	claim->bytes += size_of(slot, WF_ROW_context) + size_of(slot, CLAIMED_TIMER + TIMER_data);
	MemoryContextSwitchTo(old);
	claim->full = claim->bytes >= WF_CLAIM_MEMORY;
	return !claim->full;
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
	claim->bytes = 0;
	claim->full = false;
}

/*
 * Several timers of one process share its row, that of the first of them: the
 * row to be used for the timer at this position of the claim.  table is a hash
 * table with open addressing, of mask + 1 positions in rows, -1 if free.
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
take_timer(WfHeap *table, ItemPointer tid)
{
	Datum		value = PointerGetDatum(tid);

	if (table != NULL)
		return wf_heap_delete(table, tid);
	return wf_statement_execute_raised(&take_statement, &value, NULL, 0) == 1;
}

/*
 * Delete the claimed timers.  One is gone if its process was stepped after the
 * snapshot of the claim and before it got the lock.  It is dropped from the
 * claim, and its process is marked as overtaken: whoever stepped it may have put
 * timers back that are due before the claimed ones and not in the snapshot.
 * Returns how many are left.
 */
static int
take_timers(int n, ItemPointer tids, WfTimerRow *timers, WfRow **rows)
{
	WfHeap    *table = wf_heap_open("timer", -1, NULL);
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
		wf_heap_close(table);
	return kept;
}

/* The claim: see wf_timer_claim(). */
static int
claim(WfStatement *statement, const Datum *args, int limit, WfClaim *claimed)
{
	WfRights	rights;
	Claim		claim;
	int		   *table;
	uint32		mask = 15;

	wf_status_load();
	init_claim(&claim, limit);
	wf_statement_raise_rights(&rights);
	wf_statement_execute_into(statement, args, &claim.receiver);
	claimed->complete = claim.n < limit && !claim.full;
	if (claim.n > 0)
	{
		wf_wakeup_claiming();
		while (mask < (uint32) claim.n * 2)
			mask = mask * 2 + 1;
		table = palloc(sizeof(int) * (mask + 1));
		memset(table, -1, sizeof(int) * (mask + 1));
		claimed->rows = palloc(sizeof(WfRow *) * claim.n);
		for (int i = 0; i < claim.n; i++)
			claimed->rows[i] = shared_row(claim.rows, table, mask, i);
		claimed->timers = claim.timers;
		claim.n = take_timers(claim.n, claim.tids, claimed->timers, claimed->rows);
	}
	wf_statement_restore_rights(&rights);
	return claimed->n = claim.n;
}

/*
 * Claim due timers of an owner: at most `limit`, and no more once they have
 * WF_CLAIM_MEMORY, from a position on and due up to `until`, whose processes
 * nobody holds.  Locks the processes and deletes the timers.  Returns how many
 * there are.  A snapshot older than this call must be active, and SPI connected.
 */
int
wf_timer_claim(int32 owner, WfPosition from, TimestampTz until, int limit,
			   WfClaim *claimed)
{
	Datum		args[] = {Int32GetDatum(owner), TimestampTzGetDatum(from.due),
	TimestampTzGetDatum(until), Int64GetDatum(limit), Int64GetDatum(from.seq)};

	return claim(&claim_statement, args, limit, claimed);
}

/* The same of what is between two positions. */
int
wf_timer_claim_part(int32 owner, WfPosition from, WfPosition to, int limit,
					WfClaim *claimed)
{
	Datum		args[] = {Int32GetDatum(owner), TimestampTzGetDatum(from.due),
		TimestampTzGetDatum(to.due), Int64GetDatum(limit), Int64GetDatum(from.seq),
	Int64GetDatum(to.seq)};

	return claim(&claim_part_statement, args, limit, claimed);
}

/*
 * Where the part ends that begins at `from` and has so many timers, visible and
 * not parked; `to` if there are fewer before that.  *found: how many there are.
 * SPI must be connected.
 */
WfPosition
wf_timer_part(int32 owner, WfPosition from, WfPosition to, int rows, int *found)
{
	Datum		args[] = {Int32GetDatum(owner), TimestampTzGetDatum(from.due),
		TimestampTzGetDatum(to.due), Int64GetDatum(rows), Int64GetDatum(from.seq),
	Int64GetDatum(to.seq)};
	WfPosition	end = to;
	bool		isnull;

	*found = wf_statement_execute(&part_statement, args, NULL, 0);
	if (*found == rows)
	{
		HeapTuple	last = SPI_tuptable->vals[rows - 1];

		end.due = DatumGetTimestampTz(SPI_getbinval(last, SPI_tuptable->tupdesc, 1, &isnull));
		end.seq = DatumGetInt64(SPI_getbinval(last, SPI_tuptable->tupdesc, 2, &isnull)) + 1;
	}
	SPI_freetuptable(SPI_tuptable);
	return end;
}

/*
 * The position of the first timer of an owner from `mark` on that is visible and
 * not parked, whether it is locked or not; due infinity: there is none.  SPI
 * must be connected.
 */
WfPosition
wf_timer_next_due(int32 owner, WfPosition mark)
{
	Datum		args[3] = {Int32GetDatum(owner), TimestampTzGetDatum(mark.due),
	Int64GetDatum(mark.seq)};
	WfPosition	first;
	bool		isnull;

	if (wf_statement_execute(&next_due_statement, args, NULL, 1) == 0)
		return WF_POSITION(DT_NOEND);
	first.due = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0],
												  SPI_tuptable->tupdesc, 1, &isnull));
	first.seq = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
											SPI_tuptable->tupdesc, 2, &isnull));
	return first;
}

/*
 * Park all timers of a process, until wf_timer_unpark().  The caller holds the
 * process.
 */
void
wf_timer_park(const pg_uuid_t *process)
{
	Datum		id = UUIDPGetDatum(process);

	wf_statement_execute(&park_statement, &id, NULL, 0);
}

/*
 * Announce to the executors of an owner that timers are due at the times in
 * column 1 of SPI's last result, when this transaction commits (wakeup.c).
 */
void
wf_timer_announce_returned(int32 owner)
{
	bool		isnull;

	for (uint64 i = 0; i < SPI_processed; i++)
		wf_wakeup_timer(owner,
						DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1,
														  &isnull)));
}

/*
 * Let the executors of the owner of its definition see all timers of a process
 * again, and announce them.  The caller holds the process.
 */
void
wf_timer_unpark(const pg_uuid_t *process, int32 owner)
{
	Datum		values[2] = {UUIDPGetDatum(process), Int32GetDatum(owner)};

	wf_statement_execute(&unpark_statement, values, NULL, 0);
	wf_timer_announce_returned(owner);
}

/*
 * Let executors see all timers of these processes of one owner again, and
 * announce them, except of those that are suspended or terminated.  The caller
 * holds the processes.
 */
void
wf_timer_unpark_many(ArrayType *processes, int32 owner)
{
	Datum		values[2] = {PointerGetDatum(processes), Int32GetDatum(owner)};

	wf_statement_execute(&unpark_many_statement, values, NULL, 0);
	wf_timer_announce_returned(owner);
}

static WfStatement take_back_statement = {
	.sql = "DELETE FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) $1"
	" AND t.seq OPERATOR(pg_catalog.=) $2 AND t.attempts OPERATOR(pg_catalog.=) $3"
	" RETURNING " TIMER_COLUMNS,
	WF_ARGS(UUIDOID, INT8OID, INT2OID)
};

/*
 * Claim one timer again whose first claim was rolled back: delete it, and read
 * it as it is now.  Texts are in the current memory context.  False: between the
 * two another session took it, or it had another attempt.  The caller holds the
 * process.
 */
bool
wf_timer_take(WfTimerRow *timer)
{
	Datum		values[3] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
		Int16GetDatum(timer->attempts)
	};

	if (wf_statement_execute(&take_back_statement, values, NULL, 0) == 0)
		return false;
	read_result(timer, &timer->process, 0);
	return true;
}

/*
 * Does a timer have to be parked until its process is resumed, or has started,
 * instead of being delivered?  WF_CANCEL_EVENT never has: with it a parent ends
 * a process whatever its status is.
 */
bool
wf_timer_parks(const WfRow *row, const WfTimerRow *timer)
{
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
		return false;
	return row->suspended || row->status == WF_TERMINATED ||
		(row->status == WF_INITIALIZED && strcmp(timer->event, WF_START_EVENT) != 0);
}

/* --- all timers of a process ------------------------------------------- */

static WfStatement list_statement = {
	.sql = "SELECT " TIMER_COLUMNS " FROM workflow.timer t"
	" WHERE t.process OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

static WfStatement take_all_statement = {
	.sql = "DELETE FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) $1"
	" RETURNING " TIMER_COLUMNS,
	WF_ARGS(UUIDOID)
};

/* A list of WfTimerRow of what a statement returns as TIMER_COLUMNS. */
static List *
read_list(WfStatement *statement, const pg_uuid_t *process)
{
	Datum		id = UUIDPGetDatum(process);
	uint64		n = wf_statement_execute(statement, &id, NULL, 0);
	List	   *timers = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		WfTimerRow *timer = palloc0(sizeof(WfTimerRow));

		read_result(timer, process, i);
		timer->from_child = false;
		timers = lappend(timers, timer);
	}
	SPI_freetuptable(SPI_tuptable);
	return timers;
}

/*
 * All timers of a process, in no order, as a list of WfTimerRow in the current
 * memory context; from_child is false in all of them.  Takes no lock.  SPI must
 * be connected.
 */
List *
wf_timer_list(const pg_uuid_t *process)
{
	return read_list(&list_statement, process);
}

/*
 * Delete all timers of a process and return them as wf_timer_list() does.  The
 * caller has made the process, and rolls back.
 */
List *
wf_timer_take_all(const pg_uuid_t *process)
{
	return read_list(&take_all_statement, process);
}

/* --- posted events ------------------------------------------------------- */

#define FORGET_POSTED(condition) { \
	/* the failure of one that was to be tried again goes with it */ \
	.sql = "WITH gone AS (DELETE FROM workflow.timer WHERE " \
	condition " RETURNING process, seq, attempts)," \
	" recovered AS (DELETE FROM workflow.failure f USING gone g WHERE g.attempts OPERATOR(pg_catalog.>) 0" \
	" AND f.process OPERATOR(pg_catalog.=) g.process AND f.seq OPERATOR(pg_catalog.=) g.seq)" \
	" SELECT FROM gone", \
	WF_ARGS(UUIDOID, TEXTOID), \
	.latest = true \
}

#define POSTED \
	"process OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2 AND state IS NULL"

static WfStatement forget_posted_statement = FORGET_POSTED(POSTED);

static WfStatement forget_free_statement =
FORGET_POSTED("ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT ctid FROM workflow.timer"
			  " WHERE " POSTED " FOR UPDATE SKIP LOCKED))");

/*
 * Delete the events that were posted to a process under this id and have not
 * reached it yet, with their failures if they are being retried.  The caller
 * holds the process; or else, with free_only, only those go that nobody is just
 * delivering.  Returns how many there were.
 */
uint64
wf_timer_forget_posted(const pg_uuid_t *process, const char *name, bool free_only)
{
	Datum		args[2] = {UUIDPGetDatum(process), CStringGetTextDatum(name)};

	return wf_statement_execute(free_only ? &forget_free_statement : &forget_posted_statement,
								args, NULL, 0);
}

static WfStatement replaced_statement = {
	.sql = "SELECT FROM workflow.timer WHERE " POSTED " AND seq OPERATOR(pg_catalog.>) $3",
	WF_ARGS(UUIDOID, TEXTOID, INT8OID)
};

/*
 * Was another event posted under the id of this one since?  The caller holds the
 * process, and has deleted this one.
 */
bool
wf_timer_is_replaced(const WfTimerRow *timer)
{
	Datum		args[3] = {UUIDPGetDatum(&timer->process), (Datum) 0,
	Int64GetDatum(timer->seq)};

	if (timer->name == NULL || timer->state != NULL)
		return false;
	args[1] = CStringGetTextDatum(timer->name);
	return wf_statement_execute(&replaced_statement, args, NULL, 1) > 0;
}

/* --- migration ----------------------------------------------------------- */

static WfStatement pending_statement = {
	.sql = "SELECT t.process, t.seq, t.event, t.name, t.state"
	" FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) ANY ($1)"
	" UNION ALL"
	" SELECT f.process, f.seq, f.event, f.name, f.state"
	" FROM workflow.failure f WHERE f.process OPERATOR(pg_catalog.=) ANY ($1) AND f.given_up"
	" ORDER BY 1, 2",
	WF_ARGS(UUIDARRAYOID)
};

static WfStatement drop_statement = WF_PENDING_DROP("timer");
static WfStatement rename_statement = WF_PENDING_RENAME("timer");

/*
 * What has still to reach these processes: their timers, and the events that
 * were given up.  In the order of (process, seq) and in the current memory
 * context; returns how many.  Takes no lock.  SPI must be connected.
 */
int
wf_timer_pending(ArrayType *processes, WfPending **pending)
{
	Datum		ids = PointerGetDatum(processes);
	int			n = wf_statement_execute(&pending_statement, &ids, NULL, 0);
	Datum		values[5];
	bool		nulls[5];

	*pending = palloc0(sizeof(WfPending) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		WfPending  *event = &(*pending)[i];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		event->process = *DatumGetUUIDP(values[0]);
		event->seq = DatumGetInt64(values[1]);
		event->event = TextDatumGetCString(values[2]);
		event->name = text_or_null(values[3], nulls[3]);
		event->state = text_or_null(values[4], nulls[4]);
	}
	return n;
}

/*
 * Delete the timers (processes[i], seqs[i]).  The caller holds the processes.
 * A timer that is being retried has a failure, too: see wf_failure_drop().
 */
void
wf_timer_drop(ArrayType *processes, ArrayType *seqs)
{
	Datum		args[2] = {PointerGetDatum(processes), PointerGetDatum(seqs)};

	wf_statement_execute(&drop_statement, args, NULL, 0);
}

/*
 * Give the timers (processes[i], seqs[i]) the event and the state that they
 * have in another version.  The caller holds the processes.
 */
void
wf_timer_rename(ArrayType *processes, ArrayType *seqs, ArrayType *events, ArrayType *states)
{
	Datum		args[4] = {PointerGetDatum(processes), PointerGetDatum(seqs),
	PointerGetDatum(events), PointerGetDatum(states)};

	wf_statement_execute(&rename_statement, args, NULL, 0);
}

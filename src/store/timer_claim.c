/*-------------------------------------------------------------------------
 *
 * timer_claim.c
 *	  What is due in a lane of workflow.timer: claimed, counted off, asked for.
 *
 * Executors claim timers here (wf_timer_claim()), and so does work(): the rows of
 * their processes are locked, those that somebody holds skipped, and the timers
 * deleted.  All of it goes by (due, seq), the order of the index and of delivery.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "shmem/wakeup.h"
#include "store/heap.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/timer_claim.h"

/* Of the claim: the process, its timer, and where the timer is. */
#define CLAIMED_TIMER	WF_ROW_NCOLUMNS
#define CLAIMED_TID		(CLAIMED_TIMER + WF_TIMER_NCOLUMNS)

/*
 * The claim.  An executor locks tables in the order in which they are named
 * here: process comes first, as it does in a command.  So a session that waits
 * for process does not hold timer, and an update script that locks both gets
 * them (sql/update.sql.in).
 */
#define CLAIM(end) \
	"SELECT " WF_ROW_COLUMNS ", " WF_TIMER_COLUMNS ", t.ctid" \
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
	wf_timer_row_read(&claim->timers[claim->n], &row->id, slot->tts_values + CLAIMED_TIMER,
			   slot->tts_isnull + CLAIMED_TIMER);
	claim->tids[claim->n] = *(ItemPointer) DatumGetPointer(slot->tts_values[CLAIMED_TID]);
	claim->n++;
	claim->bytes += size_of(slot, WF_ROW_context) + size_of(slot, CLAIMED_TIMER + WF_TIMER_data);
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
wf_timer_claim_part_end(int32 owner, WfPosition from, WfPosition to, int rows, int *found)
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
wf_timer_claim_next(int32 owner, WfPosition mark)
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

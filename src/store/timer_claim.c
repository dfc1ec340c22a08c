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
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "shmem/wakeup.h"
#include "shmem/watermark.h"
#include "store/heap.h"
#include "store/statement.h"
#include "store/timer_claim.h"
#include "store/timer_scan.h"

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

/* What is claimed, as it is found. */
typedef struct Claim
{
	WfRow	   *rows;
	WfTimerRow *timers;
	ItemPointerData *tids;
	int			n;
	int			size;
	Size		bytes;			/* of contexts and data, as they will be in memory */
} Claim;

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
size_of(Datum value, bool isnull)
{
	return isnull ? 0 : toast_raw_datum_size(value);
}

static void
init_claim(Claim *claim, int limit)
{
	claim->size = Min(limit, FIRST_CLAIM);
	claim->rows = palloc(sizeof(WfRow) * claim->size);
	claim->timers = palloc(sizeof(WfTimerRow) * claim->size);
	claim->tids = palloc(sizeof(ItemPointerData) * claim->size);
	claim->n = 0;
	claim->bytes = 0;
}

/* Keep a timer that was found, whose process has been locked and read. */
static void
add_claimed(Claim *claim, WfTimerScanRow *found, const WfRow *process)
{
	WfRow	   *row;

	if (claim->n == claim->size)
		grow_claim(claim);
	row = &claim->rows[claim->n];
	*row = *process;
	claim->bytes += size_of(row->context, false) +
		size_of(found->values[WF_TIMER_data], found->nulls[WF_TIMER_data]);
	row->states = kept(row->states);
	row->context = kept(row->context);
	row->history = kept(row->history);
	row->children = kept(row->children);
	row->key = kept(row->key);
	row->tenant = kept(row->tenant);
	row->traceparent = kept(row->traceparent);
	wf_timer_row_read(&claim->timers[claim->n], &row->id, found->values, found->nulls);
	claim->tids[claim->n] = found->tid;
	claim->n++;
}

/*
 * Find what is due between two positions and lock its processes, those that are
 * free: at most `limit`, and no more once they have WF_CLAIM_MEMORY.  *left becomes
 * the process of the first timer that is left, if there is one.
 *
 * An executor locks tables in the order in which they are opened here: process
 * comes first, as it does in a command.  So a session that waits for process does
 * not hold timer, and an update script that locks both gets them
 * (sql/update.sql.in).
 */
static void
find_due(Claim *claim, int32 owner, WfPosition to, int limit, bool look_on,
		 WfClaim *claimed, pg_uuid_t *left)
{
	WfHeapLocker *locker;
	WfTimerScan *scan;
	WfTimerScanRow found;
	bool		enough = false;
	bool		due = true;

	wf_statement_push_snapshot();
	locker = wf_process_row_locker();
	scan = wf_timer_scan_begin(owner, claimed->from,
							   look_on ? WF_TIMER_CLAIM_BEHIND(DT_NOEND) : to);
	while (due && !enough && wf_timer_scan_next(scan, &found))
	{
		WfPosition	position = wf_timer_scan_position(&found);
		WfRow		process;

		CHECK_FOR_INTERRUPTS();
		due = wf_position_before(position, to);
		enough = due && (claim->n == limit || claim->bytes >= WF_CLAIM_MEMORY);
		if (due && !enough && wf_process_row_next(locker, &found.process, &process))
			add_claimed(claim, &found, &process);
		else if (TIMESTAMP_IS_NOEND(claimed->left.due))
		{
			claimed->left = position;
			*left = found.process;
		}
	}
	claimed->complete = !enough;
	wf_timer_scan_end(scan);
	wf_heap_find_end_locking(locker);
	PopActiveSnapshot();
}

/*
 * Several timers of one process share its row, that of the first of them.  Rows are
 * found in a hash table with open addressing, of numbers of rows, -1 if free.
 */
typedef struct Table
{
	const WfRow *rows;
	int		   *numbers;
	uint32		mask;
} Table;

static void
init_table(Table *table, const Claim *claim)
{
	table->rows = claim->rows;
	table->mask = 15;
	while (table->mask < (uint32) claim->n * 2)
		table->mask = table->mask * 2 + 1;
	table->numbers = palloc(sizeof(int) * (table->mask + 1));
	memset(table->numbers, -1, sizeof(int) * (table->mask + 1));
}

/* Where the number of a process's row is, or has to be. */
static int *
place_of(const Table *table, const pg_uuid_t *process)
{
	uint32		place = hash_bytes(process->data, UUID_LEN) & table->mask;

	while (table->numbers[place] >= 0 &&
		   memcmp(&table->rows[table->numbers[place]].id, process, UUID_LEN) != 0)
		place = (place + 1) & table->mask;
	return &table->numbers[place];
}

/* The row for each timer; and is one that was not claimed of none of them? */
static void
share_rows(Claim *claim, WfClaim *claimed, const pg_uuid_t *left)
{
	Table		table;

	init_table(&table, claim);
	claimed->rows = palloc(sizeof(WfRow *) * claim->n);
	for (int i = 0; i < claim->n; i++)
	{
		int		   *number = place_of(&table, &claim->rows[i].id);

		if (*number < 0)
			*number = i;
		claimed->rows[i] = &claim->rows[*number];
	}
	claimed->left_stays = TIMESTAMP_IS_NOEND(claimed->left.due) || *place_of(&table, left) < 0;
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

/*
 * Claim timers of an owner: at most `limit`, and no more once they have
 * WF_CLAIM_MEMORY, from a position on and before another one, whose processes
 * nobody holds.  Locks the processes and deletes the timers.  Returns how many
 * there are.  look_on: claimed->left is to be told, also if it comes behind `to`.  A
 * snapshot older than this call must be active, and SPI connected.  Error 40001 in
 * REPEATABLE READ or above if somebody else was at one of them, 25006 in a read-only
 * transaction.
 */
int
wf_timer_claim(int32 owner, WfPosition from, WfPosition to, int limit, bool look_on,
			   WfClaim *claimed)
{
	WfRights	rights;
	Claim		claim;
	pg_uuid_t	left = {0};

	init_claim(&claim, limit);
	claimed->from = from;
	claimed->left = WF_POSITION(DT_NOEND);
	claimed->left_stays = true;
	find_due(&claim, owner, to, limit, look_on, claimed, &left);
	if (claim.n == 0)
		return claimed->n = 0;

	wf_wakeup_claiming();
	share_rows(&claim, claimed, &left);
	claimed->timers = claim.timers;
	wf_statement_raise_rights(&rights);
	claim.n = take_timers(claim.n, claim.tids, claimed->timers, claimed->rows);
	wf_statement_restore_rights(&rights);
	return claimed->n = claim.n;
}

/*
 * Where the part ends that begins at `from` and has so many timers, visible and
 * not parked; `to` if there are fewer before that.  *found: how many there are.
 */
WfPosition
wf_timer_claim_part_end(int32 owner, WfPosition from, WfPosition to, int rows, int *found)
{
	WfPosition	end = to;
	WfTimerScan *scan;
	WfTimerScanRow row;

	wf_statement_push_snapshot();
	scan = wf_timer_scan_begin(owner, from, to);
	for (*found = 0; *found < rows && wf_timer_scan_next(scan, &row); (*found)++)
		CHECK_FOR_INTERRUPTS();
	if (*found == rows)
	{
		end = wf_timer_scan_position(&row);
		end.seq++;
	}
	wf_timer_scan_end(scan);
	PopActiveSnapshot();
	return end;
}

/*
 * The position of the first timer of an owner from `mark` on that is visible and
 * not parked, whether it is locked or not; due infinity: there is none.
 */
WfPosition
wf_timer_claim_next(int32 owner, WfPosition mark)
{
	WfPosition	first = WF_POSITION(DT_NOEND);
	WfTimerScan *scan;
	WfTimerScanRow row;

	wf_statement_push_snapshot();
	scan = wf_timer_scan_begin(owner, mark, WF_TIMER_CLAIM_BEHIND(DT_NOEND));
	if (wf_timer_scan_next(scan, &row))
		first = wf_timer_scan_position(&row);
	wf_timer_scan_end(scan);
	PopActiveSnapshot();
	return first;
}

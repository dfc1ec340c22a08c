/*-------------------------------------------------------------------------
 *
 * timer_scan.c
 *	  Timers of a lane in order of (due, seq), without a plan.
 *
 * Runs in any backend.  What is read here is what a statement
 *
 *		SELECT ... WHERE owner = $1 AND NOT parked
 *		AND ROW(due, seq) >= $2 AND ROW(due, seq) < $3 ORDER BY due, seq
 *
 * reads in the index timer_due, with the active snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "store/heap_scan.h"
#include "store/timer_scan.h"

/* The columns of the index timer_due, which holds what is not parked. */
enum
{
	KEY_OWNER = 1, KEY_DUE, KEY_SEQ
};

static const char *const keys[] = {"owner", "due", "seq"};

#define COLUMN_NAME(column) #column,
static const char *const columns[] = {WF_TIMER_LIST(COLUMN_NAME, COLUMN_NAME) "process"};

static WfHeapScanOf due_scan = {
	.watch = {.table = "timer"},
	.index = "timer_due",
	.definition = "CREATE INDEX timer_due ON workflow.timer (owner, due, seq) WHERE NOT parked",
	.nkeys = lengthof(keys),.keys = keys,
	.ncolumns = lengthof(columns),.columns = columns
};

struct WfTimerScan
{
	WfHeapScan *scan;
	WfHeapScanBound from;
	WfHeapScanBound to;
};

static void
bound(ScanKey key, WfHeapScanBound *members, StrategyNumber strategy, WfPosition position)
{
	wf_heap_scan_bound(key, members, strategy, 2, (WfHeapScanMember[])
	{
		{
			KEY_DUE, TIMESTAMPTZOID, TimestampTzGetDatum(position.due)
		},
		{
			KEY_SEQ, INT8OID, Int64GetDatum(position.seq)
		}
	});
}

/*
 * Begin to read the timers of an owner that are not parked, from a position on and
 * before another one, with the active snapshot, which stays until the end.  In the
 * current memory context.  Takes AccessShareLock on the table and the index, until
 * the end of the transaction.  Error 55000 without an index that can be used.
 */
WfTimerScan *
wf_timer_scan_begin(int32 owner, WfPosition from, WfPosition to)
{
	WfTimerScan *scan = palloc(sizeof(WfTimerScan));
	ScanKeyData comparisons[3];

	scan->scan = wf_heap_scan_open(&due_scan);
	wf_heap_scan_equal(&comparisons[0],
					   (WfHeapScanMember) {KEY_OWNER, INT4OID, Int32GetDatum(owner)});
	bound(&comparisons[1], &scan->from, BTGreaterEqualStrategyNumber, from);
	bound(&comparisons[2], &scan->to, BTLessStrategyNumber, to);
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
	return scan;
}

/* The next timer; false: there is none. */
bool
wf_timer_scan_next(WfTimerScan *scan, WfTimerScanRow *row)
{
	if (!wf_heap_scan_next(scan->scan, row->values, row->nulls, &row->tid))
		return false;
	row->process = *DatumGetUUIDP(row->values[WF_TIMER_NCOLUMNS]);
	return true;
}

/* An error ends it, too. */
void
wf_timer_scan_end(WfTimerScan *scan)
{
	wf_heap_scan_close(scan->scan);
	pfree(scan);
}

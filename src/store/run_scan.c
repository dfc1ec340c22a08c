/*-------------------------------------------------------------------------
 *
 * run_scan.c
 *	  Runs as they are found by the indexes of their table.
 *
 * Runs in any backend, under the active snapshot.  The index run_ready has the runs
 * of one place beside each other, in order of (due, seq): from one place the next is
 * found by one descent, however many runs there are in between.  The index run_due
 * has those of one level of a queue: what is due comes before what is not, however
 * many places there are.  The index run_order has all of a partition of a queue that
 * is ordered, also those that run, or wait for something else than their turn.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "store/heap_scan.h"
#include "store/run_scan.h"

/* The columns of the index run_ready, */
enum
{
	KEY_EXECUTOR = 1, KEY_QUEUE, KEY_LEVEL, KEY_ROOT, KEY_PART, KEY_DUE, KEY_SEQ
};

/* and of run_order. */
enum
{
	ORDER_QUEUE = 1, ORDER_PART
};

static const char *const keys[] = {"executor", "queue", "level", "root", "part", "due", "seq"};
static const char *const due_keys[] = {"executor", "queue", "level", "due", "seq"};
static const char *const order_keys[] = {"queue", "part", "placed", "seq"};

#define COLUMN_NAME(column, type) #column,
static const char *const columns[] = {WF_RUN_LIST(COLUMN_NAME)};

static WfHeapScanOf scans[] = {
	[WF_RUN_BY_PLACE] = {
		.watch = {.table = "run"},
		.index = "run_ready",
		.definition = "CREATE INDEX run_ready ON workflow.run (executor, queue, level, root, part, due, seq) WHERE ready",
		.nkeys = lengthof(keys),.keys = keys,
		.ncolumns = lengthof(columns),.columns = columns
	},
	[WF_RUN_BY_DUE] = {
		.watch = {.table = "run"},
		.index = "run_due",
		.definition = "CREATE INDEX run_due ON workflow.run (executor, queue, level, due, seq) WHERE ready",
		.nkeys = lengthof(due_keys),.keys = due_keys,
		.ncolumns = lengthof(columns),.columns = columns
	},
	[WF_RUN_BY_ORDER] = {
		.watch = {.table = "run"},
		.index = "run_order",
		.definition = "CREATE INDEX run_order ON workflow.run (queue, part, placed, seq) WHERE ordered",
		.nkeys = lengthof(order_keys),.keys = order_keys,
		.ncolumns = lengthof(columns),.columns = columns
	}
};

StaticAssertDecl(lengthof(columns) <= WF_HEAP_SCAN_COLUMNS, "a run has too many columns");

struct WfRunScan
{
	WfHeapScan *scan;
	WfHeapScanBound bounds[2];
};

/* Open the table and an index, until the scan is closed or fails. */
WfRunScan *
wf_run_scan_open(WfRunScanBy by)
{
	WfRunScan  *scan = palloc(sizeof(WfRunScan));

	scan->scan = wf_heap_scan_open(&scans[by]);
	return scan;
}

/* --- places ---------------------------------------------------------------- */

/*
 * By place: find the first place of the same executor behind this one that has a run
 * which is ready.  False: there is none.
 */
bool
wf_run_scan_place(WfRunScan *scan, WfRunPlace *place, WfRunHead *head)
{
	ScanKeyData comparisons[2];
	WfRunRow	row;

	wf_heap_scan_equal(&comparisons[0], (WfHeapScanMember) {
		KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)
	});
	wf_heap_scan_bound(&comparisons[1], &scan->bounds[0], BTGreaterStrategyNumber, 4, (WfHeapScanMember[])
	{
		{
			KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)
		},
		{
			KEY_LEVEL, INT2OID, Int16GetDatum(place->level)
		},
		{
			KEY_ROOT, INT4OID, Int32GetDatum(place->root)
		},
		{
			KEY_PART, INT8OID, Int64GetDatum(place->part)
		}
	});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
	if (!wf_run_scan_next(scan, &row))
		return false;
	place->queue = DatumGetInt32(row.values[WF_RUN_queue]);
	place->level = DatumGetInt16(row.values[WF_RUN_level]);
	place->root = DatumGetInt32(row.values[WF_RUN_root]);
	place->part = DatumGetInt64(row.values[WF_RUN_part]);
	*head = (WfRunHead) {wf_run_row_due(&row), wf_run_row_job(&row)};
	return true;
}

/* Does a place come behind another one of its executor in the index? */
bool
wf_run_scan_is_behind(const WfRunPlace *place, const WfRunPlace *other)
{
	if (place->queue != other->queue)
		return place->queue > other->queue;
	if (place->level != other->level)
		return place->level > other->level;
	if (place->root != other->root)
		return place->root > other->root;
	return place->part > other->part;
}

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

/* By place: begin to read the runs of a place from a position on, those due until then. */
void
wf_run_scan_begin(WfRunScan *scan, const WfRunPlace *place, WfPosition from, TimestampTz until)
{
	ScanKeyData comparisons[7];
	const WfHeapScanMember members[] = {
		{KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)},
		{KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)},
		{KEY_LEVEL, INT2OID, Int16GetDatum(place->level)},
		{KEY_ROOT, INT4OID, Int32GetDatum(place->root)},
		{KEY_PART, INT8OID, Int64GetDatum(place->part)}
	};

	for (int i = 0; i < (int) lengthof(members); i++)
		wf_heap_scan_equal(&comparisons[i], members[i]);
	bound(&comparisons[5], &scan->bounds[0], BTGreaterEqualStrategyNumber, from);
	bound(&comparisons[6], &scan->bounds[1], BTLessEqualStrategyNumber,
		  (WfPosition) {until, PG_INT64_MAX});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
}

/* --- levels ---------------------------------------------------------------- */

/*
 * By due: find the first level of a queue behind that of this place, or the first one
 * of the queues behind it, that has a run which is ready.  False: there is none.
 */
bool
wf_run_scan_level(WfRunScan *scan, WfRunPlace *place)
{
	ScanKeyData comparisons[2];
	WfRunRow	row;

	wf_heap_scan_equal(&comparisons[0], (WfHeapScanMember) {
		KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)
	});
	wf_heap_scan_bound(&comparisons[1], &scan->bounds[0], BTGreaterStrategyNumber, 2, (WfHeapScanMember[])
	{
		{
			KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)
		},
		{
			KEY_LEVEL, INT2OID, Int16GetDatum(place->level)
		}
	});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
	if (!wf_run_scan_next(scan, &row))
		return false;
	place->queue = DatumGetInt32(row.values[WF_RUN_queue]);
	place->level = DatumGetInt16(row.values[WF_RUN_level]);
	return true;
}

/* By due: begin to read the runs of a level of a queue, of all places. */
void
wf_run_scan_begin_level(WfRunScan *scan, const WfRunPlace *place)
{
	ScanKeyData comparisons[3];

	wf_heap_scan_equal(&comparisons[0], (WfHeapScanMember) {
		KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)
	});
	wf_heap_scan_equal(&comparisons[1], (WfHeapScanMember) {
		KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)
	});
	wf_heap_scan_equal(&comparisons[2], (WfHeapScanMember) {
		KEY_LEVEL, INT2OID, Int16GetDatum(place->level)
	});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
}

/* --- order ----------------------------------------------------------------- */

/* By order: begin to read the runs of a partition. */
void
wf_run_scan_begin_order(WfRunScan *scan, int32 queue, int64 part)
{
	ScanKeyData comparisons[2];

	wf_heap_scan_equal(&comparisons[0], (WfHeapScanMember) {
		ORDER_QUEUE, INT4OID, Int32GetDatum(queue)
	});
	wf_heap_scan_equal(&comparisons[1], (WfHeapScanMember) {
		ORDER_PART, INT8OID, Int64GetDatum(part)
	});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
}

/* --- rows ------------------------------------------------------------------ */

/*
 * The next run; its values are there until the one after it is asked for.  False:
 * there is none.
 */
bool
wf_run_scan_next(WfRunScan *scan, WfRunRow *row)
{
	return wf_heap_scan_next(scan->scan, row->values, row->nulls, &row->tid);
}

/* An error closes it, too. */
void
wf_run_scan_close(WfRunScan *scan)
{
	wf_heap_scan_close(scan->scan);
	pfree(scan);
}

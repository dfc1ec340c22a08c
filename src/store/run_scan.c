/*-------------------------------------------------------------------------
 *
 * run_scan.c
 *	  Runs that are ready: which lanes there are, and what is in them.
 *
 * Runs in any backend, under the active snapshot.  The index run_ready has the runs
 * of one place beside each other, in order of (due, seq).  From one place the next is
 * found by one descent, however many runs there are in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "store/heap_scan.h"
#include "store/run_scan.h"

/* The columns of the index run_ready. */
enum
{
	KEY_EXECUTOR = 1, KEY_QUEUE, KEY_ROOT, KEY_PART, KEY_LEVEL, KEY_DUE, KEY_SEQ
};

static const char *const keys[] = {"executor", "queue", "root", "part", "level", "due", "seq"};

#define COLUMN_NAME(column, type) #column,
static const char *const columns[] = {WF_RUN_LIST(COLUMN_NAME)};

static WfHeapScanOf ready_scan = {
	.watch = {.table = "run"},
	.index = "run_ready",
	.definition = "CREATE INDEX run_ready ON workflow.run (executor, queue, root, part, level, due, seq) WHERE ready",
	.nkeys = lengthof(keys),.keys = keys,
	.ncolumns = lengthof(columns),.columns = columns
};

struct WfRunScan
{
	WfHeapScan *scan;
	WfHeapScanBound bounds[2];
};

/* Open the table and its index, until the scan is closed or fails. */
WfRunScan *
wf_run_scan_open(void)
{
	WfRunScan  *scan = palloc(sizeof(WfRunScan));

	scan->scan = wf_heap_scan_open(&ready_scan);
	return scan;
}

/*
 * Find the first place of the same executor behind this one that has a run which is
 * ready.  False: there is none.
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
			KEY_ROOT, INT4OID, Int32GetDatum(place->root)
		},
		{
			KEY_PART, INT8OID, Int64GetDatum(place->part)
		},
		{
			KEY_LEVEL, INT2OID, Int16GetDatum(place->level)
		}
	});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
	if (!wf_run_scan_next(scan, &row))
		return false;
	place->queue = DatumGetInt32(row.values[WF_RUN_queue]);
	place->root = DatumGetInt32(row.values[WF_RUN_root]);
	place->part = DatumGetInt64(row.values[WF_RUN_part]);
	place->level = DatumGetInt16(row.values[WF_RUN_level]);
	*head = (WfRunHead) {wf_run_row_due(&row), wf_run_row_job(&row)};
	return true;
}

/* Does a place come behind another one of its executor in the index? */
bool
wf_run_scan_is_behind(const WfRunPlace *place, const WfRunPlace *other)
{
	if (place->queue != other->queue)
		return place->queue > other->queue;
	if (place->root != other->root)
		return place->root > other->root;
	if (place->part != other->part)
		return place->part > other->part;
	return place->level > other->level;
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

/* Begin to read the runs of a place from a position on, those due until then. */
void
wf_run_scan_begin(WfRunScan *scan, const WfRunPlace *place, WfPosition from, TimestampTz until)
{
	ScanKeyData comparisons[7];
	const WfHeapScanMember members[] = {
		{KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)},
		{KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)},
		{KEY_ROOT, INT4OID, Int32GetDatum(place->root)},
		{KEY_PART, INT8OID, Int64GetDatum(place->part)},
		{KEY_LEVEL, INT2OID, Int16GetDatum(place->level)}
	};

	for (int i = 0; i < (int) lengthof(members); i++)
		wf_heap_scan_equal(&comparisons[i], members[i]);
	bound(&comparisons[5], &scan->bounds[0], BTGreaterEqualStrategyNumber, from);
	bound(&comparisons[6], &scan->bounds[1], BTLessEqualStrategyNumber,
		  (WfPosition) {until, PG_INT64_MAX});
	wf_heap_scan_begin(scan->scan, lengthof(comparisons), comparisons);
}

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

/*-------------------------------------------------------------------------
 *
 * run_scan.c
 *	  Runs as they are found by the indexes of their table.
 *
 * Runs in any backend, under the active snapshot.  The index run_ready has the runs
 * of one place beside each other, in order of (due, seq): from one place the next is
 * found by one descent, however many runs there are in between, and whether they may
 * be seen or not.  The index run_due
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

/* of run_due, behind the first three of those, */
enum
{
	LEVEL_DUE = 4, LEVEL_SEQ
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
StaticAssertDecl(lengthof(keys) <= WF_HEAP_SCAN_KEYS, "an index of runs has too many columns");

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

/* --- in between ------------------------------------------------------------ */

/*
 * What is looked for by two columns of an index that stand beside each other: behind one
 * pair of values, and before another one.
 */
typedef struct Between
{
	AttrNumber	major;
	AttrNumber	minor;
	Oid			minor_type;		/* that of the major one is INT4OID */
	int32		from_major;
	int64		from_minor;
	int32		to_major;
	int64		to_minor;
} Between;

static WfHeapScanMember
major_of(const Between *between, int32 value)
{
	return (WfHeapScanMember) {between->major, INT4OID, Int32GetDatum(value)};
}

static WfHeapScanMember
minor_of(const Between *between, int64 value)
{
	return (WfHeapScanMember) {
		between->minor, between->minor_type,
			between->minor_type == INT2OID ? Int16GetDatum((int16) value) : Int64GetDatum(value)
	};
}

/* The first entry with this value of the major column; NULL: of all minor ones on that side. */
static bool
peek_within(WfRunScan *scan, int n, ScanKey keys, const Between *between, int32 major,
			const int64 *from, const int64 *to, Datum *found)
{
	wf_heap_scan_equal(&keys[n++], major_of(between, major));
	if (from != NULL)
		wf_heap_scan_side(&keys[n++], true, minor_of(between, *from));
	if (to != NULL)
		wf_heap_scan_side(&keys[n++], false, minor_of(between, *to));
	return wf_heap_scan_peek(scan->scan, n, keys, found);
}

/*
 * The first entry in between, of those for which the first n keys hold; there is room
 * for three more.  A row comparison would say it at once; but where a scan ends, a B-tree
 * learns from comparisons of single columns only, and would read on through all that
 * comes behind and may not be seen.
 */
static bool
peek_between(WfRunScan *scan, int n, ScanKey keys, const Between *between, Datum *found)
{
	bool		one = between->from_major == between->to_major;

	if (between->from_major != PG_INT32_MIN &&
		peek_within(scan, n, keys, between, between->from_major, &between->from_minor,
					one ? &between->to_minor : NULL, found))
		return true;
	if (one)
		return false;
	wf_heap_scan_side(&keys[n], true, major_of(between, between->from_major));
	wf_heap_scan_side(&keys[n + 1], false, major_of(between, between->to_major));
	if (wf_heap_scan_peek(scan->scan, n + 2, keys, found))
		return true;
	return between->to_major != PG_INT32_MAX &&
		peek_within(scan, n, keys, between, between->to_major, NULL, &between->to_minor, found);
}

/* --- places ---------------------------------------------------------------- */

/*
 * By place: find the first place of the same level behind this one, and before another
 * one, that is in the index.  *seen: it begins with this row; otherwise its first entry
 * is of a run that may not be seen, and perhaps all of them are.  False: there is none.
 */
bool
wf_run_scan_place(WfRunScan *scan, WfRunPlace *place, const WfRunPlace *before, WfRunRow *row, bool *seen)
{
	ScanKeyData keys[6];
	Datum		found[WF_HEAP_SCAN_KEYS];
	const Between between = {
		.major = KEY_ROOT,.minor = KEY_PART,.minor_type = INT8OID,
		.from_major = place->root,.from_minor = place->part,
		.to_major = before->root,.to_minor = before->part
	};

	wf_heap_scan_equal(&keys[0], (WfHeapScanMember) {
		KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)
	});
	wf_heap_scan_equal(&keys[1], (WfHeapScanMember) {
		KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)
	});
	wf_heap_scan_equal(&keys[2], (WfHeapScanMember) {
		KEY_LEVEL, INT2OID, Int16GetDatum(place->level)
	});
	if (!peek_between(scan, 3, keys, &between, found))
		return false;
	place->root = DatumGetInt32(found[KEY_ROOT - 1]);
	place->part = DatumGetInt64(found[KEY_PART - 1]);
	*seen = wf_heap_scan_peeked(scan->scan, row->values, row->nulls, &row->tid);
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
 * By due: find the first level of a queue behind that of this place, and before that of
 * another one, or the first one of the queues in between, that is in the index.  Perhaps
 * none of its runs may be seen.  False: there is none.
 */
bool
wf_run_scan_level(WfRunScan *scan, WfRunPlace *place, const WfRunPlace *before)
{
	ScanKeyData keys[4];
	Datum		found[WF_HEAP_SCAN_KEYS];
	const Between between = {
		.major = KEY_QUEUE,.minor = KEY_LEVEL,.minor_type = INT2OID,
		.from_major = place->queue,.from_minor = place->level,
		.to_major = before->queue,.to_minor = before->level
	};

	wf_heap_scan_equal(&keys[0], (WfHeapScanMember) {
		KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)
	});
	if (!peek_between(scan, 1, keys, &between, found))
		return false;
	place->queue = DatumGetInt32(found[KEY_QUEUE - 1]);
	place->level = DatumGetInt16(found[KEY_LEVEL - 1]);
	return true;
}

/* By due: begin to read the runs of a level of a queue, of all places, from a position on. */
void
wf_run_scan_begin_level(WfRunScan *scan, const WfRunPlace *place, WfPosition from)
{
	ScanKeyData comparisons[4];

	wf_heap_scan_equal(&comparisons[0], (WfHeapScanMember) {
		KEY_EXECUTOR, INT4OID, Int32GetDatum(place->executor)
	});
	wf_heap_scan_equal(&comparisons[1], (WfHeapScanMember) {
		KEY_QUEUE, INT4OID, Int32GetDatum(place->queue)
	});
	wf_heap_scan_equal(&comparisons[2], (WfHeapScanMember) {
		KEY_LEVEL, INT2OID, Int16GetDatum(place->level)
	});
	wf_heap_scan_bound(&comparisons[3], &scan->bounds[0], BTGreaterEqualStrategyNumber, 2, (WfHeapScanMember[])
	{
		{
			LEVEL_DUE, TIMESTAMPTZOID, TimestampTzGetDatum(from.due)
		},
		{
			LEVEL_SEQ, INT8OID, Int64GetDatum(from.seq)
		}
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

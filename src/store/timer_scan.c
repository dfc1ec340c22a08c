/*-------------------------------------------------------------------------
 *
 * timer_scan.c
 *	  Timers of a lane in order of (due, seq), without a plan.
 *
 * Runs in any backend.  A small batch is one timer, and to start, run and end a
 * plan for it costs more than the step.  What is read here is what a statement
 *
 *		SELECT ... WHERE owner = $1 AND NOT parked
 *		AND ROW(due, seq) >= $2 AND ROW(due, seq) < $3 ORDER BY due, seq
 *
 * reads in the index timer_due, with the active snapshot.  Takes the locks of that
 * statement, until the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "shmem/inval.h"
#include "store/statement.h"
#include "store/timer_scan.h"

/* The columns of the index timer_due, which holds what is not parked. */
enum
{
	KEY_OWNER = 1, KEY_DUE, KEY_SEQ
};

struct WfTimerScan
{
	Relation	table;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	ScanKeyData bounds[2][2];	/* the members of the row comparisons */
};

/* Where things are; looked up when the table has changed. */
static WfInval watch = {.table = "timer"};
static Oid	due_index;
static AttrNumber process_number;
static AttrNumber numbers[WF_TIMER_NCOLUMNS];

#define COLUMN_NAME(column) #column,
static const char *const names[] = {WF_TIMER_LIST(COLUMN_NAME, COLUMN_NAME)};

/* The index must be whole, and have the columns that we compare. */
static void
check_index(Oid index)
{
	static const char *const columns[] = {"owner", "due", "seq"};
	Relation	relation = index_open(index, AccessShareLock);
	bool		good = relation->rd_index->indisvalid &&
		relation->rd_index->indnkeyatts == lengthof(columns);

	for (int i = 0; good && i < (int) lengthof(columns); i++)
		good = relation->rd_index->indkey.values[i] ==
			get_attnum(relation->rd_index->indrelid, columns[i]);
	index_close(relation, NoLock);
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"workflow.timer_due\" is not valid, or not the one of the extension"),
				 errhint("REINDEX it, or drop it and create it as the script of the extension does.")));
}

static void
look_up(void)
{
	Oid			table;

	(void) wf_statement_owner();	/* the error without the extension */
	wf_inval_begin(&watch);
	table = watch.relation;
	due_index = get_relname_relid("timer_due", get_rel_namespace(table));
	if (!OidIsValid(due_index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"workflow.timer_due\" does not exist"),
				 errhint("Create it as the script of the extension does: CREATE INDEX timer_due ON workflow.timer (owner, due, seq) WHERE NOT parked.")));
	check_index(due_index);
	process_number = get_attnum(table, "process");
	for (int i = 0; i < WF_TIMER_NCOLUMNS; i++)
		numbers[i] = get_attnum(table, names[i]);
}

/*
 * Open the table.  With its lock nobody takes the index away, and it is known whether
 * somebody did before: what was looked up is good, or is looked up again.
 */
static Relation
open_table(void)
{
	for (;;)
	{
		Oid			table;
		Relation	relation;

		if (unlikely(!wf_inval_is_good(&watch)))
			look_up();
		table = watch.relation;
		if (!OidIsValid(table))
			continue;
		relation = table_open(table, AccessShareLock);
		if (likely(watch.relation == table))
			return relation;
		table_close(relation, AccessShareLock);
	}
}

/* ROW(due, seq) against a position, as btree wants it. */
static void
compare_position(ScanKey key, ScanKeyData members[2], StrategyNumber strategy, WfPosition position)
{
	ScanKeyEntryInitialize(&members[0], SK_ROW_MEMBER, KEY_DUE, strategy, InvalidOid,
						   InvalidOid, F_TIMESTAMPTZ_CMP, TimestampTzGetDatum(position.due));
	ScanKeyEntryInitialize(&members[1], SK_ROW_MEMBER | SK_ROW_END, KEY_SEQ, strategy, InvalidOid,
						   InvalidOid, F_BTINT8CMP, Int64GetDatum(position.seq));

	MemSet(key, 0, sizeof(ScanKeyData));
	key->sk_flags = SK_ROW_HEADER;
	key->sk_attno = KEY_DUE;
	key->sk_strategy = strategy;
	key->sk_argument = PointerGetDatum(members);
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
	ScanKeyData keys[3];

	ScanKeyEntryInitialize(&keys[0], 0, KEY_OWNER, BTEqualStrategyNumber, InvalidOid,
						   InvalidOid, F_INT4EQ, Int32GetDatum(owner));
	compare_position(&keys[1], scan->bounds[0], BTGreaterEqualStrategyNumber, from);
	compare_position(&keys[2], scan->bounds[1], BTLessStrategyNumber, to);

	scan->table = open_table();
	scan->index = index_open(due_index, AccessShareLock);
	scan->slot = table_slot_create(scan->table, NULL);
	scan->scan = index_beginscan(scan->table, scan->index, GetActiveSnapshot(), NULL,
								 lengthof(keys), 0);
	index_rescan(scan->scan, keys, lengthof(keys), NULL, 0);
	return scan;
}

/* The next timer; false: there is none. */
bool
wf_timer_scan_next(WfTimerScan *scan, WfTimerScanRow *row)
{
	TupleTableSlot *slot = scan->slot;

	if (!index_getnext_slot(scan->scan, ForwardScanDirection, slot))
		return false;
	slot_getallattrs(slot);
	row->process = *DatumGetUUIDP(slot->tts_values[process_number - 1]);
	row->tid = slot->tts_tid;
	for (int i = 0; i < WF_TIMER_NCOLUMNS; i++)
	{
		row->values[i] = slot->tts_values[numbers[i] - 1];
		row->nulls[i] = slot->tts_isnull[numbers[i] - 1];
	}
	return true;
}

/* An error ends it, too. */
void
wf_timer_scan_end(WfTimerScan *scan)
{
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, NoLock);
	table_close(scan->table, NoLock);
	pfree(scan);
}

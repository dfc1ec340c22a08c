/*-------------------------------------------------------------------------
 *
 * heap_scan.c
 *	  Reads rows of our own tables in the order of an index, without a plan.
 *
 * Runs in any backend.  A small batch is one row, and to start, run and end a plan
 * for it costs more than its step.  What is read is what a statement with the same
 * comparisons reads, with the active snapshot.  Takes the locks of that statement,
 * until the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "store/heap_scan.h"
#include "store/statement.h"

struct WfHeapScan
{
	const WfHeapScanOf *of;
	Relation	table;
	Relation	index;
	IndexScanDesc scan;			/* NULL until it begins */
	int			nkeys;			/* of the scan */
	bool		peeks;			/* it gives index entries */
	Snapshot	snapshot;
	TupleTableSlot *slot;
};

/* The index must be whole, and have the columns that we compare. */
static void
check_index(const WfHeapScanOf *of, Oid index)
{
	Relation	relation = index_open(index, AccessShareLock);
	bool		good = relation->rd_index->indisvalid &&
		relation->rd_index->indnkeyatts == of->nkeys;

	for (int i = 0; good && i < of->nkeys; i++)
		good = relation->rd_index->indkey.values[i] ==
			get_attnum(relation->rd_index->indrelid, of->keys[i]);
	index_close(relation, NoLock);
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"workflow.%s\" is not valid, or not the one of the extension", of->index),
				 errhint("REINDEX it, or drop it and create it as the script of the extension does.")));
}

static void
look_up(WfHeapScanOf *of)
{
	Oid			table;

	(void) wf_statement_owner();	/* the error without the extension */
	wf_inval_begin(&of->watch);
	table = of->watch.relation;
	of->index_oid = get_relname_relid(of->index, get_rel_namespace(table));
	if (!OidIsValid(of->index_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"workflow.%s\" does not exist", of->index),
				 errhint("Create it as the script of the extension does: %s.", of->definition)));
	check_index(of, of->index_oid);
	Assert(of->ncolumns <= WF_HEAP_SCAN_COLUMNS);
	for (int i = 0; i < of->ncolumns; i++)
		of->numbers[i] = get_attnum(table, of->columns[i]);
}

/*
 * Open the table.  With its lock nobody takes the index away, and it is known whether
 * somebody did before: what was looked up is good, or is looked up again.
 */
static Relation
open_table(WfHeapScanOf *of)
{
	for (;;)
	{
		Oid			table;
		Relation	relation;

		if (unlikely(!wf_inval_is_good(&of->watch)))
			look_up(of);
		table = of->watch.relation;
		if (!OidIsValid(table))
			continue;
		relation = table_open(table, AccessShareLock);
		if (likely(of->watch.relation == table))
			return relation;
		table_close(relation, AccessShareLock);
	}
}

/*
 * Open a table and its index.  In the current memory context.  Takes AccessShareLock
 * on both, until the end of the transaction.  Error 55000 without an index that can
 * be used.
 */
WfHeapScan *
wf_heap_scan_open(WfHeapScanOf *of)
{
	WfHeapScan *scan = palloc0(sizeof(WfHeapScan));

	scan->of = of;
	scan->table = open_table(of);
	scan->index = index_open(of->index_oid, AccessShareLock);
	scan->slot = table_slot_create(scan->table, NULL);
	return scan;
}

static RegProcedure
comparison_of(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return F_BTINT2CMP;
		case INT4OID:
			return F_BTINT4CMP;
		case INT8OID:
			return F_BTINT8CMP;
		case TIMESTAMPTZOID:
			return F_TIMESTAMPTZ_CMP;
	}
	elog(ERROR, "no comparison for type %u", type);
}

static RegProcedure
equality_of(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return F_INT2EQ;
		case INT4OID:
			return F_INT4EQ;
		case INT8OID:
			return F_INT8EQ;
	}
	elog(ERROR, "no equality for type %u", type);
}

/* A column of the index is equal to a value. */
void
wf_heap_scan_equal(ScanKey key, WfHeapScanMember member)
{
	ScanKeyEntryInitialize(key, 0, member.key, BTEqualStrategyNumber, InvalidOid,
						   InvalidOid, equality_of(member.type), member.value);
}

static RegProcedure
order_of(Oid type, bool greater)
{
	switch (type)
	{
		case INT2OID:
			return greater ? F_INT2GT : F_INT2LT;
		case INT4OID:
			return greater ? F_INT4GT : F_INT4LT;
		case INT8OID:
			return greater ? F_INT8GT : F_INT8LT;
	}
	elog(ERROR, "no order for type %u", type);
}

/* A column of the index is greater than a value, or less. */
void
wf_heap_scan_side(ScanKey key, bool greater, WfHeapScanMember member)
{
	ScanKeyEntryInitialize(key, 0, member.key, greater ? BTGreaterStrategyNumber : BTLessStrategyNumber,
						   InvalidOid, InvalidOid, order_of(member.type, greater), member.value);
}

/* A row of columns of the index, one behind the other, against a row of values. */
void
wf_heap_scan_bound(ScanKey key, WfHeapScanBound *bound, StrategyNumber strategy,
				   int n, const WfHeapScanMember *members)
{
	for (int i = 0; i < n; i++)
		ScanKeyEntryInitialize(&bound->members[i],
							   SK_ROW_MEMBER | (i == n - 1 ? SK_ROW_END : 0),
							   members[i].key, strategy, InvalidOid, InvalidOid,
							   comparison_of(members[i].type), members[i].value);
	MemSet(key, 0, sizeof(ScanKeyData));
	key->sk_flags = SK_ROW_HEADER;
	key->sk_attno = members[0].key;
	key->sk_strategy = strategy;
	key->sk_argument = PointerGetDatum(bound->members);
}

static void
end_scan(WfHeapScan *scan)
{
	if (scan->scan == NULL)
		return;
	ExecClearTuple(scan->slot);
	index_endscan(scan->scan);
	scan->scan = NULL;
}

static void
read_slot(const WfHeapScan *scan, Datum *values, bool *nulls, ItemPointer tid)
{
	TupleTableSlot *slot = scan->slot;
	const WfHeapScanOf *of = scan->of;

	slot_getallattrs(slot);
	*tid = slot->tts_tid;
	for (int i = 0; i < of->ncolumns; i++)
	{
		AttrNumber	number = of->numbers[i];

		nulls[i] = number == InvalidAttrNumber || slot->tts_isnull[number - 1];
		values[i] = nulls[i] ? (Datum) 0 : slot->tts_values[number - 1];
	}
}

static void
begin(WfHeapScan *scan, int nkeys, ScanKey keys, bool peeks)
{
	if (scan->scan == NULL || scan->nkeys != nkeys || scan->peeks != peeks ||
		scan->snapshot != GetActiveSnapshot())
	{
		end_scan(scan);
		scan->snapshot = GetActiveSnapshot();
		scan->nkeys = nkeys;
		scan->peeks = peeks;
		scan->scan = index_beginscan(scan->table, scan->index, scan->snapshot, NULL, nkeys, 0);
		scan->scan->xs_want_itup = peeks;
	}
	index_rescan(scan->scan, keys, nkeys, NULL, 0);
}

/*
 * Begin to read with the active snapshot, which stays until another scan begins or
 * the table is closed.  The keys stay, too.
 */
void
wf_heap_scan_begin(WfHeapScan *scan, int nkeys, ScanKey keys)
{
	begin(scan, nkeys, keys, false);
}

/*
 * The first entry of the index, whether its row may be seen or not: it costs the same
 * however many that may not be seen come behind it.  `columns` becomes its columns, which
 * are not null.  False: there is none.
 */
bool
wf_heap_scan_peek(WfHeapScan *scan, int nkeys, ScanKey keys, Datum *columns)
{
	IndexScanDesc found;
	bool		isnull;

	begin(scan, nkeys, keys, true);
	found = scan->scan;
	if (index_getnext_tid(found, ForwardScanDirection) == NULL)
		return false;
	for (int i = 0; i < scan->of->nkeys; i++)
		columns[i] = index_getattr(found->xs_itup, i + 1, found->xs_itupdesc, &isnull);
	return true;
}

/*
 * The row of the entry at which wf_heap_scan_peek() has looked, as
 * wf_heap_scan_next() has it; false: it may not be seen.
 */
bool
wf_heap_scan_peeked(WfHeapScan *scan, Datum *values, bool *nulls, ItemPointer tid)
{
	if (!index_fetch_heap(scan->scan, scan->slot))
		return false;
	read_slot(scan, values, nulls, tid);
	return true;
}

/* The next row, valid until the one after it is asked for; false: there is none. */
bool
wf_heap_scan_next(WfHeapScan *scan, Datum *values, bool *nulls, ItemPointer tid)
{
	if (!index_getnext_slot(scan->scan, ForwardScanDirection, scan->slot))
		return false;
	read_slot(scan, values, nulls, tid);
	return true;
}

/* An error closes it, too. */
void
wf_heap_scan_close(WfHeapScan *scan)
{
	end_scan(scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, NoLock);
	table_close(scan->table, NoLock);
	pfree(scan);
}

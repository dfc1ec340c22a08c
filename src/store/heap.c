/*-------------------------------------------------------------------------
 *
 * heap.c
 *	  Writes rows of our own tables without a plan.
 *
 * Runs in any backend.  A batch writes many rows of few kinds, and passing each
 * of them through the nodes of a plan costs as much as storing it.  What
 * happens to a row here is what an INSERT, UPDATE or DELETE does: constraints
 * are checked, indexes maintained, replica identity respected.  A table that
 * needs more, because it has triggers for example, is left to statements.
 *
 * Takes the table locks of those commands.  A row that is updated is locked by
 * the caller already; deleting waits for a transaction that is at the row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "store/heap.h"

/* This many rows at once are put on pages, and then into indexes. */
#define CHUNK 64

struct WfHeap
{
	Relation	relation;
	EState	   *estate;
	ResultRelInfo *result;
	AttrNumber *sources;		/* for each column of the table the number of the
								 * column of the rows, or 0 */
	TupleTableSlot *slots[CHUNK];	/* made when they are needed */
	TupleTableSlot *old;
	Snapshot	snapshot;
};

/*
 * The number that a column of the table has in the rows; 0: it is not there.  They mostly
 * have the same order: it is looked for behind the last one that was found, *last, first.
 */
static AttrNumber
find_column(TupleDesc columns, Form_pg_attribute wanted, AttrNumber *last)
{
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, (*last + i) % columns->natts);

		if (strcmp(NameStr(column->attname), NameStr(wanted->attname)) == 0 &&
			column->atttypid == wanted->atttypid)
			return *last = column->attnum;
	}
	return 0;
}

/*
 * Map the columns of a table to those of the rows.  Returns false if one has a
 * default or is generated, which takes the executor.
 */
static bool
find_sources(TupleDesc desc, TupleDesc columns, AttrNumber **found)
{
	AttrNumber *sources = palloc0(sizeof(AttrNumber) * desc->natts);
	AttrNumber	last = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped)
			continue;
		sources[i] = find_column(columns, column, &last);
		if (column->attgenerated ||
			(sources[i] == 0 && (column->atthasdef || column->attidentity)))
			return false;
	}
	*found = sources;
	return true;
}

static Relation
open_relation(const char *name)
{
	Oid			schema = get_namespace_oid("workflow", false);

	return table_open(get_relname_relid(name, schema), RowExclusiveLock);
}

/* Has it neither triggers nor rules? */
static bool
is_plain(Relation relation)
{
	return relation->trigdesc == NULL && relation->rd_rules == NULL;
}

/*
 * Open a table of our schema for writing rows that consist of these columns.
 * slot: that of the partition of a partitioned table, else -1.  A column that
 * the table does not have is not written, so that a new library works with the
 * tables of an older version.  columns NULL: rows are only deleted.
 *
 * Returns NULL when writing takes more than is done here: the table has
 * triggers, rules, or columns with defaults.  Then a statement has to do it.
 *
 * Takes the lock that an INSERT or UPDATE takes, until the end of the
 * transaction; error 25006 in a read-only transaction.  Rights are not checked:
 * both the rows and the table are ours.
 */
WfHeap *
wf_heap_open(const char *name, int slot, TupleDesc columns)
{
	Relation	relation = open_relation(name);
	bool		plain = is_plain(relation);
	AttrNumber *sources = NULL;
	WfHeap    *table;

	PreventCommandIfReadOnly("UPDATE");
	PreventCommandIfParallelMode("UPDATE");
	if (slot >= 0)
	{
		table_close(relation, NoLock);
		relation = open_relation(psprintf("%s_%d", name, slot));
		plain = plain && is_plain(relation);
	}
	if (plain && columns != NULL)
		plain = find_sources(RelationGetDescr(relation), columns, &sources);
	if (!plain)
	{
		table_close(relation, NoLock);
		return NULL;
	}

	table = palloc0(sizeof(WfHeap));
	table->relation = relation;
	table->sources = sources;
	table->estate = CreateExecutorState();
	table->result = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result, relation, 0, NULL, 0);
	if (columns != NULL)
		ExecOpenIndices(table->result, false);
	table->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	table->estate->es_snapshot = table->snapshot;
	return table;
}

/* Close the table; the next command sees what was written. */
void
wf_heap_close(WfHeap *table)
{
	for (int i = 0; i < CHUNK && table->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(table->slots[i]);
	if (table->old != NULL)
		ExecDropSingleTupleTableSlot(table->old);
	ExecCloseIndices(table->result);
	FreeExecutorState(table->estate);
	UnregisterSnapshot(table->snapshot);
	table_close(table->relation, NoLock);
	CommandCounterIncrement();
}

/*
 * Make a row of the table in one of our slots; columns that the row does not
 * have are taken from `old`, or are null without one.
 */
static TupleTableSlot *
fill(WfHeap *table, int position, TupleTableSlot *old, const WfHeapRow *row)
{
	TupleDesc	desc = RelationGetDescr(table->relation);
	TupleTableSlot *slot = table->slots[position];

	if (slot == NULL)
		slot = table->slots[position] = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	ExecClearTuple(slot);
	for (int i = 0; i < desc->natts; i++)
	{
		AttrNumber	source = table->sources[i];

		if (source > 0)
		{
			slot->tts_values[i] = row->values[source - 1];
			slot->tts_isnull[i] = row->nulls[source - 1];
		}
		else
		{
			slot->tts_values[i] = old != NULL ? old->tts_values[i] : (Datum) 0;
			slot->tts_isnull[i] = old != NULL ? old->tts_isnull[i] : true;
		}
	}
	return ExecStoreVirtualTuple(slot);
}

static void
insert_chunk(WfHeap *table, int n, const WfHeapRow *rows)
{
	MemoryContext old;

	for (int i = 0; i < n; i++)
	{
		TupleTableSlot *slot = fill(table, i, NULL, &rows[i]);

		if (table->relation->rd_att->constr)
			ExecConstraints(table->result, slot, table->estate);
	}

	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(table->estate));
	table_multi_insert(table->relation, table->slots, n, GetCurrentCommandId(true), 0, NULL);
	MemoryContextSwitchTo(old);

	for (int i = 0; i < n && table->result->ri_NumIndices > 0; i++)
		(void) ExecInsertIndexTuples(table->result, table->slots[i], table->estate,
									 false, false, NULL, NIL, false);
	ResetPerTupleExprContext(table->estate);
}

/* Insert n rows.  Columns of the table that they do not have become null. */
void
wf_heap_insert(WfHeap *table, int n, const WfHeapRow *rows)
{
	for (int i = 0; i < n; i += CHUNK)
		insert_chunk(table, Min(CHUNK, n - i), rows + i);
}

/*
 * Update the row with this tuple id, which the caller has locked; it is an
 * internal error if it is gone.  Columns that the new row does not have stay.
 */
void
wf_heap_update(WfHeap *table, ItemPointer tid, const WfHeapRow *row)
{
	if (table->old == NULL)
		table->old = table_slot_create(table->relation, NULL);
	if (!table_tuple_fetch_row_version(table->relation, tid, SnapshotAny, table->old))
		elog(ERROR, "row of \"%s\" to be updated is gone",
			 RelationGetRelationName(table->relation));
	slot_getallattrs(table->old);
	ExecSimpleRelationUpdate(table->result, table->estate, NULL, table->old,
							 fill(table, 0, table->old, row));
	ExecClearTuple(table->slots[0]);
	ExecClearTuple(table->old);
	ResetPerTupleExprContext(table->estate);
}

/*
 * Delete the row with this tuple id.  Returns false when another transaction has
 * deleted or changed it; in REPEATABLE READ or above that is error 40001.
 */
bool
wf_heap_delete(WfHeap *table, ItemPointer tid)
{
	TM_FailureData failure;
	TM_Result	result;

	CheckCmdReplicaIdentity(table->relation, CMD_DELETE);
	result = table_tuple_delete(table->relation, tid, GetCurrentCommandId(true),
								table->snapshot, InvalidSnapshot, true, &failure, false);
	if (result == TM_Ok)
		return true;
	if (result != TM_Updated && result != TM_Deleted)
		elog(ERROR, "could not delete a row of \"%s\": %d",
			 RelationGetRelationName(table->relation), result);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	return false;
}

/*
 * The same, without waiting: false, too, when another transaction has the row locked
 * or is about to change it.
 */
bool
wf_heap_delete_if_free(WfHeap *table, const ItemPointerData *tid)
{
	ItemPointerData id = *tid;
	TM_FailureData failure;
	TM_Result	result;

	CheckCmdReplicaIdentity(table->relation, CMD_DELETE);
	result = table_tuple_delete(table->relation, &id, GetCurrentCommandId(true),
								table->snapshot, InvalidSnapshot, false, &failure, false);
	if (result == TM_Ok)
		return true;
	/* whom one would wait for is oneself */
	if (result == TM_BeingModified && TransactionIdIsCurrentTransactionId(failure.xmax))
		return wf_heap_delete(table, &id);
	if (result != TM_BeingModified && result != TM_Updated && result != TM_Deleted)
		elog(ERROR, "could not delete a row of \"%s\": %d",
			 RelationGetRelationName(table->relation), result);
	if (result != TM_BeingModified && IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	return false;
}

/* Looks for the rows of one process after the other; under a snapshot of its own. */
static void
look_for(Relation relation, Oid index_id, int n, const pg_uuid_t *const *processes, bool *found)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	Relation	index = index_open(index_id, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	IndexScanDesc scan = index_beginscan(relation, index, snapshot, NULL, 1, 0);

	for (int i = 0; i < n; i++)
	{
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(processes[i]));
		index_rescan(scan, &key, 1, NULL, 0);
		found[i] = index_getnext_slot(scan, ForwardScanDirection, slot);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	UnregisterSnapshot(snapshot);
}

/*
 * Which of these processes have any row in a table of our schema that is committed,
 * or written by this transaction?  index: one whose first column is the process.
 * Takes the locks of a SELECT, and gives them back.  Cheap where the table is empty.
 */
void
wf_heap_have(const char *name, const char *index, int n, const pg_uuid_t *const *processes,
			 bool *found)
{
	Oid			schema = get_namespace_oid("workflow", false);
	Relation	relation = table_open(get_relname_relid(name, schema), AccessShareLock);

	if (RelationGetNumberOfBlocks(relation) > 0)
		look_for(relation, get_relname_relid(index, schema), n, processes, found);
	else
		memset(found, false, sizeof(bool) * n);

	/* Whoever looks at each end does not keep an update of the extension waiting. */
	table_close(relation, AccessShareLock);
}

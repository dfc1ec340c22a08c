/*-------------------------------------------------------------------------
 *
 * heap_find.c
 *	  Finds rows of our own tables by their keys, and locks them, without a plan.
 *
 * Runs in any backend.  Every command finds a process and locks it, and a plan
 * for that costs several times what the index and the lock do.  What happens here
 * is what SELECT ... WHERE key = $1 FOR NO KEY UPDATE does, and sees what a
 * statement of ours would see (statement.c).  A key never changes, so a row that
 * was changed while it was waited for need not be compared again.
 *
 * Takes the table locks of those statements, until the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "store/heap_find.h"
#include "store/statement.h"

static AttrNumber
number_of(Relation relation, const char *column)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), column);

	if (number == InvalidAttrNumber)
		elog(ERROR, "table \"%s\" has no column \"%s\"",
			 RelationGetRelationName(relation), column);
	return number;
}

static void
look_up(WfHeapFind *find)
{
	Relation	relation;
	Relation	index;

	(void) wf_statement_owner();	/* the error without the extension */
	wf_inval_begin(&find->watch);
	relation = table_open(find->watch.relation, AccessShareLock);
	find->index = RelationGetPrimaryKeyIndex(relation, false);
	index = index_open(find->index, AccessShareLock);
	for (int i = 0; i < find->nkeys; i++)
	{
		find->key_numbers[i] = number_of(relation, find->keys[i]);
		find->collations[i] = index->rd_indcollation[i];
		find->equals[i] = lookup_type_cache(get_atttype(find->watch.relation,
														find->key_numbers[i]),
											TYPECACHE_EQ_OPR_FINFO)->eq_opr_finfo.fn_oid;
	}
	for (int i = 0; i < find->ncolumns; i++)
		find->numbers[i] = i >= find->ncolumns - find->nnew ?
			get_attnum(RelationGetRelid(relation), find->columns[i]) :
			number_of(relation, find->columns[i]);
	index_close(index, NoLock);
	table_close(relation, NoLock);
}

/*
 * Open the table.  With its lock nobody takes the index away, and it is known whether
 * somebody did before: what was looked up is good, or is looked up again.
 */
static Relation
open_table(WfHeapFind *find, LOCKMODE mode)
{
	for (;;)
	{
		Oid			table;
		Relation	relation;

		if (unlikely(!wf_inval_is_good(&find->watch)))
			look_up(find);
		table = find->watch.relation;
		if (!OidIsValid(table))
			continue;
		relation = table_open(table, mode);
		if (likely(find->watch.relation == table))
			return relation;
		table_close(relation, mode);
	}
}

/* The row in the active snapshot, in the current memory context; or NULL. */
static HeapTuple
scan(const WfHeapFind *find, Relation relation, const Datum *values)
{
	ScanKeyData keys[WF_HEAP_FIND_KEYS];
	SysScanDesc state;
	HeapTuple	row;

	for (int i = 0; i < find->nkeys; i++)
		ScanKeyEntryInitialize(&keys[i], 0, find->key_numbers[i], BTEqualStrategyNumber,
							   InvalidOid, find->collations[i], find->equals[i], values[i]);
	state = systable_beginscan(relation, find->index, true, GetActiveSnapshot(),
							   find->nkeys, keys);
	row = systable_getnext(state);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(state);
	return row;
}

/* The columns of a row, which they point into. */
static void
read_columns(const WfHeapFind *find, Relation relation, HeapTuple row,
			 Datum *values, bool *nulls)
{
	TupleDesc	desc = RelationGetDescr(relation);
	Datum	   *all = palloc(sizeof(Datum) * desc->natts);
	bool	   *all_nulls = palloc(sizeof(bool) * desc->natts);

	heap_deform_tuple(row, desc, all, all_nulls);
	for (int i = 0; i < find->ncolumns; i++)
	{
		AttrNumber	number = find->numbers[i];

		if (number > 0)
		{
			values[i] = all[number - 1];
			nulls[i] = all_nulls[number - 1];
		}
		else if (number < 0)
			values[i] = heap_getsysattr(row, number, desc, &nulls[i]);
		else
		{
			values[i] = (Datum) 0;
			nulls[i] = true;
		}
	}
	pfree(all);
	pfree(all_nulls);
}

pg_noreturn static void
refuse_overtaken(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update")));
}

/*
 * Lock the row that has this tuple id in the active snapshot, and put its latest
 * version into the slot.  False: it is gone, or locked and not waited for.
 */
static bool
lock(Relation relation, ItemPointer tid, bool wait, TupleTableSlot *slot)
{
	int			flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;
	TM_FailureData failure;
	TM_Result	result;

	if (!IsolationUsesXactSnapshot())
		flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
	result = table_tuple_lock(relation, tid, GetActiveSnapshot(), slot,
							  GetCurrentCommandId(true), LockTupleNoKeyExclusive,
							  wait ? LockWaitBlock : LockWaitSkip, flags, &failure);
	switch (result)
	{
		case TM_Ok:
			return true;
		case TM_WouldBlock:
		case TM_SelfModified:	/* deleted by this transaction since the scan */
			return false;
		case TM_Updated:
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				refuse_overtaken();
			return false;
		default:
			elog(ERROR, "could not lock a row of \"%s\": %d",
				 RelationGetRelationName(relation), result);
	}
	return false;
}

/* The same for one row; returns a copy of it, or NULL. */
static HeapTuple
lock_one(Relation relation, ItemPointer tid, bool wait)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	HeapTuple	row = lock(relation, tid, wait, slot) ? ExecCopySlotHeapTuple(slot) : NULL;

	ExecDropSingleTupleTableSlot(slot);
	return row;
}

/*
 * Ask the caller's check.  A refusal may be caught without a subtransaction
 * (send_many()), so nothing of ours is left open behind it.
 */
static void
ask(Relation relation, WfHeapCheck check, const Datum *values, const void *arg)
{
	PG_TRY();
	{
		check(values, arg);
	}
	PG_CATCH();
	{
		PopActiveSnapshot();
		table_close(relation, NoLock);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Find the row with these values of the key's columns, of the types that those
 * have, and read it into values and nulls, which point into memory of the current
 * context.  False: there is none.  Needs no SPI.
 */
bool
wf_heap_find(WfHeapFind *find, const Datum *keys, Datum *values, bool *nulls)
{
	Relation	relation = open_table(find, AccessShareLock);
	HeapTuple	row;

	wf_statement_push_snapshot();
	row = scan(find, relation, keys);
	PopActiveSnapshot();
	if (row != NULL)
		read_columns(find, relation, row, values, nulls);
	table_close(relation, NoLock);
	return row != NULL;
}

/*
 * The same, and lock it FOR NO KEY UPDATE.  check, unless NULL, is asked before
 * that with the row as it was found; what is read is the latest version of it.
 * False: there is none, or, without wait, another transaction has it locked.
 * Error 40001 in REPEATABLE READ or above if another one has changed it, 25006
 * in a read-only transaction.
 */
bool
wf_heap_find_lock(WfHeapFind *find, const Datum *keys, bool wait,
				  WfHeapCheck check, const void *arg, Datum *values, bool *nulls)
{
	Relation	relation = open_table(find, RowShareLock);
	HeapTuple	row;

	PreventCommandIfReadOnly("SELECT FOR NO KEY UPDATE");
	PreventCommandIfParallelMode("SELECT FOR NO KEY UPDATE");

	/* The snapshot keeps the row in its place until it is locked. */
	wf_statement_push_snapshot();
	row = scan(find, relation, keys);
	if (row != NULL && check != NULL)
	{
		read_columns(find, relation, row, values, nulls);
		ask(relation, check, values, arg);
	}
	if (row != NULL)
		row = lock_one(relation, &row->t_self, wait);
	PopActiveSnapshot();
	if (row != NULL)
		read_columns(find, relation, row, values, nulls);
	table_close(relation, NoLock);
	return row != NULL;
}

/* --- one after the other --------------------------------------------------- */

struct WfHeapLocker
{
	const WfHeapFind *find;
	Relation	relation;
	Relation	index;
	IndexScanDesc scan;
	ScanKeyData keys[WF_HEAP_FIND_KEYS];
	TupleTableSlot *found;
	TupleTableSlot *locked;
};

/*
 * Begin to lock rows one after the other, FOR NO KEY UPDATE, as the active snapshot
 * shows them, which stays until the end.  In the current memory context.  Error 25006
 * in a read-only transaction.
 */
WfHeapLocker *
wf_heap_find_begin_locking(WfHeapFind *find)
{
	WfHeapLocker *locker = palloc(sizeof(WfHeapLocker));

	PreventCommandIfReadOnly("SELECT FOR NO KEY UPDATE");
	PreventCommandIfParallelMode("SELECT FOR NO KEY UPDATE");
	locker->find = find;
	locker->relation = open_table(find, RowShareLock);
	locker->index = index_open(find->index, AccessShareLock);
	for (int i = 0; i < find->nkeys; i++)
		ScanKeyEntryInitialize(&locker->keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   find->collations[i], find->equals[i], (Datum) 0);
	locker->found = table_slot_create(locker->relation, NULL);
	locker->locked = table_slot_create(locker->relation, NULL);
	locker->scan = index_beginscan(locker->relation, locker->index, GetActiveSnapshot(), NULL,
								   find->nkeys, 0);
	return locker;
}

/* A column of a row. */
static Datum
column_of(TupleTableSlot *slot, AttrNumber number, bool *isnull)
{
	if (number == SelfItemPointerAttributeNumber)
	{
		*isnull = false;
		return PointerGetDatum(&slot->tts_tid);
	}
	if (number == InvalidAttrNumber)
	{
		*isnull = true;
		return (Datum) 0;
	}
	*isnull = slot->tts_isnull[number - 1];
	return slot->tts_values[number - 1];
}

static void
read_slot(const WfHeapFind *find, TupleTableSlot *slot, Datum *values, bool *nulls)
{
	slot_getallattrs(slot);
	for (int i = 0; i < find->ncolumns; i++)
		values[i] = column_of(slot, find->numbers[i], &nulls[i]);
}

static bool
look(WfHeapLocker *locker, const Datum *keys)
{
	const WfHeapFind *find = locker->find;

	for (int i = 0; i < find->nkeys; i++)
		locker->keys[i].sk_argument = keys[i];
	index_rescan(locker->scan, locker->keys, find->nkeys, NULL, 0);
	return index_getnext_slot(locker->scan, ForwardScanDirection, locker->found);
}

/*
 * Find the row with these values of the key's columns, without a lock.  What is read is
 * good until the next call, as of all of these.
 */
bool
wf_heap_find_look(WfHeapLocker *locker, const Datum *keys, Datum *values, bool *nulls)
{
	if (!look(locker, keys))
		return false;
	read_slot(locker->find, locker->found, values, nulls);
	return true;
}

/*
 * Lock the row that stands at this place in the active snapshot, and read its latest
 * version.  False: it is gone, or, without wait, another transaction has it locked.
 * Error 40001 in REPEATABLE READ or above if another one has changed it.
 */
bool
wf_heap_find_lock_at(WfHeapLocker *locker, const ItemPointerData *tid, bool wait, Datum *values,
					 bool *nulls)
{
	ItemPointerData place = *tid;

	if (!lock(locker->relation, &place, wait, locker->locked))
		return false;
	read_slot(locker->find, locker->locked, values, nulls);
	return true;
}

/*
 * Lock the row with these values of the key's columns, and read its latest version.
 * False: there is none, or another transaction has it locked.  Error 40001 as above.
 */
bool
wf_heap_find_lock_next(WfHeapLocker *locker, const Datum *keys, Datum *values, bool *nulls)
{
	return look(locker, keys) &&
		wf_heap_find_lock_at(locker, &locker->found->tts_tid, false, values, nulls);
}

/* The locks stay until the end of the transaction.  An error ends it, too. */
void
wf_heap_find_end_locking(WfHeapLocker *locker)
{
	index_endscan(locker->scan);
	ExecDropSingleTupleTableSlot(locker->found);
	ExecDropSingleTupleTableSlot(locker->locked);
	index_close(locker->index, NoLock);
	table_close(locker->relation, NoLock);
	pfree(locker);
}

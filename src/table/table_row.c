/*-------------------------------------------------------------------------
 *
 * table_row.c
 *	  The rows that a statement has written to a user's table.
 *
 * Runs in the sessions of those who write.  The server keeps the rows in stores, one of
 * those that are new and one of those that were there before, in the same order; each of
 * its triggers reads them anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "table/table_row.h"

#define NEW 0
#define OLD 1

/* How many rows there are.  Error 0A000 where the new ones and the old do not go together. */
int64
wf_table_row_count(const TriggerData *data)
{
	int64		n = data->tg_newtable != NULL ? tuplestore_tuple_count(data->tg_newtable) :
		tuplestore_tuple_count(data->tg_oldtable);

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event) && tuplestore_tuple_count(data->tg_oldtable) != n)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the old and the new rows of an update of table \"%s\" cannot be matched",
						RelationGetRelationName(data->tg_relation)),
				 errdetail("A trigger BEFORE INSERT of a partition has kept rows from being moved there.")));
	return n;
}

/*
 * May a type have a cast to json, which runs when its values are written, that is somebody
 * else's than the current user's, who owns the table, or a superuser's?  Only who owns a type can
 * make its casts, and at any time.
 */
static bool
has_strange_casts(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	owner = ((Form_pg_type) GETSTRUCT(tuple))->typowner;
	ReleaseSysCache(tuple);
	return owner != GetUserId() && !superuser_arg(owner);
}

/* What it takes that a value of this type is written as jsonb the same way in every session. */
static WfTableRowNeeds
needs_of(Oid type)
{
	Oid			base = getBaseType(type);

	switch (base)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case INETOID:
		case CIDROID:
			return WF_TABLE_ROW_NOTHING;
		default:
			if (base < FirstNormalObjectId)
				return WF_TABLE_ROW_SETTINGS;
			return get_typtype(base) == TYPTYPE_ENUM && !has_strange_casts(base) ?
				WF_TABLE_ROW_NOTHING : WF_TABLE_ROW_AUTHOR;
	}
}

static WfTableRowNeeds
needs_of_all(TupleDesc desc)
{
	WfTableRowNeeds needs = WF_TABLE_ROW_NOTHING;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			needs = Max(needs, needs_of(TupleDescAttr(desc, i)->atttypid));
	return needs;
}

static void
open_store(WfTableRow *row, int side, Tuplestorestate *store, Relation relation)
{
	row->stores[side] = store;
	if (store == NULL)
		return;
	row->places[side] = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(store, row->places[side]);
	tuplestore_rescan(store);
	row->slots[side] = MakeSingleTupleTableSlot(row->desc, &TTSOpsMinimalTuple);
	row->virtual[side] = wf_virtual_column_begin(relation);
}

/* Begin with the rows of a statement, in the current memory context, as the owner of the trigger. */
void
wf_table_row_begin(WfTableRow *row, const TriggerData *data)
{
	Expr	   *argument;

	memset(row, 0, sizeof(WfTableRow));
	row->memory = CurrentMemoryContext;
	row->desc = RelationGetDescr(data->tg_relation);
	row->event = data->tg_event;
	row->needs = needs_of_all(row->desc);
	open_store(row, NEW, data->tg_newtable, data->tg_relation);
	open_store(row, OLD, data->tg_oldtable, data->tg_relation);
	fmgr_info(F_TO_JSONB, &row->to_jsonb);
	argument = (Expr *) makeNullConst(row->desc->tdtypeid, -1, InvalidOid);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument), InvalidOid,
											 InvalidOid, COERCE_EXPLICIT_CALL),
					   &row->to_jsonb);
}

/*
 * The next row of a store; NULL: there is none.  Of a store on disk the slot has a copy,
 * which it frees when it gets the next one: so that is made where the slot is.
 */
static TupleTableSlot *
next_of(WfTableRow *row, int side)
{
	MemoryContext old;
	bool		found;

	if (row->stores[side] == NULL)
		return NULL;
	old = MemoryContextSwitchTo(row->memory);
	tuplestore_select_read_pointer(row->stores[side], row->places[side]);
	found = tuplestore_gettupleslot(row->stores[side], true, false, row->slots[side]);
	MemoryContextSwitchTo(old);
	return found ? wf_virtual_column_fill(row->virtual[side], row->slots[side]) : NULL;
}

/* Go to the next row.  False: there is none. */
bool
wf_table_row_next(WfTableRow *row)
{
	row->new = next_of(row, NEW);
	row->old = next_of(row, OLD);
	row->number++;
	return row->new != NULL || row->old != NULL;
}

/* The row that is there, as jsonb; NULL: there is none.  What row->needs is there. */
Jsonb *
wf_table_row_jsonb(WfTableRow *row, bool new)
{
	TupleTableSlot *slot = new ? row->new : row->old;

	if (slot == NULL)
		return NULL;
	return DatumGetJsonbP(FunctionCall1(&row->to_jsonb, ExecFetchSlotHeapTupleDatum(slot)));
}

/* What the statement has done to the rows. */
const char *
wf_table_row_op(const WfTableRow *row)
{
	return TRIGGER_FIRED_BY_INSERT(row->event) ? "insert" :
		TRIGGER_FIRED_BY_UPDATE(row->event) ? "update" : "delete";
}

/* No more rows are read. */
void
wf_table_row_end(WfTableRow *row)
{
	for (int side = NEW; side <= OLD; side++)
	{
		wf_virtual_column_end(row->virtual[side]);
		if (row->slots[side] != NULL)
			ExecDropSingleTupleTableSlot(row->slots[side]);
	}
}

/*-------------------------------------------------------------------------
 *
 * virtual_column.c
 *	  Columns that are computed when a row is read.
 *
 * Runs in the sessions of those who write to users' tables.  From PostgreSQL 18 on generated
 * columns are virtual if nothing else is said: no row has them, and whoever reads a table gets
 * them from the planner.  Triggers see rows as they are stored.  The server lets such columns call
 * functions of its own only, so it does not matter as whom they are computed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"

#include "table/virtual_column.h"

struct WfVirtualColumns
{
	ExprContext *context;
	TupleTableSlot *slot;		/* of a row with its columns */
	ExprState **states;			/* of each column of the table; NULL: it is stored */
};

/* Those of a table, in the current memory context; NULL: it has none. */
WfVirtualColumns *
wf_virtual_column_begin(Relation relation)
{
#if PG_VERSION_NUM >= 180000
	TupleDesc	desc = RelationGetDescr(relation);
	WfVirtualColumns *columns;

	if (desc->constr == NULL || !desc->constr->has_generated_virtual)
		return NULL;
	columns = palloc(sizeof(WfVirtualColumns));
	columns->context = CreateStandaloneExprContext();
	columns->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	columns->states = palloc0(sizeof(ExprState *) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attgenerated != ATTRIBUTE_GENERATED_VIRTUAL)
			continue;
		columns->states[i] = ExecInitExpr(expression_planner((Expr *) build_generation_expression(relation, i + 1)), NULL);
	}
	return columns;
#else
	return NULL;
#endif
}

/* A row with its virtual columns, until the next one; columns: or NULL. */
TupleTableSlot *
wf_virtual_column_fill(WfVirtualColumns *columns, TupleTableSlot *row)
{
	TupleTableSlot *slot;

	if (columns == NULL)
		return row;
	slot = ExecClearTuple(columns->slot);
	ResetExprContext(columns->context);
	columns->context->ecxt_scantuple = row;
	slot_getallattrs(row);
	for (int i = 0; i < row->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = row->tts_values[i];
		slot->tts_isnull[i] = row->tts_isnull[i];
		if (columns->states[i] != NULL)
			slot->tts_values[i] = ExecEvalExprSwitchContext(columns->states[i], columns->context, &slot->tts_isnull[i]);
	}
	return ExecStoreVirtualTuple(slot);
}

/* No more rows are filled; columns: or NULL. */
void
wf_virtual_column_end(WfVirtualColumns *columns)
{
	if (columns == NULL)
		return;
	ExecDropSingleTupleTableSlot(columns->slot);
	FreeExprContext(columns->context, true);
}

/*-------------------------------------------------------------------------
 *
 * table_expr.c
 *	  Expressions of a row of a user's table: keys and conditions.
 *
 * Runs in any session.  An expression is a single SQL expression, as those of definitions
 * are.  It knows the columns of the table, as new.COLUMN and old.COLUMN, or COLUMN, which
 * is that of new, or of old where there is no new row; new and old, as jsonb; and op.  Each
 * is a parameter, which is fetched from the row when it is needed.
 *
 * It is compiled once a session, in the author's context, and again when DDL has
 * invalidated it, or the table has other columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/jsonb.h"
#include "base/quote.h"
#include "eval/calls.h"
#include "eval/expression.h"
#include "eval/pure.h"
#include "table/table_expr.h"

/*
 * Numbers of parameters, of which the first attribute has these three, and so on; and
 * those of the row as a whole, which come first.
 */
#define PARAM_NEW		1
#define PARAM_OLD		2
#define PARAM_OP		3
#define PARAM_COLUMNS	4
#define PARAM_COLUMN(attribute, side)	(PARAM_COLUMNS + 3 * (attribute) + (side))

/* Which row a column is of. */
typedef enum Side
{
	SIDE_NEW, SIDE_OLD, SIDE_ANY
} Side;

static Node *
parameter(int number, Oid type, int32 typmod, Oid collation)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = type;
	param->paramtypmod = typmod;
	param->paramcollid = collation;
	param->location = -1;
	return (Node *) param;
}

/* A column of the table; NULL: it has none of this name. */
static Node *
column(TupleDesc desc, const char *name, Side side)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return parameter(PARAM_COLUMN(i, side), attribute->atttypid, attribute->atttypmod,
							 attribute->attcollation);
	}
	return NULL;
}

/* What stands alone: the row as a whole, or a column of it. */
static Node *
resolve_alone(TupleDesc desc, const char *name)
{
	if (strcmp(name, "new") == 0)
		return parameter(PARAM_NEW, JSONBOID, -1, InvalidOid);
	if (strcmp(name, "old") == 0)
		return parameter(PARAM_OLD, JSONBOID, -1, InvalidOid);
	if (strcmp(name, "op") == 0)
		return parameter(PARAM_OP, TEXTOID, -1, get_typcollation(TEXTOID));
	return column(desc, name, SIDE_ANY);
}

static Node *
resolve_column(ParseState *pstate, ColumnRef *ref)
{
	const WfTableExpr *expr = pstate->p_ref_hook_state;
	const char *first;
	const char *second;
	bool		is_new;
	Node	   *found;

	if (!IsA(linitial(ref->fields), String))
		return NULL;
	first = strVal(linitial(ref->fields));
	if (list_length(ref->fields) == 1)
		return resolve_alone(expr->desc, first);
	is_new = strcmp(first, "new") == 0;
	if (list_length(ref->fields) != 2 || !IsA(lsecond(ref->fields), String) ||
		(!is_new && strcmp(first, "old") != 0))
		return NULL;
	second = strVal(lsecond(ref->fields));
	found = column(expr->desc, second, is_new ? SIDE_NEW : SIDE_OLD);
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the table has no column \"%s\"", wf_quote(second)),
				 parser_errposition(pstate, ref->location)));
	return found;
}

static Node *
coerce(ParseState *pstate, Node *tree, void *arg)
{
	const WfTableExpr *expr = arg;
	Node	   *result;

	if (expr->is_condition)
		return coerce_to_boolean(pstate, tree, "\"when\"");
	result = coerce_to_target_type(pstate, tree, exprType(tree), TEXTOID, -1, COERCION_ASSIGNMENT,
								   COERCE_IMPLICIT_CAST, -1);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a key must be of type text, not %s", format_type_be(exprType(tree)))));
	return result;
}

/* An expression of this text, in the current memory context; NULL for NULL. */
WfTableExpr *
wf_table_expr_new(const char *text, bool is_condition)
{
	WfTableExpr *expr;

	if (text == NULL)
		return NULL;
	expr = palloc0(sizeof(WfTableExpr));
	expr->text = text;
	expr->is_condition = is_condition;
	return expr;
}

/* Have it compiled again; NULL: nothing. */
void
wf_table_expr_forget(WfTableExpr *expr)
{
	if (expr == NULL)
		return;
	if (expr->cached != NULL)
		FreeCachedExpression(expr->cached);
	if (expr->desc != NULL)
		FreeTupleDesc(expr->desc);
	expr->cached = NULL;
	expr->desc = NULL;
}

/* Need it not be compiled for rows of this kind?  True of NULL. */
bool
wf_table_expr_is_compiled(const WfTableExpr *expr, TupleDesc desc)
{
	return expr == NULL ||
		(expr->cached != NULL && expr->cached->is_valid && equalTupleDescs(expr->desc, desc));
}

/* For rows as expr->desc says. */
static Node *
analyze(WfTableExpr *expr)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_pre_columnref_hook = resolve_column;
	pstate->p_ref_hook_state = expr;
	return wf_expression_analyze(pstate, expr->text, coerce, expr);
}

/* Under which key it is kept what an expression calls. */
static const char *
key_of(const WfTableExpr *expr)
{
	return expr->is_condition ? "when" : "key";
}

/* What both expressions of a table trigger call, of which either may be NULL; when they are compiled. */
Jsonb *
wf_table_expr_calls(WfTableExpr *key, WfTableExpr *when)
{
	WfTableExpr *exprs[] = {key, when};
	const char *keys[lengthof(exprs)];
	Jsonb	   *values[lengthof(exprs)];
	int			n = 0;

	for (int i = 0; i < (int) lengthof(exprs); i++)
	{
		if (exprs[i] == NULL)
			continue;
		keys[n] = key_of(exprs[i]);
		values[n++] = wf_calls_names(analyze(exprs[i]));
	}
	return wf_jsonb_object(n, keys, values);
}

/*
 * Parse and plan an expression, if that has to be done, as the author, whose context is
 * entered.  Throws what the parser throws, 42804 for a wrong type, 55000 as
 * wf_calls_check().
 */
void
wf_table_expr_compile(WfTableExpr *expr, TupleDesc desc)
{
	MemoryContext old;
	CachedExpression *cached;
	Node	   *tree;

	if (wf_table_expr_is_compiled(expr, desc))
		return;
	wf_table_expr_forget(expr);
	old = MemoryContextSwitchTo(GetMemoryChunkContext(expr));
	expr->desc = CreateTupleDescCopyConstr(desc);
	MemoryContextSwitchTo(old);
	tree = analyze(expr);
	if (expr->calls != NULL)
		wf_calls_check(expr->calls, key_of(expr), "expression", expr->text, tree);
	cached = GetCachedExpression(tree);

	/* To plan it may run code of users, which has written to the table, and got here, too. */
	if (expr->cached != NULL)
		FreeCachedExpression(expr->cached);
	expr->cached = cached;
	expr->pure = wf_pure_is(expr->cached->expr);
}

/* --- the rows of a statement ------------------------------------------------------ */

/* The row that a column is of; NULL: there is none. */
static TupleTableSlot *
slot_of(const WfTableRow *row, Side side)
{
	switch (side)
	{
		case SIDE_NEW:
			return row->new;
		case SIDE_OLD:
			return row->old;
		case SIDE_ANY:
			return row->new != NULL ? row->new : row->old;
	}
	return NULL;
}

static void
set_jsonb(ParamExternData *param, Jsonb *value)
{
	param->ptype = JSONBOID;
	param->isnull = value == NULL;
	param->value = JsonbPGetDatum(value);
}

/* The value of a parameter, when the expression needs it. */
static ParamExternData *
fetch(ParamListInfo params, int number, bool speculative, ParamExternData *room)
{
	WfTableRow *row = params->paramFetchArg;
	TupleTableSlot *slot;
	int			attribute;

	*room = (ParamExternData) {.pflags = 0};
	if (number == PARAM_NEW || number == PARAM_OLD)
	{
		set_jsonb(room, wf_table_row_jsonb(row, number == PARAM_NEW));
		return room;
	}
	if (number == PARAM_OP)
	{
		room->ptype = TEXTOID;
		room->value = CStringGetTextDatum(wf_table_row_op(row));
		return room;
	}
	attribute = (number - PARAM_COLUMNS) / 3;
	slot = slot_of(row, (number - PARAM_COLUMNS) % 3);
	room->ptype = TupleDescAttr(row->desc, attribute)->atttypid;
	room->isnull = true;
	if (slot != NULL)
		room->value = slot_getattr(slot, attribute + 1, &room->isnull);
	return room;
}

/*
 * Get ready for the rows of a statement, which come in *row, as the author whose context
 * is entered unless the expression is pure.  Error 55006 if it is not compiled any more.
 */
void
wf_table_expr_begin(const WfTableExpr *expr, WfTableRow *row, WfTableExprState *state)
{
	if (expr == NULL)
		return;
	if (expr->cached == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("an expression of a table trigger was changed while another one was planned"),
				 errdetail("A function that is called IMMUTABLE has changed what it calls.")));
	state->params = makeParamList(0);
	state->params->paramFetch = fetch;
	state->params->paramFetchArg = row;
	state->params->numParams = PARAM_COLUMN(row->desc->natts, SIDE_NEW);
	state->econtext = CreateStandaloneExprContext();
	state->econtext->ecxt_param_list_info = state->params;

	/* A copy: the code of an author may have the session forget its own. */
	state->state = ExecInitExprWithParams((Expr *) copyObject(expr->cached->expr), state->params);
}

/* The value for the row that is there now, until the next one. */
Datum
wf_table_expr_evaluate(WfTableExprState *state, bool *isnull)
{
	ResetExprContext(state->econtext);
	return ExecEvalExprSwitchContext(state->state, state->econtext, isnull);
}

/* No rows come any more. */
void
wf_table_expr_end(WfTableExprState *state)
{
	if (state->state != NULL)
		FreeExprContext(state->econtext, true);
	state->state = NULL;
}

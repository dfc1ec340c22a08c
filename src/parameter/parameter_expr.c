/*-------------------------------------------------------------------------
 *
 * parameter_expr.c
 *	  Expressions of a parameter: its check and its default.
 *
 * Runs in any backend.  An expression is a single SQL expression as those of
 * definitions are.  It knows `params`, jsonb, all that was given; and, a check,
 * `value`, of the parameter's type.  It is compiled once a session, in the
 * author's context, and again when DDL has invalidated it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "eval/calls.h"
#include "eval/expression.h"
#include "eval/pure.h"
#include "parameter/parameter_expr.h"

#define PARAM_VALUE		1
#define PARAM_PARAMS	2
#define NPARAMS			2

static Node *
parameter(int number, Oid type, int32 typmod)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = type;
	param->paramtypmod = typmod;
	param->paramcollid = get_typcollation(type);
	param->location = -1;
	return (Node *) param;
}

static Node *
resolve_column(ParseState *pstate, ColumnRef *ref)
{
	const WfParameterExpr *expr = pstate->p_ref_hook_state;
	const char *name;

	if (list_length(ref->fields) != 1 || !IsA(linitial(ref->fields), String))
		return NULL;
	name = strVal(linitial(ref->fields));
	if (strcmp(name, "params") == 0)
		return parameter(PARAM_PARAMS, JSONBOID, -1);
	if (strcmp(name, "value") == 0 && expr->is_check)
		return parameter(PARAM_VALUE, expr->type->oid, expr->type->typmod);
	return NULL;
}

static Node *
coerce(ParseState *pstate, Node *tree, void *arg)
{
	const WfParameterExpr *expr = arg;
	Node	   *result;

	if (expr->is_check)
		return coerce_to_boolean(pstate, tree, "a check");
	result = coerce_to_target_type(pstate, tree, exprType(tree), expr->type->oid,
								   expr->type->typmod, COERCION_ASSIGNMENT,
								   COERCE_IMPLICIT_CAST, -1);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a default must be of type %s, not %s", expr->type->name,
						format_type_be(exprType(tree)))));
	return result;
}

static Node *
analyze(WfParameterExpr *expr)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_pre_columnref_hook = resolve_column;
	pstate->p_ref_hook_state = expr;
	return wf_expression_analyze(pstate, expr->text, coerce, expr);
}

/* Under which key it is kept what an expression calls. */
const char *
wf_parameter_expr_key(const WfParameterExpr *expr)
{
	return psprintf("%s %s %s", expr->is_check ? "check" : "default", expr->type->name, expr->text);
}

/*
 * What it calls, to be kept; as the author, whose context is entered, after it was compiled.
 */
Jsonb *
wf_parameter_expr_calls(WfParameterExpr *expr)
{
	return wf_calls_names(analyze(expr));
}

/*
 * Parse and plan an expression, if that has to be done, as the author, whose
 * context is entered.  Its type must have been found.  Throws what the parser
 * throws, 42804 for a wrong type, 55000 as wf_calls_check().
 */
void
wf_parameter_expr_compile(WfParameterExpr *expr)
{
	Node	   *tree;

	if (expr->cached != NULL && expr->cached->is_valid)
		return;
	tree = analyze(expr);
	if (expr->calls != NULL)
		wf_calls_check(expr->calls, wf_parameter_expr_key(expr), "expression", expr->text, tree);
	wf_parameter_expr_forget(expr);
	expr->cached = GetCachedExpression(tree);
	expr->pure = wf_pure_is(expr->cached->expr);
}

/*
 * Have it compiled again.  A tree that is being executed, by code that it has
 * called itself, is left to the session.
 */
void
wf_parameter_expr_forget(WfParameterExpr *expr)
{
	if (expr->cached != NULL && !expr->in_use)
		FreeCachedExpression(expr->cached);
	expr->cached = NULL;
	expr->state = NULL;
	expr->in_use = false;
}

/*
 * A state that can be executed, kept for the transaction, since that is how long
 * privileges that were checked for it count.
 */
static ExprState *
state_of(WfParameterExpr *expr, bool foreign, ParamListInfo params)
{
	MemoryContext old;

	if (expr->state != NULL && expr->lxid == WF_MY_LXID && expr->user == GetUserId() &&
		expr->foreign == foreign && !expr->in_use)
		return expr->state;
	if (expr->in_use && expr->lxid == WF_MY_LXID)
		return ExecInitExprWithParams((Expr *) expr->cached->expr, params);
	old = MemoryContextSwitchTo(TopTransactionContext);
	expr->state = ExecInitExprWithParams((Expr *) expr->cached->expr, params);
	MemoryContextSwitchTo(old);
	expr->lxid = WF_MY_LXID;
	expr->user = GetUserId();
	expr->foreign = foreign;
	return expr->state;
}

/*
 * The value of a compiled expression, in the current memory context.  foreign: the
 * author's context that was entered, unless the expression is pure, is one in a
 * session of somebody else.
 */
Datum
wf_parameter_expr_evaluate(WfParameterExpr *expr, Datum value, bool value_null, Jsonb *params,
					 bool foreign, bool *isnull)
{
	ParamListInfo list = makeParamList(NPARAMS);
	ExprContext *econtext = CreateStandaloneExprContext();
	ExprState  *state;
	Oid			type = expr->is_check ? BOOLOID : expr->type->oid;
	Datum		result;

	list->params[PARAM_VALUE - 1] = (ParamExternData)
	{
		value, value_null, PARAM_FLAG_CONST, expr->type->oid
	};
	list->params[PARAM_PARAMS - 1] = (ParamExternData)
	{
		JsonbPGetDatum(params), false, PARAM_FLAG_CONST, JSONBOID
	};
	state = state_of(expr, foreign, list);
	econtext->ecxt_param_list_info = list;
	expr->in_use = true;
	result = ExecEvalExprSwitchContext(state, econtext, isnull);
	expr->in_use = false;
	if (!*isnull)
		result = datumCopy(result, get_typbyval(type), get_typlen(type));
	FreeExprContext(econtext, true);
	return result;
}

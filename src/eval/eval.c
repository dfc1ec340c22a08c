/*-------------------------------------------------------------------------
 *
 * eval.c
 *	  The author's SQL: guards, values and actions of a definition.
 *
 * Runs in any backend.  An expression and the call of a named function are
 * the same thing here: an expression tree over two parameters, context and
 * event, planned through the cached-expression machinery (so that DDL
 * invalidates it) and evaluated without SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/eval_interval.h"
#include "eval/evaluator.h"
#include "eval/step_timeout.h"
#include "eval/user_context.h"

/*
 * The executable state of an expression.  Kept for the transaction; rights
 * on functions are checked when it is made.  A state that is being executed
 * (an action that sends to another process of the same definition) is not
 * used again: the caller gets one of its own.
 */
static ExprState *
executable(WfEvaluator *evaluator, WfCompiled *compiled, WfUserContext *bracket,
		   ParamListInfo params)
{
	MemoryContext old;
	ExprState  *state;

	if (compiled->cached == NULL || !compiled->cached->is_valid)
		wf_evaluator_compile(evaluator, compiled, bracket);
	if (!compiled->pure)
		wf_user_context_enter(evaluator, bracket);

	if (compiled->state != NULL && !compiled->in_use &&
		compiled->state_lxid == WF_MY_LXID &&
		compiled->state_user == GetUserId())
		return compiled->state;

	if (compiled->in_use)
		return ExecInitExprWithParams((Expr *) compiled->cached->expr, params);

	old = MemoryContextSwitchTo(TopTransactionContext);
	state = ExecInitExprWithParams((Expr *) compiled->cached->expr, params);
	MemoryContextSwitchTo(old);
	compiled->state = state;
	compiled->state_lxid = WF_MY_LXID;
	compiled->state_user = GetUserId();
	return state;
}

/*
 * Code that is pure calls nobody back, registers nothing and cannot recurse:
 * it runs in the caller's memory with next to no set-up.
 */
static Datum
evaluate_pure(ExprState *state, ParamListInfo params, bool *isnull)
{
	ExprContext econtext = {
		.type = T_ExprContext,
		.ecxt_per_query_memory = TopTransactionContext, /* as long as the state */
		.ecxt_per_tuple_memory = CurrentMemoryContext,
		.ecxt_param_list_info = params
	};

	return ExecEvalExpr(state, &econtext, isnull);
}

/*
 * Anything else.  It may look at what earlier events of this transaction
 * wrote, so it gets a fresh snapshot.
 */
static Datum
evaluate_impure(WfCompiled *compiled, ExprState *state, ParamListInfo params,
				TimestampTz until, bool own_limit, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	ExprContext *econtext;
	Datum		result = (Datum) 0;
	Oid			type = compiled->type;	/* it may be compiled anew meanwhile */
	bool		nested = compiled->in_use;
	WfStepTimeout outer;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	econtext = CreateStandaloneExprContext();
	econtext->ecxt_param_list_info = params;
	compiled->in_use = true;
	wf_step_timeout_begin(&outer, until, own_limit);
	PG_TRY();
	{
		result = ExecEvalExprSwitchContext(state, econtext, isnull);
	}
	PG_CATCH();
	{
		/*
		 * Whoever catches this may go on in the same transaction; what an
		 * error left half-way in the state must not be met again.
		 */
		compiled->in_use = nested;
		compiled->state = NULL;
		if (!nested)
			wf_evaluator_free_given_up(compiled);
		wf_step_timeout_failed(&outer, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	compiled->in_use = nested;
	wf_step_timeout_end(&outer);

	if (!*isnull && !get_typbyval(type))
		result = datumCopy(result, false, get_typlen(type));
	FreeExprContext(econtext, true);
	PopActiveSnapshot();
	CommandCounterIncrement();
	if (!nested && compiled->given_up != NIL)
		wf_evaluator_free_given_up(compiled);
	return result;
}

/* Pure code, too, can take long: a regular expression will do. */
static Datum
evaluate_pure_until(ExprState *state, ParamListInfo params, TimestampTz until,
					bool own_limit, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	WfStepTimeout outer;
	Datum		result = (Datum) 0;

	wf_step_timeout_begin(&outer, until, own_limit);
	PG_TRY();
	{
		result = evaluate_pure(state, params, isnull);
	}
	PG_CATCH();
	{
		wf_step_timeout_failed(&outer, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_step_timeout_end(&outer);
	return result;
}

/* Until when code of this step may run; its time begins with the first. */
static TimestampTz
time_limit(WfEvaluator *evaluator, WfUserContext *bracket)
{
	const WfDelay *own = evaluator->chart->step_timeout;

	if (bracket->until != 0)
		return bracket->until;
	if (own == NULL)
		bracket->until = wf_step_timeout_until();
	else if ((own->kind == WF_DELAY_MS && own->ms == 0) ||
			 !wf_eval_interval_fixed(evaluator, own, GetCurrentTimestamp(),
									 &bracket->until))
		bracket->until = DT_NOEND;
	return bracket->until;
}

/* *type is the one that the expression was found to have. */
Datum
wf_eval_expr(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope,
			 bool *isnull, Oid *type)
{
	WfCompiled *compiled = &evaluator->compiled[expr->id];
	union
	{
		ParamListInfoData list;
		char		room[offsetof(ParamListInfoData, params) + 2 * sizeof(ParamExternData)];
	}			params;
	ExprState  *state;
	TimestampTz until = DT_NOEND;
	bool		own_limit;
	Datum		result;

	memset(&params, 0, sizeof(params));
	params.list.numParams = 2;
	params.list.params[0].value = JsonbPGetDatum(scope->context);
	params.list.params[0].pflags = PARAM_FLAG_CONST;
	params.list.params[0].ptype = JSONBOID;
	params.list.params[1].isnull = true;
	params.list.params[1].ptype = JSONBOID;

	state = executable(evaluator, compiled, scope->bracket, &params.list);
	if (compiled->uses_event)
	{
		if (scope->event == NULL && scope->make_event != NULL)
			scope->event = scope->make_event(scope->arg);
		params.list.params[1].value = JsonbPGetDatum(scope->event);
		params.list.params[1].isnull = scope->event == NULL;
	}

	*type = compiled->type;
	own_limit = evaluator->chart->step_timeout != NULL;
	if (wf_step_timeout != 0 || own_limit)
		until = time_limit(evaluator, scope->bracket);
	if (!compiled->pure)
		return evaluate_impure(compiled, state, &params.list, until, own_limit, isnull);
	if (until != DT_NOEND)
		result = evaluate_pure_until(state, &params.list, until, own_limit, isnull);
	else
		result = evaluate_pure(state, &params.list, isnull);

	/*
	 * The context goes when it changes, and a constant with its plan, when that
	 * is made anew; a result stays.
	 */
	if (!*isnull &&
		(result == params.list.params[0].value || compiled->may_be_constant) &&
		!get_typbyval(compiled->type))
		result = datumCopy(result, false, get_typlen(compiled->type));
	return result;
}

/*
 * Evaluate.  Results are palloc'd in the current context.  All throw what the
 * user's code throws.
 *	guard	NULL is false
 *	action	the new context, or NULL when the function returns void
 *	value	never NULL (SQL null is JSON null)
 *	delay	false: never; else *due, counted from `now`
 */
bool
wf_eval_guard(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope)
{
	bool		isnull;
	Oid			type;
	Datum		result = wf_eval_expr(evaluator, expr, scope, &isnull, &type);

	return !isnull && DatumGetBool(result);
}

Jsonb *
wf_eval_action(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope)
{
	bool		isnull;
	Oid			type;
	Datum		result = wf_eval_expr(evaluator, expr, scope, &isnull, &type);

	if (type == VOIDOID)
		return NULL;
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("action \"%s\" returned null where the new context is expected",
						expr->text),
				 errhint("Return the context, or declare the function as RETURNS void.")));
	return DatumGetJsonbP(result);
}

static Jsonb *
constant(WfEvaluator *evaluator, const WfValue *value)
{
	Jsonb	  **slot = &evaluator->consts[value->const_id];

	if (*slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(evaluator->context);

		*slot = wf_jsonb_parse(value->text);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

Jsonb *
wf_eval_value(WfEvaluator *evaluator, const WfValue *value, WfScope *scope)
{
	Jsonb	  **parts;

	if (value->kind == WF_VALUE_CONST)
		return constant(evaluator, value);

	if (value->kind == WF_VALUE_EXPR)
	{
		bool		isnull;
		Oid			type;
		Datum		result = wf_eval_expr(evaluator, value->expr, scope,
									  &isnull, &type);

		return isnull ? wf_jsonb_parse("null") : wf_jsonb_scalar(result, type);
	}

	parts = palloc(sizeof(Jsonb *) * (value->nparts + 1));
	for (int i = 0; i < value->nparts; i++)
		parts[i] = wf_eval_value(evaluator, value->parts[i], scope);
	if (value->kind == WF_VALUE_OBJECT)
		return wf_jsonb_object(value->nparts, value->keys, parts);
	return wf_jsonb_array(value->nparts, parts);
}

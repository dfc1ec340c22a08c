/*-------------------------------------------------------------------------
 *
 * eval.c
 *	  The author's SQL: guards, values and actions of a definition.
 *
 * Runs in any backend.  An expression and the call of a named function are
 * the same here: an expression tree with two parameters, context and event,
 * which is planned as a CachedExpression (so that DDL invalidates it) and
 * evaluated without SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

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
#include "eval/expression.h"
#include "eval/meter.h"
#include "eval/step_timeout.h"
#include "eval/user_context.h"
#include "store/statement.h"

/*
 * Return the executable state of an expression, after compiling it if
 * necessary, and enter the owner's context if it is not pure.  The state is
 * kept for the transaction; privileges on functions, and functions that are
 * refused in foreign sessions, are checked when it is made.  A state that is
 * being executed (an action sends to another process of the same definition)
 * is not used again: then the caller gets a state of its own.
 */
static ExprState *
executable(WfEvaluator *evaluator, WfCompiled *compiled, WfUserContext *bracket,
		   ParamListInfo params)
{
	MemoryContext old;
	ExprState  *state;
	bool		foreign;

	if (compiled->cached == NULL || !compiled->cached->is_valid)
		wf_evaluator_compile(evaluator, compiled, bracket);
	if (!compiled->pure)
		wf_user_context_enter(&evaluator->author, bracket);
	foreign = !compiled->pure && bracket->foreign;

	if (compiled->state != NULL && !compiled->in_use &&
		compiled->state_lxid == WF_MY_LXID &&
		compiled->state_user == GetUserId() &&
		compiled->state_foreign == foreign)
		return compiled->state;

	if (compiled->in_use)
		return ExecInitExprWithParams((Expr *) compiled->cached->expr, params);

	old = MemoryContextSwitchTo(TopTransactionContext);
	state = ExecInitExprWithParams((Expr *) compiled->cached->expr, params);
	MemoryContextSwitchTo(old);
	compiled->state = state;
	compiled->state_lxid = WF_MY_LXID;
	compiled->state_user = GetUserId();
	compiled->state_foreign = foreign;
	return state;
}

/*
 * Evaluate pure code.  It calls nobody back, registers nothing and cannot
 * recurse, so it runs in the caller's memory context with next to no setup.
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
 * Evaluate code that is not pure.  It may look at what earlier events of
 * this transaction wrote, so it gets a new snapshot.
 */
static Datum
evaluate_impure(WfCompiled *compiled, ExprState *state, ParamListInfo params,
				TimestampTz until, bool own_limit, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	ExprContext *econtext;
	Datum		result = (Datum) 0;
	Oid			type = compiled->type;	/* may be recompiled meanwhile */
	bool		nested = compiled->in_use;
	/* whatever calls of ours it makes leave behind */
	bool		look_only = wf_statement_look_only(false);
	WfStepTimeout outer;
	WfMeterReading reading;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	econtext = CreateStandaloneExprContext();
	econtext->ecxt_param_list_info = params;
	compiled->in_use = true;
	wf_step_timeout_begin(&outer, until, own_limit ? WF_LIMIT_OF_DEFINITION : WF_LIMIT_OF_SETTING);
	wf_meter_begin(&compiled->meter, &reading);
	PG_TRY();
	{
		result = ExecEvalExprSwitchContext(state, econtext, isnull);
	}
	PG_CATCH();
	{
		wf_meter_end(&compiled->meter, &reading, true);

		/*
		 * The transaction may go on if somebody catches the error, but an
		 * interrupted state must not be executed again.
		 */
		compiled->in_use = nested;
		compiled->state = NULL;
		if (!nested)
			wf_evaluator_free_given_up(compiled);
		wf_step_timeout_failed(&outer, context);
		(void) wf_statement_look_only(look_only);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_meter_end(&compiled->meter, &reading, false);
	(void) wf_statement_look_only(look_only);
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

/*
 * Evaluate pure code with a time limit.  Pure code can take long, too: a
 * regular expression suffices.
 */
static Datum
evaluate_pure_until(ExprState *state, ParamListInfo params, TimestampTz until,
					bool own_limit, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	WfStepTimeout outer;
	Datum		result = (Datum) 0;

	wf_step_timeout_begin(&outer, until, own_limit ? WF_LIMIT_OF_DEFINITION : WF_LIMIT_OF_SETTING);
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

/*
 * Return the limit of the definition for some code, or NULL if it has none: that
 * of the transition or state in whose text the code stands, else that of the
 * transition which the event has taken, else that of the root.
 */
static inline const WfDelay *
own_limit(const WfEvaluator *evaluator, const WfExpr *expr, const WfScope *scope)
{
	if (unlikely(scope->step_timeout != NULL) &&
		expr->step_timeout == evaluator->chart->states[0].step_timeout)
		return scope->step_timeout;
	return expr->step_timeout;
}

/*
 * Return the time until which code of this step may run that has this limit, or
 * NULL for that of the setting.  It is counted from when the first code of the
 * step began.
 */
static TimestampTz
time_limit(WfEvaluator *evaluator, const WfDelay *own, WfUserContext *bracket)
{
	if (bracket->began == 0)
		bracket->began = GetCurrentTimestamp();
	else if (bracket->limit == own)
		return bracket->until;
	bracket->limit = own;
	if (own == NULL)
		bracket->until = wf_step_timeout_until(bracket->began);

	/* No time at all, however it is written, means no limit, as in settings. */
	else if (!wf_eval_interval_fixed(evaluator, own, bracket->began, &bracket->until) ||
			 bracket->until <= bracket->began)
		bracket->until = DT_NOEND;
	return bracket->until;
}

/*
 * Evaluate an expression or a function.  Returns a datum of *type, which is
 * the type that the expression was found to have, in the current memory
 * context, unless *isnull.  Throws what the user's code throws, and 57014 if
 * the step's time is over.
 */
Datum
wf_eval_expr(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope,
			 bool *isnull, Oid *type)
{
	WfCompiled *compiled = &evaluator->compiled[expr->id];
	union
	{
		ParamListInfoData list;
		char		room[offsetof(ParamListInfoData, params) + WF_NPARAMS * sizeof(ParamExternData)];
	}			params;
	ExprState  *state;
	TimestampTz until = DT_NOEND;
	const WfDelay *own = own_limit(evaluator, expr, scope);
	Datum		result;

	memset(&params, 0, sizeof(params));
	params.list.numParams = WF_NPARAMS;
	params.list.params[0].value = JsonbPGetDatum(scope->context);
	params.list.params[0].pflags = PARAM_FLAG_CONST;
	params.list.params[0].ptype = JSONBOID;
	params.list.params[1].isnull = true;
	params.list.params[1].ptype = JSONBOID;
	params.list.params[2].isnull = true;
	params.list.params[2].ptype = TEXTARRAYOID;

	state = executable(evaluator, compiled, scope->bracket, &params.list);
	if (compiled->uses_event)
	{
		if (scope->event == NULL && scope->make_event != NULL)
			scope->event = scope->make_event(scope->arg);
		params.list.params[1].value = JsonbPGetDatum(scope->event);
		params.list.params[1].isnull = scope->event == NULL;
	}
	if (unlikely(compiled->uses_states) && scope->make_states != NULL)
	{
		params.list.params[2].value = PointerGetDatum(scope->make_states(scope->arg));
		params.list.params[2].isnull = false;
	}

	*type = compiled->type;
	if (wf_step_timeout != 0 || own != NULL)
		until = time_limit(evaluator, own, scope->bracket);
	if (!compiled->pure)
		return evaluate_impure(compiled, state, &params.list, until, own != NULL, isnull);
	if (until != DT_NOEND)
		result = evaluate_pure_until(state, &params.list, until, own != NULL, isnull);
	else
		result = evaluate_pure(state, &params.list, isnull);

	/*
	 * The result must outlive the context, which is freed when it changes,
	 * and constants, which are freed with their plan.
	 */
	if (!*isnull &&
		(result == params.list.params[0].value ||
		 result == params.list.params[2].value || compiled->may_be_constant) &&
		!get_typbyval(compiled->type))
		result = datumCopy(result, false, get_typlen(compiled->type));
	return result;
}

static bool
is_of_name(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/* Is what follows the word "event" a look at one member, but not at "data"? */
static bool
looks_elsewhere(const char *text)
{
	text += strspn(text, " \t\r\n");
	if (strncmp(text, "->", 2) != 0)
		return false;
	text += text[2] == '>' ? 3 : 2;
	text += strspn(text, " \t\r\n");
	return *text == '\'' && strncmp(text, "'data'", strlen("'data'")) != 0;
}

/*
 * May the value of an expression be another one when the data of the event is?
 * A function that is given the event may look at it; of an inline expression the
 * text tells.  Compiles the expression if necessary.
 */
bool
wf_eval_depends_on_data(WfEvaluator *evaluator, const WfExpr *expr, WfUserContext *bracket)
{
	WfCompiled *compiled = &evaluator->compiled[expr->id];

	if (compiled->cached == NULL || !compiled->cached->is_valid)
		wf_evaluator_compile(evaluator, compiled, bracket);
	if (!compiled->uses_event || expr->is_function)
		return compiled->uses_event;
	for (const char *c = expr->text; *c; c++)
	{
		if (pg_strncasecmp(c, "event", strlen("event")) != 0 ||
			(c > expr->text && is_of_name(c[-1])) || is_of_name(c[strlen("event")]))
			continue;
		if (!looks_elsewhere(c + strlen("event")))
			return true;
	}
	return false;
}

/* Evaluate a guard.  NULL is false.  Throws as wf_eval_expr() does. */
bool
wf_eval_guard(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope)
{
	bool		isnull;
	Oid			type;
	Datum		result = wf_eval_expr(evaluator, expr, scope, &isnull, &type);

	return !isnull && DatumGetBool(result);
}

/*
 * Call the function of an action.  Returns the new context, in the current
 * memory context, or NULL if the function returns void.  Error 22004 if it
 * returns null.  Throws as wf_eval_expr() does.
 */
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

/*
 * Return a constant, which is parsed at its first use and kept by the
 * evaluator.
 */
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

/*
 * Evaluate a value.  Returns jsonb, never NULL: a null of SQL becomes a null
 * of JSON.  The result is in the current memory context, or a constant of
 * the evaluator.  Throws as wf_eval_expr() does.
 */
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

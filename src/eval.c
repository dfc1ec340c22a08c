/*-------------------------------------------------------------------------
 *
 * eval.c
 *	  The author's SQL: guards, values, actions and delays of a definition.
 *
 * Runs in any backend.  An expression and the call of a named function are
 * the same thing here: an expression tree over two parameters, context and
 * event, planned through the cached-expression machinery (so that DDL
 * invalidates it) and evaluated without SPI.
 *
 * Whose rights: code that is not pure runs inside a bracket, from wf_user_enter()
 * to wf_user_leave().  In an executor the session itself is the owner's, so only
 * the path and the settings are bracketed.  In a client's session the user is
 * switched; before version 18 a deferred trigger fires as whoever commits, so
 * there the owner's code runs restricted, unless the session is the owner's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xml.h"

#include "calendar.h"
#include "compat.h"
#include "eval.h"
#include "expression.h"
#include "guc.h"
#include "timeout.h"

/*
 * From 18 on a deferred trigger fires as the role that queued it, so nothing
 * of the owner's is left for the caller to run.
 */
#if PG_VERSION_NUM >= 180000
#define WF_FOREIGN_SESSION SECURITY_LOCAL_USERID_CHANGE
#else
#define WF_FOREIGN_SESSION \
	(SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION)
#endif

/* One expression of a chart, compiled. */
typedef struct Compiled
{
	const WfExpr *expr;
	CachedExpression *cached;	/* or NULL: to be compiled (again) */
	List	   *given_up;		/* older ones that were being executed when they
								 * were compiled anew */
	Oid			type;			/* of its result */
	bool		uses_event;
	bool		pure;			/* built-in and immutable: needs no bracket */
	ExprState  *state;			/* good for state_lxid and state_user */
	LocalTransactionId state_lxid;
	Oid			state_user;
	bool		in_use;			/* its state is being executed */
} Compiled;

struct WfEvaluator
{
	const WfChart *chart;
	int			nexprs;			/* of the chart */
	Oid			owner;
	const char *search_path;
	const char *time_zone;
	pg_tz	   *zone;			/* the same, when it was needed */
	MemoryContext context;
	Compiled   *compiled;		/* by WfExpr.id */
	Jsonb	  **consts;			/* by WfValue.const_id */
	Datum	   *jsonpaths;		/* by WfAttribute.id; 0: not yet */
	Interval  **intervals;		/* by WfDelay.id, of WF_DELAY_TEXT and WORKING */
	MemoryContextCallback at_end;
};

static bool user_code_ran = false;

/*
 * Cached expressions live in a memory context of their own until they are
 * freed by hand: they go with the evaluator that has them.
 */
void
wf_evaluator_free(WfEvaluator *evaluator)
{
	for (int i = 0; i < evaluator->nexprs; i++)
	{
		Compiled   *compiled = &evaluator->compiled[i];
		ListCell   *cell;

		if (compiled->cached != NULL)
			FreeCachedExpression(compiled->cached);
		foreach(cell, compiled->given_up)
			FreeCachedExpression(lfirst(cell));
		compiled->cached = NULL;
		compiled->given_up = NIL;
		compiled->state = NULL;
	}
}

static void
at_end(void *arg)
{
	wf_evaluator_free(arg);
}

WfEvaluator *
wf_evaluator_new(const WfChart *chart, Oid owner, const char *search_path,
				 const char *time_zone)
{
	WfEvaluator *evaluator = palloc0(sizeof(WfEvaluator));

	evaluator->chart = chart;
	evaluator->nexprs = chart->nexprs;
	evaluator->owner = owner;
	evaluator->search_path = search_path;
	evaluator->time_zone = time_zone;
	evaluator->context = CurrentMemoryContext;
	evaluator->compiled = palloc0(sizeof(Compiled) * (chart->nexprs + 1));
	evaluator->consts = palloc0(sizeof(Jsonb *) * (chart->nconsts + 1));
	evaluator->jsonpaths = palloc0(sizeof(Datum) * (chart->nattributes + 1));
	evaluator->intervals = palloc0(sizeof(Interval *) * (chart->ndelays + 1));
	for (int i = 0; i < chart->nexprs; i++)
		evaluator->compiled[i].expr = chart->exprs[i];
	evaluator->at_end.func = at_end;
	evaluator->at_end.arg = evaluator;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &evaluator->at_end);
	return evaluator;
}

/* --- the bracket ------------------------------------------------------- */

static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * What the author's code gives must not depend on who happens to send the
 * command: path and time zone are those of the author, and how values are
 * read and written is as in a server that nobody has configured.  Settings
 * that are right already cost a comparison.
 */
static void
pin_settings(const WfEvaluator *evaluator)
{
	pin("search_path", evaluator->search_path);
	if (strcmp(pg_get_timezone_name(session_timezone), evaluator->time_zone) != 0)
		pin("TimeZone", evaluator->time_zone);
	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY)
		pin("DateStyle", "ISO, MDY");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		pin("IntervalStyle", "postgres");
	if (extra_float_digits != 1)
		pin("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		pin("bytea_output", "hex");
	if (xmlbinary != XMLBINARY_BASE64)
		pin("xmlbinary", "base64");
	if (xmloption != XMLOPTION_CONTENT)
		pin("xmloption", "content");
	if (Transform_null_equals)
		pin("transform_null_equals", "off");
	if (!standard_conforming_strings)
		pin("standard_conforming_strings", "on");
	if (!Array_nulls)
		pin("array_nulls", "on");
	if (quote_all_identifiers)
		pin("quote_all_identifiers", "off");
}

void
wf_user_enter(WfEvaluator *evaluator, WfBracket *bracket)
{
	int			restricted = 0;

	user_code_ran = true;
	if (bracket->open)
		return;

	bracket->foreign = GetAuthenticatedUserId() != evaluator->owner ||
		GetSessionUserId() != evaluator->owner ||
		GetUserId() != evaluator->owner;
	if (bracket->foreign)
	{
		restricted = WF_FOREIGN_SESSION;
		bracket->depth = wf_foreign_enter();
	}
	GetUserIdAndSecContext(&bracket->user, &bracket->sec_context);
	bracket->guc_level = NewGUCNestLevel();
	pin_settings(evaluator);
	SetUserIdAndSecContext(evaluator->owner,
						   bracket->sec_context | restricted);
	bracket->open = true;
}

bool
wf_is_pure(WfEvaluator *evaluator, const WfExpr *expr)
{
	const Compiled *compiled = &evaluator->compiled[expr->id];

	return compiled->cached != NULL && compiled->cached->is_valid && compiled->pure;
}

void
wf_user_leave(WfBracket *bracket)
{
	bracket->until = 0;
	if (!bracket->open)
		return;
	AtEOXact_GUC(false, bracket->guc_level);
	SetUserIdAndSecContext(bracket->user, bracket->sec_context);
	bracket->open = false;
	if (bracket->foreign)
		wf_foreign_leave(bracket->depth);
}

bool
wf_user_ran(void)
{
	bool		ran = user_code_ran;

	user_code_ran = false;
	return ran;
}

/* --- compiling --------------------------------------------------------- */

/* Whoever is executing it still points into it: then it is freed later. */
static void
forget_cached(WfEvaluator *evaluator, Compiled *compiled)
{
	if (compiled->cached != NULL && compiled->in_use)
	{
		MemoryContext old = MemoryContextSwitchTo(evaluator->context);

		compiled->given_up = lappend(compiled->given_up, compiled->cached);
		MemoryContextSwitchTo(old);
	}
	else if (compiled->cached != NULL)
		FreeCachedExpression(compiled->cached);
	compiled->cached = NULL;
	compiled->state = NULL;
}

/* Nobody executes any of them any more. */
static void
free_given_up(Compiled *compiled)
{
	ListCell   *cell;

	foreach(cell, compiled->given_up)
		FreeCachedExpression(lfirst(cell));
	list_free(compiled->given_up);
	compiled->given_up = NIL;
}

/*
 * Parse and plan an expression.  Names resolve under the definition's path,
 * as its owner: inside the bracket.
 */
static void
compile(WfEvaluator *evaluator, Compiled *compiled, WfBracket *bracket)
{
	Node	   *tree;

	wf_user_enter(evaluator, bracket);
	forget_cached(evaluator, compiled);
	tree = wf_expression_parse(compiled->expr, &compiled->type);
	compiled->uses_event = wf_expression_uses_event(tree);

	/* What planning needs goes with the caller's memory, the plan stays. */
	compiled->cached = GetCachedExpression(tree);
	compiled->pure = wf_expression_is_pure(compiled->cached->expr);
}

/*
 * The executable state of an expression.  Kept for the transaction; rights
 * on functions are checked when it is made.  A state that is being executed
 * (an action that sends to another process of the same definition) is not
 * used again: the caller gets one of its own.
 */
static ExprState *
executable(WfEvaluator *evaluator, Compiled *compiled, WfBracket *bracket,
		   ParamListInfo params)
{
	MemoryContext old;
	ExprState  *state;

	if (compiled->cached == NULL || !compiled->cached->is_valid)
		compile(evaluator, compiled, bracket);
	if (!compiled->pure)
		wf_user_enter(evaluator, bracket);

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

/* --- evaluating -------------------------------------------------------- */

static TimestampTz add_interval(WfEvaluator *evaluator, TimestampTz now,
								Interval *interval);
static Interval *constant_interval(WfEvaluator *evaluator, const WfDelay *delay);

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
evaluate_impure(Compiled *compiled, ExprState *state, ParamListInfo params,
				TimestampTz until, bool own_limit, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	ExprContext *econtext;
	Datum		result = (Datum) 0;
	bool		nested = compiled->in_use;
	TimestampTz outer;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	econtext = CreateStandaloneExprContext();
	econtext->ecxt_param_list_info = params;
	compiled->in_use = true;
	outer = wf_timeout_begin(until, own_limit);
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
			free_given_up(compiled);
		wf_timeout_failed(outer, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	compiled->in_use = nested;
	wf_timeout_end(outer);

	if (!*isnull && !get_typbyval(compiled->type))
		result = datumCopy(result, false, get_typlen(compiled->type));
	FreeExprContext(econtext, true);
	PopActiveSnapshot();
	CommandCounterIncrement();
	if (!nested && compiled->given_up != NIL)
		free_given_up(compiled);
	return result;
}

/* Pure code, too, can take long: a regular expression will do. */
static Datum
evaluate_pure_until(ExprState *state, ParamListInfo params, TimestampTz until,
					bool own_limit, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz outer = wf_timeout_begin(until, own_limit);
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		result = evaluate_pure(state, params, isnull);
	}
	PG_CATCH();
	{
		wf_timeout_failed(outer, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_timeout_end(outer);
	return result;
}

/* Until when code of this step may run; its time begins with the first. */
static TimestampTz
time_limit(WfEvaluator *evaluator, WfBracket *bracket)
{
	const WfDelay *own = evaluator->chart->step_timeout;

	if (bracket->until != 0)
		return bracket->until;
	if (own == NULL)
		bracket->until = wf_timeout_until();
	else if (own->kind == WF_DELAY_TEXT)
		bracket->until = add_interval(evaluator, GetCurrentTimestamp(),
									  constant_interval(evaluator, own));
	else
		bracket->until = own->kind == WF_DELAY_NEVER || own->ms == 0 ? DT_NOEND :
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), own->ms);
	return bracket->until;
}

static Datum
evaluate(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope,
		 bool *isnull, Oid *type)
{
	Compiled   *compiled = &evaluator->compiled[expr->id];
	struct
	{
		ParamListInfoData list;
		ParamExternData more[2];
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

	/* The context goes when it changes, a result stays. */
	if (!*isnull && result == params.list.params[0].value &&
		!get_typbyval(compiled->type))
		result = datumCopy(result, false, get_typlen(compiled->type));
	return result;
}

bool
wf_eval_guard(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope)
{
	bool		isnull;
	Oid			type;
	Datum		result = evaluate(evaluator, expr, scope, &isnull, &type);

	return !isnull && DatumGetBool(result);
}

Jsonb *
wf_eval_action(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope)
{
	bool		isnull;
	Oid			type;
	Datum		result = evaluate(evaluator, expr, scope, &isnull, &type);

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
		Datum		result = evaluate(evaluator, value->expr, scope,
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

/* --- what is searched for ---------------------------------------------- */

static Datum
jsonpath_of(WfEvaluator *evaluator, const WfAttribute *attribute)
{
	Datum	   *slot = &evaluator->jsonpaths[attribute->id];

	if (*slot == (Datum) 0)
	{
		MemoryContext old = MemoryContextSwitchTo(evaluator->context);

		*slot = DirectFunctionCall1(jsonpath_in, CStringGetDatum(attribute->jsonpath));
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

static bool
has_value(Jsonb **values, int n, Jsonb *value)
{
	for (int i = 0; i < n; i++)
		if (compareJsonbContainers(&values[i]->root, &value->root) == 0)
			return true;
	return false;
}

/* Add the elements of a list of values; lists among them once more. */
static void
add_values(Jsonb ***values, int *n, JsonbContainer *list, bool open)
{
	JsonbIterator *it = JsonbIteratorInit(list);
	JsonbValue	value;

	*values = *values == NULL ? palloc(sizeof(Jsonb *) * (JsonContainerSize(list) + 1)) :
		repalloc(*values, sizeof(Jsonb *) * (*n + JsonContainerSize(list) + 1));
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		Jsonb	   *jsonb;

		if (value.type == jbvNull)
			continue;
		if (open && value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data))
		{
			add_values(values, n, value.val.binary.data, false);
			*values = repalloc(*values, sizeof(Jsonb *) * (*n + JsonContainerSize(list) + 1));
			continue;
		}
		jsonb = JsonbValueToJsonb(&value);
		if (!has_value(*values, *n, jsonb))
			(*values)[(*n)++] = jsonb;
	}
}

Jsonb *
wf_eval_attribute(WfEvaluator *evaluator, const WfAttribute *attribute, WfScope *scope)
{
	Jsonb	  **values = NULL;
	int			n = 0;
	Jsonb	   *found;

	if (attribute->jsonpath != NULL)
		found = DatumGetJsonbP(DirectFunctionCall4(jsonb_path_query_array,
												   JsonbPGetDatum(scope->context),
												   jsonpath_of(evaluator, attribute),
												   JsonbPGetDatum(wf_jsonb_object(0, NULL, NULL)),
												   BoolGetDatum(true)));
	else
	{
		WfValue		value = {.kind = WF_VALUE_EXPR,.expr = attribute->expr};

		found = wf_eval_value(evaluator, &value, scope);
		found = wf_jsonb_array(1, &found);
	}
	add_values(&values, &n, &found->root, true);
	return wf_jsonb_array(n, values);
}

/* --- delays ------------------------------------------------------------ */

/*
 * Days and months are added in a time zone: the author's, also outside of the
 * bracket.
 */
static TimestampTz
add_interval(WfEvaluator *evaluator, TimestampTz now, Interval *interval)
{
	pg_tz	   *zone = session_timezone;
	Datum		result = (Datum) 0;

	if (evaluator->zone == NULL)
		evaluator->zone = pg_tzset(evaluator->time_zone);
	if (evaluator->zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", evaluator->time_zone)));
	PG_TRY();
	{
		session_timezone = evaluator->zone;
		result = DirectFunctionCall2(timestamptz_pl_interval,
									 TimestampTzGetDatum(now),
									 IntervalPGetDatum(interval));
	}
	PG_FINALLY();
	{
		session_timezone = zone;
	}
	PG_END_TRY();
	return DatumGetTimestampTz(result);
}

/* The text of a delay, read as always whatever the session's style. */
static Interval *
read_interval(const char *text)
{
	int			style = IntervalStyle;
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		IntervalStyle = INTSTYLE_POSTGRES;
		result = DirectFunctionCall3(interval_in, CStringGetDatum(text),
									 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	PG_FINALLY();
	{
		IntervalStyle = style;
	}
	PG_END_TRY();
	return DatumGetIntervalP(result);
}

static Interval *
constant_interval(WfEvaluator *evaluator, const WfDelay *delay)
{
	Interval  **slot = &evaluator->intervals[delay->id];

	if (*slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(evaluator->context);

		*slot = read_interval(delay->text);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

/* A computed number of milliseconds; -1: never. */
static bool
add_milliseconds(TimestampTz now, double ms, TimestampTz *due)
{
	if (ms == -1)
		return false;
	if (isnan(ms) || ms < 0 || ms > 1e14)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("delay of %g milliseconds is out of range", ms)));
	*due = now + (TimestampTz) rint(ms * 1000.0);
	return true;
}

bool
wf_eval_delay(WfEvaluator *evaluator, const WfDelay *delay, WfScope *scope,
			  TimestampTz now, TimestampTz *due)
{
	bool		isnull;
	Oid			type;
	Datum		result;

	switch (delay->kind)
	{
		case WF_DELAY_NONE:
			*due = now;
			return true;
		case WF_DELAY_NEVER:
			return false;
		case WF_DELAY_MS:
			*due = now + delay->ms * 1000;
			return true;
		case WF_DELAY_TEXT:
			*due = add_interval(evaluator, now, constant_interval(evaluator, delay));
			return true;
		case WF_DELAY_WORKING:
			*due = wf_working_time_add(wf_calendar(delay->calendar), now,
									   constant_interval(evaluator, delay));
			return true;
		case WF_DELAY_EXPR:
			break;
	}

	result = evaluate(evaluator, delay->expr, scope, &isnull, &type);
	if (isnull)
		return false;
	switch (type)
	{
		case INTERVALOID:
			*due = add_interval(evaluator, now, DatumGetIntervalP(result));
			return true;
		case TIMESTAMPTZOID:
			*due = DatumGetTimestampTz(result);
			if (TIMESTAMP_NOT_FINITE(*due))
				ereport(ERROR,
						(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						 errmsg("the due time of a delay must be finite"),
						 errhint("Null means never.")));
			return true;
		case FLOAT8OID:
			return add_milliseconds(now, DatumGetFloat8(result), due);
		default:
			elog(ERROR, "unexpected type %u of a delay", type);
	}
	return false;
}

/* --- for define() ------------------------------------------------------ */

/* Run one compilation, handing an error to `check` instead of throwing it. */
static void
check_one(WfEvaluator *evaluator, Compiled *compiled, const WfDelay *delay,
		  const WfAttribute *attribute,
		  void (*check) (void *arg, const char *path, ErrorData *error),
		  void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	WfBracket	bracket = {0};

	/* Catalog look-ups only, but the parser may hold locks and pins. */
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		if (compiled != NULL)
			compile(evaluator, compiled, &bracket);
		else if (attribute != NULL)
			(void) jsonpath_of(evaluator, attribute);
		else
			(void) constant_interval(evaluator, delay);
		if (delay != NULL && delay->kind == WF_DELAY_WORKING)
			(void) wf_calendar(delay->calendar);
		wf_user_leave(&bracket);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL)
		check(arg, compiled != NULL ? compiled->expr->path :
			  attribute != NULL ? attribute->path : delay->path, error);
}

void
wf_evaluator_check(WfEvaluator *evaluator,
				   void (*check) (void *arg, const char *path, ErrorData *error),
				   void *arg)
{
	const WfChart *chart = evaluator->chart;

	for (int i = 0; i < chart->nexprs; i++)
		check_one(evaluator, &evaluator->compiled[i], NULL, NULL, check, arg);
	for (int i = 0; i < chart->ndelays; i++)
		if (chart->delays[i]->kind == WF_DELAY_TEXT ||
			chart->delays[i]->kind == WF_DELAY_WORKING)
			check_one(evaluator, NULL, chart->delays[i], NULL, check, arg);
	for (int i = 0; i < chart->nattributes; i++)
		if (chart->attributes[i].jsonpath != NULL)
			check_one(evaluator, NULL, NULL, &chart->attributes[i], check, arg);
}

/* Qualified, with its arguments. */
static char *
function_name(Oid function)
{
	return format_procedure_extended(function, FORMAT_PROC_FORCE_QUALIFY);
}

Jsonb *
wf_evaluator_functions(WfEvaluator *evaluator)
{
	const WfChart *chart = evaluator->chart;
	const char **keys = palloc(sizeof(char *) * (chart->nexprs + 1));
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (chart->nexprs + 1));
	int			n = 0;
	WfBracket	bracket = {0};

	wf_user_enter(evaluator, &bracket);
	for (int i = 0; i < chart->nexprs; i++)
		if (chart->exprs[i]->is_function)
		{
			Oid			function = wf_expression_function(chart->exprs[i]);

			keys[n] = function_name(function);
			values[n++] = wf_jsonb_string(wf_function_hash(function));
		}
	wf_user_leave(&bracket);
	return wf_jsonb_object(n, keys, values);
}

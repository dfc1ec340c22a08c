/*-------------------------------------------------------------------------
 *
 * eval_define.c
 *	  What define() asks: is all of the author's SQL right, and what does
 *	  it name?
 *
 * Runs in backends of clients.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "base/array.h"
#include "base/jsonb.h"
#include "base/try.h"
#include "chart/chart.h"
#include "eval/calendar.h"
#include "eval/calls.h"
#include "eval/eval_attribute.h"
#include "eval/eval_define.h"
#include "eval/eval_interval.h"
#include "eval/eval_recurring.h"
#include "eval/evaluator.h"
#include "eval/expression.h"
#include "eval/user_context.h"

/* One thing to be compiled: one of the last three is not NULL. */
typedef struct Compilation
{
	WfEvaluator *evaluator;
	WfCompiled *compiled;
	const WfDelay *delay;
	const WfAttribute *attribute;
} Compilation;

static void
compile(void *arg)
{
	const Compilation *it = arg;
	WfUserContext bracket = {0};

	if (it->compiled != NULL)
		wf_evaluator_compile(it->evaluator, it->compiled, &bracket);
	else if (it->attribute != NULL)
		(void) wf_eval_attribute_jsonpath(it->evaluator, it->attribute);
	else if (it->delay->kind == WF_DELAY_RECURRING)
		wf_eval_recurring_check(it->evaluator, it->delay);
	else
		(void) wf_eval_interval(it->evaluator, it->delay);
	if (it->delay != NULL && it->delay->calendar != NULL)
		(void) wf_calendar(it->delay->calendar);
	wf_user_context_leave(&bracket);
}

/*
 * Do one compilation in a subtransaction, and pass an error to `check` instead of throwing
 * it.  Only catalogs are read, but an error may leave locks and pins behind.
 */
static void
check_one(Compilation it, WfEvalDefineCheck check, void *arg)
{
	ErrorData  *error = wf_try(compile, &it);

	if (error != NULL)
		check(arg, it.compiled != NULL ? it.compiled->expr->path :
			  it.attribute != NULL ? it.attribute->path : it.delay->path,
			  it.compiled != NULL ? it.compiled->expr : NULL, error);
}

/*
 * Compile every expression of the chart, and check every constant delay and
 * every jsonpath, for define().  Must be called as the definition's owner,
 * under the search_path that will be stored.  check(arg, path, expr, error) is
 * called for each one that fails; path is its JSON path, expr is NULL for what
 * is no expression.
 */
void
wf_eval_define_check(WfEvaluator *evaluator, WfEvalDefineCheck check, void *arg)
{
	const WfChart *chart = evaluator->chart;

	for (int i = 0; i < chart->nexprs; i++)
		check_one((Compilation) {evaluator,.compiled = &evaluator->compiled[i]}, check, arg);
	for (int i = 0; i < chart->ndelays; i++)
		if (chart->delays[i]->kind == WF_DELAY_TEXT ||
			chart->delays[i]->kind == WF_DELAY_WORKING ||
			chart->delays[i]->kind == WF_DELAY_RECURRING)
			check_one((Compilation) {evaluator,.delay = chart->delays[i]}, check, arg);
	for (int i = 0; i < chart->nattributes; i++)
		if (chart->attributes[i].jsonpath != NULL)
			check_one((Compilation) {evaluator,.attribute = &chart->attributes[i]}, check, arg);
}

/*
 * Have the functions that a chart names looked up by their qualified names from
 * now on, and written so into its canonical form.  Those that are not there stay
 * as they are.  Enters the owner's context for the look-ups.
 */
void
wf_eval_define_resolve(WfEvaluator *evaluator)
{
	const WfChart *chart = evaluator->chart;
	WfUserContext bracket = {0};

	for (int i = 0; i < chart->nexprs; i++)
	{
		WfExpr	   *expr = chart->exprs[i];
		Oid			function;

		if (!expr->is_function)
			continue;
		wf_user_context_enter(&evaluator->author, &bracket);
		function = wf_expression_find_function(expr);
		if (OidIsValid(function))
			expr->resolved = quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
														get_func_name(function));
	}
	wf_user_context_leave(&bracket);
}

/* An object in the making. */
typedef struct Members
{
	int			n;
	int			size;
	struct Member
	{
		const char *key;
		Jsonb	   *value;
	}		   *items;
} Members;

static void
put(Members *members, const char *key, Jsonb *value)
{
	struct Member *member;

	for (int i = 0; i < members->n; i++)
		if (strcmp(members->items[i].key, key) == 0)
			return;
	member = wf_array_grow(members->items, members->n, members->size);
	member->key = key;
	member->value = value;
}

static Jsonb *
object_of(const Members *members)
{
	const char **keys = palloc(sizeof(char *) * (members->n + 1));
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (members->n + 1));

	for (int i = 0; i < members->n; i++)
	{
		keys[i] = members->items[i].key;
		values[i] = members->items[i].value;
	}
	return wf_jsonb_object(members->n, keys, values);
}

static void
put_function(Members *members, Oid function)
{
	put(members, wf_calls_function_name(function),
		wf_jsonb_string(wf_expression_function_hash(function)));
}

/* A function or an operator that an expression calls, by its name in calls.c. */
static void
put_called(Members *members, const char *name)
{
	Oid			schema;
	Oid			found;

	if (strncmp(name, "function ", strlen("function ")) == 0)
	{
		found = wf_calls_find_function(name + strlen("function "), &schema);
		if (OidIsValid(found))
			put_function(members, found);
	}
	else if (strncmp(name, "operator ", strlen("operator ")) == 0)
	{
		found = wf_calls_find_operator(name, &schema);
		if (OidIsValid(found))
			put(members, name, wf_jsonb_string(wf_expression_function_hash(get_opcode(found))));
	}
}

/*
 * Return the functions that a chart names, and, with expressions, those and the
 * operators of users that its expressions call: {"schema.name(args)": "hash"}.
 * Enters the owner's context for the look-ups.
 */
Jsonb *
wf_eval_define_functions(WfEvaluator *evaluator, bool expressions)
{
	const WfChart *chart = evaluator->chart;
	Members		members = {0};
	WfUserContext bracket = {0};
	Oid			type;

	wf_user_context_enter(&evaluator->author, &bracket);
	for (int i = 0; i < chart->nexprs; i++)
	{
		ListCell   *cell;

		if (chart->exprs[i]->is_function)
			put_function(&members, wf_expression_function(chart->exprs[i]));
		else if (expressions)
			foreach(cell, wf_calls_objects(wf_expression_parse(chart->exprs[i], &type)))
				put_called(&members, lfirst(cell));
	}
	wf_user_context_leave(&bracket);
	return object_of(&members);
}

/*
 * Return what each expression of a chart calls, for wf_calls_check().  Enters the
 * owner's context for the look-ups.
 */
Jsonb *
wf_eval_define_calls(WfEvaluator *evaluator)
{
	const WfChart *chart = evaluator->chart;
	Members		members = {0};
	WfUserContext bracket = {0};
	Oid			type;

	wf_user_context_enter(&evaluator->author, &bracket);
	for (int i = 0; i < chart->nexprs; i++)
	{
		if (!chart->exprs[i]->is_function)
			put(&members, wf_calls_key(chart->exprs[i]),
				wf_calls_names(wf_expression_parse(chart->exprs[i], &type)));
	}
	wf_user_context_leave(&bracket);
	return object_of(&members);
}

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

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/resowner.h"

#include "base/jsonb.h"
#include "chart/chart.h"
#include "eval/calendar.h"
#include "eval/eval_attribute.h"
#include "eval/eval_define.h"
#include "eval/eval_interval.h"
#include "eval/evaluator.h"
#include "eval/expression.h"
#include "eval/user_context.h"

/*
 * Do one compilation in a subtransaction, and pass an error to `check`
 * instead of throwing it.  One of compiled, delay and attribute is not NULL.
 */
static void
check_one(WfEvaluator *evaluator, WfCompiled *compiled, const WfDelay *delay,
		  const WfAttribute *attribute,
		  WfEvalDefineCheck check, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	WfUserContext	bracket = {0};

	/* Only catalogs are read, but an error may leave locks and pins behind. */
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		if (compiled != NULL)
			wf_evaluator_compile(evaluator, compiled, &bracket);
		else if (attribute != NULL)
			(void) wf_eval_attribute_jsonpath(evaluator, attribute);
		else
			(void) wf_eval_interval(evaluator, delay);
		if (delay != NULL && delay->kind == WF_DELAY_WORKING)
			(void) wf_calendar(delay->calendar);
		wf_user_context_leave(&bracket);
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
			  attribute != NULL ? attribute->path : delay->path,
			  compiled != NULL ? compiled->expr : NULL, error);
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
		check_one(evaluator, &evaluator->compiled[i], NULL, NULL, check, arg);
	for (int i = 0; i < chart->ndelays; i++)
		if (chart->delays[i]->kind == WF_DELAY_TEXT ||
			chart->delays[i]->kind == WF_DELAY_WORKING)
			check_one(evaluator, NULL, chart->delays[i], NULL, check, arg);
	for (int i = 0; i < chart->nattributes; i++)
		if (chart->attributes[i].jsonpath != NULL)
			check_one(evaluator, NULL, NULL, &chart->attributes[i], check, arg);
}

/* Return the qualified name of a function, with its arguments. */
static char *
function_name(Oid function)
{
	return format_procedure_extended(function, FORMAT_PROC_FORCE_QUALIFY);
}

/*
 * Return the functions that a chart names: {"schema.name(args)": "hash"}.
 * Enters the owner's context for the look-ups.
 */
Jsonb *
wf_eval_define_functions(WfEvaluator *evaluator)
{
	const WfChart *chart = evaluator->chart;
	const char **keys = palloc(sizeof(char *) * (chart->nexprs + 1));
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (chart->nexprs + 1));
	int			n = 0;
	WfUserContext	bracket = {0};

	wf_user_context_enter(evaluator, &bracket);
	for (int i = 0; i < chart->nexprs; i++)
		if (chart->exprs[i]->is_function)
		{
			Oid			function = wf_expression_function(chart->exprs[i]);

			keys[n] = function_name(function);
			values[n++] = wf_jsonb_string(wf_expression_function_hash(function));
		}
	wf_user_context_leave(&bracket);
	return wf_jsonb_object(n, keys, values);
}

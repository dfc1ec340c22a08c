/*-------------------------------------------------------------------------
 *
 * evaluator.c
 *	  An evaluator: the expressions of a chart, compiled and kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "chart/chart.h"
#include "eval/evaluator.h"
#include "eval/expression.h"
#include "eval/user_context.h"

/* Whoever is executing it still points into it: then it is freed later. */
static void
forget_cached(WfEvaluator *evaluator, WfCompiled *compiled)
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
void
wf_evaluator_free_given_up(WfCompiled *compiled)
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
void
wf_evaluator_compile(WfEvaluator *evaluator, WfCompiled *compiled, WfUserContext *bracket)
{
	Node	   *tree;

	wf_user_context_enter(evaluator, bracket);
	forget_cached(evaluator, compiled);
	tree = wf_expression_parse(compiled->expr, &compiled->type);
	compiled->uses_event = wf_expression_uses_event(tree);

	/* What planning needs goes with the caller's memory, the plan stays. */
	compiled->cached = GetCachedExpression(tree);
	compiled->pure = wf_expression_is_pure(compiled->cached->expr);
	compiled->may_be_constant = wf_expression_may_be_constant(compiled->cached->expr);
}

/*
 * Give back what an evaluator has outside of its memory context, before that
 * is deleted.  None of its expressions may be under way.
 */
void
wf_evaluator_free(WfEvaluator *evaluator)
{
	for (int i = 0; i < evaluator->nexprs; i++)
	{
		WfCompiled *compiled = &evaluator->compiled[i];
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

/*
 * An evaluator for a chart, in the current memory context; compiles nothing
 * yet.  chart, search_path and time_zone (the author's) must live as long.
 */
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
	evaluator->compiled = palloc0(sizeof(WfCompiled) * (chart->nexprs + 1));
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

/* The role as which its code runs from now on. */
void
wf_evaluator_set_owner(WfEvaluator *evaluator, Oid owner)
{
	evaluator->owner = owner;
}

/* Does this run without a bracket?  False when it is not known yet. */
bool
wf_evaluator_is_pure(WfEvaluator *evaluator, const WfExpr *expr)
{
	const WfCompiled *compiled = &evaluator->compiled[expr->id];

	return compiled->cached != NULL && compiled->cached->is_valid && compiled->pure;
}

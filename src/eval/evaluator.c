/*-------------------------------------------------------------------------
 *
 * evaluator.c
 *	  An evaluator: the expressions of a chart, compiled and kept.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "chart/chart.h"
#include "eval/calls.h"
#include "eval/evaluator.h"
#include "eval/expression.h"
#include "eval/pure.h"
#include "eval/stub.h"
#include "eval/user_context.h"

/*
 * Give up a compiled expression.  If it is being executed, its tree is still
 * in use and is freed later.
 */
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

/*
 * Free the trees that were given up while they were executed.  Must be
 * called when none of them is executed any more.
 */
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
 * Parse and plan an expression.  Enters the owner's context, because names
 * are resolved under the definition's search_path and as its owner.  Throws
 * the errors of wf_expression_parse().
 */
void
wf_evaluator_compile(WfEvaluator *evaluator, WfCompiled *compiled, WfUserContext *bracket)
{
	Node	   *tree;

	wf_user_context_enter(&evaluator->author, bracket);
	forget_cached(evaluator, compiled);
	compiled->is_stub = wf_stub_is_wanted(evaluator, compiled->expr);
	if (unlikely(compiled->is_stub))
		tree = wf_stub_tree(evaluator, compiled->expr, &compiled->type);
	else
		tree = wf_expression_parse(compiled->expr, &compiled->type);
	if (evaluator->calls != NULL && !compiled->expr->is_function && !compiled->is_stub)
		wf_calls_check(evaluator->calls, wf_calls_key(compiled->expr), "expression", compiled->expr->text,
					   tree);
	compiled->uses_event = wf_expression_uses(tree, WF_PARAM_EVENT);
	compiled->uses_states = wf_expression_uses(tree, WF_PARAM_STATES);

	/* Only the plan is kept; the caller's context has what planning needed. */
	compiled->cached = GetCachedExpression(tree);
	compiled->pure = wf_pure_is(compiled->cached->expr);
	compiled->may_be_constant = wf_expression_may_be_constant(compiled->cached->expr);
}

/*
 * Free what an evaluator has outside of its memory context, before that is
 * deleted.  None of its expressions may be under way.  A reset callback of
 * the context calls this, too; a second call does nothing.
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

/* Reset callback of the evaluator's memory context. */
static void
at_end(void *arg)
{
	wf_evaluator_free(arg);
}

/*
 * Make an evaluator for a chart, in the current memory context.  It compiles
 * nothing yet.  chart, search_path and time_zone, which are the author's,
 * must live as long as the evaluator.
 */
WfEvaluator *
wf_evaluator_new(const WfChart *chart, Oid owner, const char *search_path,
				 const char *time_zone)
{
	WfEvaluator *evaluator = palloc0(sizeof(WfEvaluator));

	evaluator->chart = chart;
	evaluator->nexprs = chart->nexprs;
	evaluator->author.role = owner;
	evaluator->author.search_path = search_path;
	evaluator->author.time_zone = time_zone;
	evaluator->context = CurrentMemoryContext;
	evaluator->compiled = palloc0(sizeof(WfCompiled) * (chart->nexprs + 1));
	evaluator->consts = palloc0(sizeof(Jsonb *) * (chart->nconsts + 1));
	evaluator->jsonpaths = palloc0(sizeof(Datum) * (chart->nattributes + 1));
	evaluator->intervals = palloc0(sizeof(Interval *) * (chart->ndelays + 1));
	evaluator->recurrences = palloc0(sizeof(struct WfRecurrence *) * (chart->ndelays + 1));
	for (int i = 0; i < chart->nexprs; i++)
		evaluator->compiled[i].expr = chart->exprs[i];
	evaluator->at_end.func = at_end;
	evaluator->at_end.arg = evaluator;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &evaluator->at_end);
	return evaluator;
}

/*
 * Have stubs stand for functions that do not exist, and for guards that answers
 * names, an object of booleans, which is copied; or NULL.  None of the
 * expressions may be under way.
 */
void
wf_evaluator_stub(WfEvaluator *evaluator, const Jsonb *answers)
{
	evaluator->has_stubs = true;
	evaluator->answers = answers == NULL ? NULL :
		memcpy(MemoryContextAlloc(evaluator->context, VARSIZE(answers)), answers,
			   VARSIZE(answers));
	for (int i = 0; i < evaluator->nexprs; i++)
		if (evaluator->compiled[i].is_stub ||
			evaluator->compiled[i].expr->use == WF_USE_GUARD)
			forget_cached(evaluator, &evaluator->compiled[i]);
}

/*
 * Set what the expressions called when they were stored, see calls.c; it must live
 * as long as the evaluator.
 */
void
wf_evaluator_set_calls(WfEvaluator *evaluator, const Jsonb *calls)
{
	evaluator->calls = calls;
}

/* What some code is called where its costs are shown. */
static const char *
name_of(const WfExpr *expr)
{
	return expr->resolved != NULL ? expr->resolved : expr->text;
}

/* Measure what calls of the code cost: it is that of this definition, by its id. */
void
wf_evaluator_measure(WfEvaluator *evaluator, int32 definition)
{
	for (int i = 0; i < evaluator->nexprs; i++)
		wf_meter_set(&evaluator->compiled[i].meter, WF_COST_DEFINITION, definition,
					 name_of(evaluator->compiled[i].expr));
}

/* Set the role as which the code runs from now on. */
void
wf_evaluator_set_owner(WfEvaluator *evaluator, Oid owner)
{
	evaluator->author.role = owner;
}

/*
 * Does an expression run without the owner's context?  Returns false if it
 * is not compiled yet.
 */
bool
wf_evaluator_is_pure(WfEvaluator *evaluator, const WfExpr *expr)
{
	const WfCompiled *compiled = &evaluator->compiled[expr->id];

	return compiled->cached != NULL && compiled->cached->is_valid && compiled->pure;
}

/*-------------------------------------------------------------------------
 *
 * stub.c
 *	  What a simulation takes for functions that do not exist yet, and for
 *	  guards whose answers its script gives.
 *
 * Runs in backends of clients, in simulations of a definition that is not
 * stored, and nowhere else: an evaluator has no stubs unless
 * wf_evaluator_stub() gave it some.  An action does nothing; a guard answers
 * what the script says, or else true, and one that denies false.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/regproc.h"

#include "base/compat.h"
#include "chart/chart.h"
#include "eval/evaluator.h"
#include "eval/expression.h"
#include "eval/stub.h"

/*
 * What the script says that a guard answers, by the name that the definition has
 * for it or without its schema; or NULL.
 */
static const JsonbValue *
find_answer(const WfEvaluator *evaluator, const WfExpr *expr)
{
	const JsonbValue *value;
	const char *dot = strrchr(expr->text, '.');

	if (evaluator->answers == NULL || expr->use != WF_USE_GUARD)
		return NULL;
	value = getKeyJsonValueFromContainer(&evaluator->answers->root, expr->text,
										 strlen(expr->text), NULL);
	if (value == NULL && dot != NULL)
		value = getKeyJsonValueFromContainer(&evaluator->answers->root, dot + 1,
											 strlen(dot + 1), NULL);
	return value;
}

/*
 * Does a stub stand for the function that an expression names, because the
 * script says what it answers or because it does not exist?  It is looked up
 * under the current search_path.
 */
bool
wf_stub_is_wanted(const WfEvaluator *evaluator, const WfExpr *expr)
{
	if (likely(!evaluator->has_stubs) || !expr->is_function)
		return false;
	if (find_answer(evaluator, expr) != NULL)
		return true;
	return !OidIsValid(wf_expression_find_function(expr));
}

/* Does a path end with ".deny.fn", so that the function is one that denies? */
static bool
is_denial(const char *path)
{
	static const char end[] = ".deny.fn";
	size_t		len = strlen(path);

	return len >= sizeof(end) - 1 && strcmp(path + len - (sizeof(end) - 1), end) == 0;
}

/* What a guard answers. */
static bool
answer(const WfEvaluator *evaluator, const WfExpr *expr)
{
	const JsonbValue *value = find_answer(evaluator, expr);

	return value != NULL ? value->val.boolean : !is_denial(expr->path);
}

/* The tree that stands for a call of the function; *type is that of its result. */
Node *
wf_stub_tree(const WfEvaluator *evaluator, const WfExpr *expr, Oid *type)
{
	if (expr->use == WF_USE_GUARD)
	{
		*type = BOOLOID;
		return makeBoolConst(answer(evaluator, expr), false);
	}
	*type = VOIDOID;
	return (Node *) makeNullConst(VOIDOID, -1, InvalidOid);
}

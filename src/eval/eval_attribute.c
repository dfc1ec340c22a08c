/*-------------------------------------------------------------------------
 *
 * eval_attribute.c
 *	  Search attributes: the values by which a process can be found.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/jsonb.h"
#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/eval_attribute.h"
#include "eval/evaluator.h"

/*
 * Return the jsonpath of an attribute that has one.  It is parsed at its
 * first use and kept by the evaluator.  Throws the errors of jsonpath_in().
 */
Datum
wf_eval_attribute_jsonpath(WfEvaluator *evaluator, const WfAttribute *attribute)
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

static int
compare_values(const void *a, const void *b)
{
	return compareJsonbContainers(&(*(Jsonb *const *) a)->root,
								  &(*(Jsonb *const *) b)->root);
}

/* Sort values and remove duplicates; returns how many remain. */
static int
unite_values(Jsonb **values, int n)
{
	int			kept = 0;

	qsort(values, n, sizeof(Jsonb *), compare_values);
	for (int i = 0; i < n; i++)
		if (kept == 0 || compare_values(&values[kept - 1], &values[i]) != 0)
			values[kept++] = values[i];
	return kept;
}

/*
 * Append the elements of a list, except nulls.  With `open`, the elements of
 * lists in the list are appended instead of those lists.
 */
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
		if (value.type == jbvNull)
			continue;
		if (open && value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data))
		{
			add_values(values, n, value.val.binary.data, false);
			*values = repalloc(*values, sizeof(Jsonb *) * (*n + JsonContainerSize(list) + 1));
			continue;
		}
		(*values)[(*n)++] = JsonbValueToJsonb(&value);
	}
}

/*
 * Return the values of an attribute for the context in `scope`: a jsonb
 * array in which each value is once and none is null.  If the attribute
 * yields a list, all of its elements are values.  The result is in the
 * current memory context.  Throws as wf_eval_expr() does.
 */
Jsonb *
wf_eval_attribute(WfEvaluator *evaluator, const WfAttribute *attribute, WfScope *scope)
{
	Jsonb	  **values = NULL;
	int			n = 0;
	Jsonb	   *found;

	if (attribute->jsonpath != NULL)
		found = DatumGetJsonbP(DirectFunctionCall4(jsonb_path_query_array,
												   JsonbPGetDatum(scope->context),
												   wf_eval_attribute_jsonpath(evaluator, attribute),
												   JsonbPGetDatum(wf_jsonb_object(0, NULL, NULL)),
												   BoolGetDatum(true)));
	else
	{
		WfValue		value = {.kind = WF_VALUE_EXPR,.expr = attribute->expr};

		found = wf_eval_value(evaluator, &value, scope);
		found = wf_jsonb_array(1, &found);
	}
	add_values(&values, &n, &found->root, true);
	return wf_jsonb_array(unite_values(values, n), values);
}

/*-------------------------------------------------------------------------
 *
 * attribute.c
 *	  The searchable attributes of a process, in a table of their own.
 *
 * Runs in any backend, under the lock on the process row, after its steps.
 * A definition declares expressions under "searchable"; their values are rows
 * of workflow.attribute, because the process row must not have an index on
 * anything that a step changes.  The values depend on the context only: a step
 * that has not set it costs one comparison of pointers, and one that has writes
 * only the attributes whose values differ.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "eval/eval_attribute.h"
#include "eval/user_context.h"
#include "process/attribute.h"
#include "process/context.h"
#include "process/process.h"
#include "store/change_sets.h"
#include "store/changes.h"

/* The attribute that an error is reported for. */
typedef struct SearchContext
{
	const WfDefinition *definition;
	const WfAttribute *attribute;
} SearchContext;

static void
search_context(void *arg)
{
	const SearchContext *context = arg;

	errcontext("searchable \"%s\" of workflow \"%s\"", context->attribute->name,
			   context->definition->name);
}

/*
 * The values of an attribute in this context: a jsonb array without null and
 * without duplicates.
 */
static Jsonb *
values_in(WfProcess *process, const WfAttribute *attribute, Jsonb *context)
{
	WfScope		scope = {.context = context,.bracket = &process->user_context};
	SearchContext arg = {process->definition, attribute};
	ErrorContextCallback callback = {error_context_stack, search_context, &arg};
	Jsonb	   *values;

	error_context_stack = &callback;
	values = wf_eval_attribute(process->definition->evaluator, attribute, &scope);
	error_context_stack = callback.previous;
	return values;
}

/* Collect a row for each element of an array. */
static void
write_values(WfProcess *process, WfChanges  *changes, const char *name, Jsonb *values)
{
	JsonbIterator *it = JsonbIteratorInit(&values->root);
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
		wf_changes_attribute(changes, &process->row.id, process->definition->name, name,
							 JsonbValueToJsonb(&value));
}

/*
 * Collect what has changed of the attributes of a process, before its row is
 * written.  Call it only if the definition declares attributes, or if
 * process->search_anew is set.  Throws what the expressions throw.
 */
void
wf_attribute_write(WfProcess *process, WfChanges  *changes)
{
	const WfChart *chart = process->definition->chart;
	bool		anew = process->search_anew || process->unstarted;
	Jsonb	   *before = NULL;

	if (!process->is_new && !anew && process->row.context == process->loaded)
		return;
	if (!process->is_new && anew)
		wf_changes_forget(changes, &process->row.id, NULL);
	else if (!process->is_new)
		before = DatumGetJsonbP(process->loaded);
	for (int i = 0; i < chart->nattributes; i++)
	{
		const WfAttribute *attribute = &chart->attributes[i];
		Jsonb	   *values = values_in(process, attribute, wf_context_of(process));

		if (before != NULL)
		{
			Jsonb	   *old = values_in(process, attribute, before);

			if (compareJsonbContainers(&old->root, &values->root) == 0)
				continue;
			wf_changes_forget(changes, &process->row.id, attribute->name);
		}
		write_values(process, changes, attribute->name, values);
	}
	wf_user_context_leave(&process->user_context);
}

/*-------------------------------------------------------------------------
 *
 * attribute.c
 *	  What a definition declares to be searchable, kept beside its processes.
 *
 * Runs in any backend under the lock on the process row, after its steps.
 * The values are rows of workflow.attribute: the process row itself has no
 * index on anything that a step changes.  They depend on the context only, so
 * a step that did not set it costs one comparison of pointers, and one that
 * did writes nothing unless a value is another one.
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

/* Its values in a context: a list without null, each of them once. */
static Jsonb *
values_in(WfProcess *process, const WfAttribute *attribute, Jsonb *context)
{
	WfScope		scope = {.context = context,.bracket = &process->bracket};
	SearchContext arg = {process->definition, attribute};
	ErrorContextCallback callback = {error_context_stack, search_context, &arg};
	Jsonb	   *values;

	error_context_stack = &callback;
	values = wf_eval_attribute(process->definition->evaluator, attribute, &scope);
	error_context_stack = callback.previous;
	return values;
}

static void
write_values(WfProcess *process, WfChanges *out, const char *name, Jsonb *values)
{
	JsonbIterator *it = JsonbIteratorInit(&values->root);
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
		wf_changes_attribute(out, &process->row.id, process->definition->name, name,
							 JsonbValueToJsonb(&value));
}

/*
 * Before the row is written: if the context was set, work out what can be
 * searched for and collect what of it has changed.  Only for a process whose
 * definition declares something, or has process->search_anew set.
 */
void
wf_attribute_write(WfProcess *process, WfChanges *out)
{
	const WfChart *chart = process->definition->chart;
	bool		anew = process->search_anew || process->unstarted;
	Jsonb	   *before = NULL;

	if (!process->is_new && !anew && process->row.context == process->loaded)
		return;
	if (!process->is_new && anew)
		wf_changes_forget(out, &process->row.id, NULL);
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
			wf_changes_forget(out, &process->row.id, attribute->name);
		}
		write_values(process, out, attribute->name, values);
	}
	wf_user_context_leave(&process->bracket);
}

/*-------------------------------------------------------------------------
 *
 * foreach.c
 *	  The action foreach: a loop over the elements of an array.
 *
 * Runs in any backend, under the lock on the process row.  Evaluating the
 * array, and putting each element into the context, may fail; where errors
 * become events, each of these runs in a subtransaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/jsonb.h"
#include "chart/chart.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/context.h"
#include "process/event_scope.h"
#include "process/foreach.h"
#include "process/process.h"

/* A loop under way. */
typedef struct Loop
{
	WfProcess  *process;
	const WfAction *action;
	const WfEvent *event;
	Jsonb	   *array;
	Jsonb	   *element;
	int			index;			/* of the element */
} Loop;

/* Evaluate the array. */
static void
call_array(void *arg)
{
	Loop	   *loop = arg;

	loop->array = wf_event_scope_value(loop->process, loop->action->event_data, loop->event);
	if (!JB_ROOT_IS_ARRAY(loop->array) || JB_ROOT_IS_SCALAR(loop->array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("foreach at %s needs an array", loop->action->path)));
}

/* Put the present element, and its index if wanted, into the context. */
static void
call_element(void *arg)
{
	Loop	   *loop = arg;
	const char *keys[2] = {loop->action->item, ""};
	Jsonb	   *values[2] = {loop->element, NULL};

	if (loop->action->index != NULL)
	{
		keys[1] = loop->action->index;
		values[1] = wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(loop->index)), NUMERICOID);
	}
	wf_context_change(loop->process, lengthof(keys), keys, values);
}

/*
 * Run the actions of a FOREACH for each element of its array, which is put into
 * the context first.  Throws what the author's code throws; where such an error
 * becomes an event, machine->skip_block is set instead, and the loop ends.
 */
void
wf_foreach(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Loop		loop = {.process = process,.action = action,.event = event};
	JsonbIterator *it;
	JsonbValue	value;

	if (!wf_call_action(process, action, event, call_array, &loop))
		return;

	it = JsonbIteratorInit(&loop.array->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		loop.element = JsonbValueToJsonb(&value);
		if (!wf_call_action(process, action, event, call_element, &loop))
			return;
		loop.index++;
		wf_interpret_actions(process->machine, &action->actions, event);
		if (process->machine->skip_block)
			return;
	}
}

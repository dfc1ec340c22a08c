/*-------------------------------------------------------------------------
 *
 * foreach.c
 *	  The action foreach: a loop over the elements of an array.
 *
 * Runs in any backend, under the lock on the process row.
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

/* Where a loop stands. */
typedef struct Loop
{
	WfProcess  *process;
	const WfAction *action;
	const WfEvent *event;
	Jsonb	   *array;
	Jsonb	   *element;
	int			index;			/* of the element */
} Loop;

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

/* The context with the element, and its number. */
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
 * The actions inside for each element of an array, each of which
 * comes into the context before they are run.  Fails as the above does.
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

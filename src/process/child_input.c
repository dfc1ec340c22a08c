/*-------------------------------------------------------------------------
 *
 * child_input.c
 *	  What a state gives to what it invokes, and what it hears if that is impossible.
 *
 * Runs in any backend, under the lock on the process row, when a state with invokes is
 * entered.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/errcodes.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/child_event.h"
#include "process/child_input.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"

/* The argument of call_input(). */
typedef struct Input
{
	WfProcess  *process;
	const WfInvoke *invoke;
	const WfEvent *event;
	Jsonb	   *result;
} Input;

static void
call_input(void *arg)
{
	Input	   *input = arg;
	const WfInvoke *invoke = input->invoke;
	WfProcessScope scope;

	input->result = wf_eval_value(input->process->definition->evaluator, invoke->input,
								  wf_event_scope(&scope, input->process, input->event));
	if (!JB_ROOT_IS_OBJECT(input->result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the input for \"%s\" at %s is not a JSON object",
						invoke->src, invoke->path)));
}

/*
 * Set *result to the input of a child, NULL if the invoke has none.  Returns
 * false if its expression failed with an error that becomes an event; then the
 * child must not be made.
 */
bool
wf_child_input(WfProcess *process, const WfInvoke *invoke, const WfEvent *event, Jsonb **result)
{
	Input		input = {process, invoke, event, NULL};
	WfCode		code = {"input", invoke->path, false};

	if (invoke->input != NULL && !wf_call_catches(process))
		call_input(&input);
	else if (invoke->input != NULL &&
			 !wf_error_event_catch(process, event, &code, call_input, &input))
		return false;
	*result = input.result;
	return true;
}

/*
 * Raise error.invoke.ID: what a state invokes cannot be made.  data says why.
 */
void
wf_child_input_fail(WfProcess *process, const WfInvoke *invoke, Jsonb *data)
{
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		error = {psprintf(WF_ERROR_INVOKE "%s", invoke->id), payload};

	payload->data = payload->failure = data;
	wf_interpret_raise(process->machine, &error);
}

/* Does an active state take error.invoke.ID, in this step? */
bool
wf_child_input_is_heard(WfProcess *process, const WfInvoke *invoke)
{
	return !process->machine->quiet &&
		wf_machine_handles(process->machine, psprintf(WF_ERROR_INVOKE "%s", invoke->id));
}

/*-------------------------------------------------------------------------
 *
 * call.c
 *	  Calls of the author's code from a step.
 *
 * Runs in any backend, inside of a step.  In definitions that have a transition
 * for errors, see wf_call_catches(), each call runs in a subtransaction, and an
 * error that it throws becomes an event: see error_event.c.  In others, and for
 * errors that cannot become events, these functions throw what the code throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/eval_delay.h"
#include "eval/evaluator.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"

/* The arguments and the result of a call; which are used depends on the kind. */
typedef struct Call
{
	WfProcess  *process;
	const WfEvent *event;
	const WfExpr *expr;
	const WfValue *value;
	const WfDelay *delay;
	bool		holds;
	Jsonb	   *result;
	TimestampTz now;
	TimestampTz due;
} Call;

/* --- does it run without a user context? -------------------------------- */

static bool
value_is_pure(WfProcess *process, const WfValue *value)
{
	if (value == NULL || value->kind == WF_VALUE_CONST)
		return true;
	if (value->kind == WF_VALUE_EXPR)
		return wf_evaluator_is_pure(process->definition->evaluator, value->expr);
	for (int i = 0; i < value->nparts; i++)
		if (!value_is_pure(process, value->parts[i]))
			return false;
	return true;
}

static bool
delay_is_pure(WfProcess *process, const WfDelay *delay)
{
	return delay == NULL || delay->expr == NULL ||
		wf_evaluator_is_pure(process->definition->evaluator, delay->expr);
}

static bool
action_is_pure(WfProcess *process, const WfAction *action)
{
	if (action->expr != NULL &&
		!wf_evaluator_is_pure(process->definition->evaluator, action->expr))
		return false;
	for (int i = 0; i < action->nkeys; i++)
		if (!value_is_pure(process, action->values[i]))
			return false;
	return value_is_pure(process, action->event_type) &&
		value_is_pure(process, action->event_data) &&
		value_is_pure(process, action->target) &&
		value_is_pure(process, action->send_id) &&
		delay_is_pure(process, action->delay);
}

/* The name of a kind of action, for error events. */
static const char *
kind_of(const WfAction *action)
{
	switch (action->kind)
	{
		case WF_ACTION_CALL:
			return "action";
		case WF_ACTION_ASSIGN:
			return "assign";
		case WF_ACTION_RAISE:
			return "raise";
		case WF_ACTION_SEND:
			return "send";
		case WF_ACTION_CANCEL:
			return "cancel";
		case WF_ACTION_LOG:
			return "log";
		case WF_ACTION_FOREACH:
			return "foreach";
		case WF_ACTION_CHOOSE:
			break;
	}
	return "choose";
}

/* --- the calls --------------------------------------------------------- */

static void
call_guard(void *arg)
{
	Call	   *call = arg;
	WfProcessScope scope;

	call->holds = wf_eval_guard(call->process->definition->evaluator, call->expr,
								wf_event_scope(&scope, call->process, call->event));
}

/*
 * Does a guard hold?  If it fails with an error that becomes an event, it does
 * not, and machine->guard_failed says that the guard as a whole does not hold,
 * either.
 */
bool
wf_call_guard(WfProcess *process, const WfExpr *expr, const WfEvent *event)
{
	Call		call = {.process = process,.event = event,.expr = expr};

	if (!wf_call_catches(process))
		call_guard(&call);
	else
	{
		WfCode		code = {"guard", expr->path,
		wf_evaluator_is_pure(process->definition->evaluator, expr)};

		process->machine->guard_failed |=
			!wf_error_event_catch(process, event, &code, call_guard, &call);
	}
	return call.holds;
}

static void
call_delay(void *arg)
{
	Call	   *call = arg;
	WfProcessScope scope;

	call->holds = wf_eval_delay(call->process->definition->evaluator, call->delay,
								wf_event_scope(&scope, call->process, call->event),
								call->now, &call->due);
}

/*
 * Set *due to when a delay is over that begins at `now`.  Returns false if that
 * is never, or if the expression failed with an error that becomes an event.
 */
bool
wf_call_delay(WfProcess *process, const WfDelay *delay, const WfEvent *event,
			  TimestampTz now, TimestampTz *due)
{
	Call		call = {.process = process,.event = event,.delay = delay,.now = now};

	if (!wf_call_catches(process) || delay->expr == NULL)
		call_delay(&call);
	else
	{
		WfCode		code = {"delay", delay->path, delay_is_pure(process, delay)};

		if (!wf_error_event_catch(process, event, &code, call_delay, &call))
			return false;
	}
	*due = call.due;
	return call.holds;
}

static void
call_value(void *arg)
{
	Call	   *call = arg;

	call->result = wf_event_scope_value(call->process, call->value, call->event);
}

/*
 * Set *output to the output of a final state that has one.  Returns false if it
 * failed with an error that becomes an event.
 */
bool
wf_call_output(WfProcess *process, const WfState *final, const WfEvent *event,
			   Jsonb **output)
{
	Call		call = {.process = process,.event = event,.value = final->output};

	if (!wf_call_catches(process))
		call_value(&call);
	else
	{
		WfCode		code = {"output", psprintf("%s.output", final->path),
		value_is_pure(process, final->output)};

		if (!wf_error_event_catch(process, event, &code, call_value, &call))
			return false;
	}
	*output = call.result;
	return true;
}

/*
 * Call function(arg), the part of an action that may fail; see
 * wf_error_event_catch() for what it may do.  Returns false if it failed with
 * an error that becomes an event; then machine->skip_block has the interpreter
 * leave out the rest of the block.
 */
bool
wf_call_action(WfProcess *process, const WfAction *action, const WfEvent *event,
			   void (*function) (void *arg), void *arg)
{
	if (!wf_call_catches(process))
		function(arg);
	else
	{
		WfCode		code = {kind_of(action), action->path, action_is_pure(process, action)};

		if (!wf_error_event_catch(process, event, &code, function, arg))
		{
			process->machine->skip_block = true;
			return false;
		}
	}
	return true;
}

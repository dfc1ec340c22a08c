/*-------------------------------------------------------------------------
 *
 * event_scope.c
 *	  What the author's code sees of a process and of the event it works.
 *
 * Runs in any backend, inside of a step.  The event is made into jsonb only if
 * code asks for it, and only once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "eval/eval_time.h"
#include "interpreter/machine.h"
#include "process/context.h"
#include "process/event_scope.h"
#include "process/process.h"

static const WfPayload no_payload = {0};

/* The payload of an event; an empty one if it has none, never NULL. */
const WfPayload *
wf_event_scope_payload(const WfEvent *event)
{
	return event->payload != NULL ? event->payload : &no_payload;
}

/*
 * The event being worked.  The interpreter gives NULL while the process starts
 * or is cancelled: then it is the event that does so.
 */
static const WfEvent *
actual(WfProcess *process, const WfEvent *event)
{
	return event != NULL ? event : &process->boundary;
}

/*
 * The actor on whose behalf an event came, or NULL if it has none.  event is
 * NULL while the process starts or is cancelled.
 */
const char *
wf_event_scope_actor(WfProcess *process, const WfEvent *event)
{
	return wf_event_scope_payload(actual(process, event))->actor;
}

/* The business key of a process, or NULL. */
static Jsonb *
key_jsonb(const WfProcess *process)
{
	if (process->key != NULL)
		return wf_jsonb_string(process->key);
	return process->row.key == (Datum) 0 ? NULL :
		wf_jsonb_string(TextDatumGetCString(process->row.key));
}

/* The time of the step under way, which all of its code sees. */
static TimestampTz
step_time(WfProcess *process)
{
	if (process->at == 0)
		process->at = wf_clock_now();
	return process->at;
}

/* An event as the author's code sees it. */
static Jsonb *
event_jsonb(WfProcess *process, const WfEvent *event)
{
	static const char *keys[] = {"type", "process", "data", "output", "actor",
	"key", "at", "due", "error", "votes"};
	const WfPayload *payload = wf_event_scope_payload(event);
	Jsonb	   *values[lengthof(keys)];

	if (payload->built != NULL)
		return payload->built;
	values[5] = key_jsonb(process);
	values[6] = wf_eval_time(process->definition->evaluator, step_time(process));
	values[7] = payload->due == 0 ? NULL :
		wf_eval_time(process->definition->evaluator, payload->due);
	values[0] = wf_jsonb_string(event->name);
	values[1] = wf_jsonb_string(wf_uuid_text(&process->row.id));
	values[2] = payload->data;
	values[3] = payload->output;
	values[8] = payload->failure;
	values[9] = payload->votes;
	values[4] = payload->actor != NULL ? wf_jsonb_string(payload->actor) : NULL;
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* WfScope.make_event: the event is asked for for the first time. */
static Jsonb *
make_event(void *arg)
{
	WfProcessScope *scope = arg;
	Jsonb	   *built = event_jsonb(scope->process, scope->event);

	if (scope->event->payload != NULL)
		((WfPayload *) scope->event->payload)->built = built;
	return built;
}

/* WfScope.make_states: the active atomic and final states, as of now. */
static ArrayType *
make_states(void *arg)
{
	WfProcess  *process = ((WfProcessScope *) arg)->process;
	const WfStateId *leaves;
	int			n;

	if (process->machine == NULL || process->machine->host != process)
		return DatumGetArrayTypeP(process->row.states);
	n = wf_machine_leaves(process->machine, &leaves);
	return wf_definition_states_array(process->definition, leaves, n);
}

/* The `step_timeout` of the transition that the event has taken, or NULL. */
static const WfDelay *
limit_of_cause(const WfProcess *process)
{
	const WfMachine *machine = process->machine;

	return machine == NULL || machine->host != process || machine->cause == NULL ? NULL :
		machine->cause->step_timeout;
}

/*
 * Fill in a scope for evaluating the author's code on behalf of a process, in
 * the user context of its step.  The result points into *scope.
 */
WfScope *
wf_event_scope(WfProcessScope *scope, WfProcess *process,
			   const WfEvent *event)
{
	scope->process = process;
	scope->event = actual(process, event);
	scope->scope.context = wf_context_of(process);
	scope->scope.event = NULL;
	scope->scope.make_event = make_event;
	scope->scope.make_states = make_states;
	scope->scope.step_timeout = unlikely(process->definition->chart->inner_limits) ?
		limit_of_cause(process) : NULL;
	scope->scope.arg = scope;
	scope->scope.bracket = &process->user_context;
	return &scope->scope;
}

/*
 * Evaluate a value with the process and the event in scope.  Returns NULL if
 * value is NULL or gives none.  Throws what the author's code throws.
 */
Jsonb *
wf_event_scope_value(WfProcess *process, const WfValue *value, const WfEvent *event)
{
	WfProcessScope scope;

	if (value == NULL)
		return NULL;
	return wf_eval_value(process->definition->evaluator, value,
						 wf_event_scope(&scope, process, event));
}

/*
 * As wf_event_scope_value(), for a value that must be a string which is not
 * empty, or null: else error 22023, with the key of the value in the action.
 */
char *
wf_event_scope_string(WfProcess *process, const WfValue *value, const WfEvent *event,
					  const WfAction *action, const char *key)
{
	Jsonb	   *jsonb = wf_event_scope_value(process, value, event);
	char	   *text;

	if (jsonb == NULL)
		return NULL;
	text = wf_jsonb_text(jsonb);
	if (text == NULL || text[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of the action at %s is not a string", key, action->path)));
	return text;
}

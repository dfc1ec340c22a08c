/*-------------------------------------------------------------------------
 *
 * event_scope.c
 *	  What the author's code sees of a process and of the event it works.
 *
 * Runs in any backend, inside of a step.  The event is made into jsonb only when
 * code asks for it, and once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "eval/eval.h"
#include "interpreter/machine.h"
#include "process/context.h"
#include "process/event_scope.h"
#include "process/process.h"

static const WfPayload no_payload = {0};

/* What came with an event; never NULL. */
const WfPayload *
wf_event_scope_payload(const WfEvent *event)
{
	return event->payload != NULL ? event->payload : &no_payload;
}

/* The event being worked, also while the process starts or is cancelled. */
static const WfEvent *
actual(WfProcess *process, const WfEvent *event)
{
	return event != NULL ? event : &process->boundary;
}

/* On whose behalf it came, or NULL.  Event NULL: what starts or cancels it. */
const char *
wf_event_scope_actor(WfProcess *process, const WfEvent *event)
{
	return wf_event_scope_payload(actual(process, event))->actor;
}

static Jsonb *
event_jsonb(WfProcess *process, const WfEvent *event)
{
	static const char *keys[] = {"type", "process", "data", "output", "actor"};
	const WfPayload *payload = wf_event_scope_payload(event);
	Jsonb	   *values[lengthof(keys)];

	if (payload->built != NULL)
		return payload->built;
	values[0] = wf_jsonb_string(event->name);
	values[1] = wf_jsonb_string(wf_uuid_text(&process->row.id));
	values[2] = payload->data;
	values[3] = payload->output;
	values[4] = payload->actor != NULL ? wf_jsonb_string(payload->actor) : NULL;
	return wf_jsonb_object(lengthof(keys), keys, values);
}

static Jsonb *
make_event(void *arg)
{
	WfProcessScope *scope = arg;
	Jsonb	   *built = event_jsonb(scope->process, scope->event);

	if (scope->event->payload != NULL)
		((WfPayload *) scope->event->payload)->built = built;
	return built;
}

WfScope *
wf_event_scope(WfProcessScope *scope, WfProcess *process,
			   const WfEvent *event)
{
	scope->process = process;
	scope->event = actual(process, event);
	scope->scope.context = wf_context_of(process);
	scope->scope.event = NULL;
	scope->scope.make_event = make_event;
	scope->scope.arg = scope;
	scope->scope.bracket = &process->bracket;
	return &scope->scope;
}

/*
 * Evaluate with the process and the event in scope, in the step's bracket.
 * NULL for no value.  Throws what the author's code throws.
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
 * The same where it has to be a string that is not empty, or null; else error
 * 22023, which says `what` it is.
 */
char *
wf_event_scope_string(WfProcess *process, const WfValue *value, const WfEvent *event,
					  const WfAction *action, const char *what)
{
	Jsonb	   *jsonb = wf_event_scope_value(process, value, event);
	char	   *text;

	if (jsonb == NULL)
		return NULL;
	text = wf_jsonb_text(jsonb);
	if (text == NULL || text[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of the action at %s is not a string", what, action->path)));
	return text;
}

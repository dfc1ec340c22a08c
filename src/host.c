/*-------------------------------------------------------------------------
 *
 * host.c
 *	  What the interpreter asks for, done for a process in memory.
 *
 * Runs in any backend under the lock on the process row.  Callbacks may
 * throw: the machine and everything a step collected go with the memory
 * context of its stepper.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "child.h"
#include "clock.h"
#include "compat.h"
#include "guc.h"
#include "process.h"
#include "send.h"
#include "uuid.h"

static const WfPayload no_payload = {0};

static const WfPayload *
payload_of(const WfEvent *event)
{
	return event->payload != NULL ? event->payload : &no_payload;
}

/* The event being worked, also while the process starts or is cancelled. */
static const WfEvent *
actual(WfProcess *process, const WfEvent *event)
{
	return event != NULL ? event : &process->boundary;
}

const char *
wf_process_actor(WfProcess *process, const WfEvent *event)
{
	return payload_of(actual(process, event))->actor;
}

Jsonb *
wf_event_jsonb(WfProcess *process, const WfEvent *event)
{
	static const char *keys[] = {"type", "process", "data", "output", "actor"};
	const WfPayload *payload = payload_of(event);
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
	Jsonb	   *built = wf_event_jsonb(scope->process, scope->event);

	if (scope->event->payload != NULL)
		((WfPayload *) scope->event->payload)->built = built;
	return built;
}

WfScope *
wf_process_scope(WfProcessScope *scope, WfProcess *process,
				 const WfEvent *event)
{
	scope->process = process;
	scope->event = actual(process, event);
	scope->scope.context = wf_process_context(process);
	scope->scope.event = NULL;
	scope->scope.make_event = make_event;
	scope->scope.arg = scope;
	scope->scope.bracket = &process->bracket;
	return &scope->scope;
}

/* --- values ------------------------------------------------------------ */

static Jsonb *
value_of(WfProcess *process, const WfValue *value, const WfEvent *event)
{
	WfProcessScope scope;

	if (value == NULL)
		return NULL;
	return wf_eval_value(process->definition->evaluator, value,
						 wf_process_scope(&scope, process, event));
}

/* A value that has to be a string. */
static char *
string_of(WfProcess *process, const WfValue *value, const WfEvent *event,
		  const WfAction *action, const char *what)
{
	Jsonb	   *jsonb = value_of(process, value, event);
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

void
wf_check_context(Jsonb *context)
{
	if (!JB_ROOT_IS_OBJECT(context))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the new context is not a JSON object")));
	if (VARSIZE(context) > (Size) wf_max_context_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the new context is larger than workflow.max_context_size (%d kB)",
						wf_max_context_size),
				 errhint("Keep large data in tables of your own and their keys in the context.")));
}

static void
set_context(WfProcess *process, Jsonb *context)
{
	wf_check_context(context);
	process->context = context;
	process->row.context = JsonbPGetDatum(context);
}

/* --- callbacks --------------------------------------------------------- */

static bool
host_guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	WfProcess  *process = self;
	WfProcessScope scope;

	CHECK_FOR_INTERRUPTS();
	return wf_eval_guard(process->definition->evaluator, expr,
						 wf_process_scope(&scope, process, event));
}

static void
act_assign(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Jsonb	  **values;

	if (action->expr != NULL)
	{
		WfProcessScope scope;
		WfValue		whole = {.kind = WF_VALUE_EXPR,.expr = action->expr};

		set_context(process,
					wf_eval_value(process->definition->evaluator, &whole,
								  wf_process_scope(&scope, process, event)));
		return;
	}

	/* All values see the context as it was before. */
	values = palloc(sizeof(Jsonb *) * (action->nkeys + 1));
	for (int i = 0; i < action->nkeys; i++)
		values[i] = value_of(process, action->values[i], event);
	set_context(process,
				wf_jsonb_merge(wf_process_context(process),
							   wf_jsonb_object(action->nkeys, action->keys, values)));
}

static void
act_call(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	WfProcessScope scope;
	Jsonb	   *context = wf_eval_action(process->definition->evaluator,
										 action->expr,
										 wf_process_scope(&scope, process, event));

	if (context != NULL)
		set_context(process, context);
}

/* RAISE without delay: the internal queue. */
static void
raise_now(WfProcess *process, const char *name, Jsonb *data, const char *actor)
{
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		raised = {name, payload};

	payload->data = data;
	payload->actor = actor;
	wf_raise(process->machine, &raised);
}

static void
act_send(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	const char *actor = wf_process_actor(process, event);
	const char *name = string_of(process, action->event_type, event, action, "the event");
	Jsonb	   *data = value_of(process, action->event_data, event);
	const char *id = string_of(process, action->send_id, event, action, "the id");
	const char *target = string_of(process, action->target, event, action, "the target");
	TimestampTz now = wf_now();
	TimestampTz due = now;
	WfProcessScope scope;

	if (action->delay != NULL &&
		!wf_eval_delay(process->definition->evaluator, action->delay,
					   wf_process_scope(&scope, process, event), now, &due))
		return;

	if (target != NULL && strcmp(target, "#_internal") != 0)
		wf_send_across(process, target, name, data, id, due > now ? due : DT_NOBEGIN,
					   actor);
	else if (due > now)
		wf_timers_send(process, name, data, id, due, actor);
	else if (action->kind == WF_ACTION_RAISE || target != NULL)
		raise_now(process, name, data, actor);
	else
		wf_queue_self(process, name, data, actor);
}

/* To the server log, or to the client that waits. */
static void
act_log(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Jsonb	   *value = value_of(process, action->event_data, event);
	char	   *text = value == NULL ? "" :
		JsonbToCString(NULL, &value->root, VARSIZE(value));

	ereport(AmBackgroundWorkerProcess() ? LOG : NOTICE,
			(errmsg("workflow \"%s\": %s%s%s", process->definition->name,
					action->label ? action->label : "",
					action->label ? ": " : "", text),
			 errhidecontext(true)));
}

static void
act_foreach(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Jsonb	   *array = value_of(process, action->event_data, event);
	JsonbIterator *it;
	JsonbValue	value;
	int			i = 0;

	if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("foreach at %s needs an array", action->path)));
	it = JsonbIteratorInit(&array->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		set_context(process, wf_jsonb_set(wf_process_context(process), action->item,
										  JsonbValueToJsonb(&value)));
		if (action->index != NULL)
			set_context(process, wf_jsonb_set(wf_process_context(process), action->index,
											  wf_jsonb_parse(psprintf("%d", i))));
		i++;
		wf_run_actions(process->machine, &action->actions, event);
	}
}

static void
host_action(void *self, const WfAction *action, const WfEvent *event)
{
	WfProcess  *process = self;

	CHECK_FOR_INTERRUPTS();
	switch (action->kind)
	{
		case WF_ACTION_CALL:
			act_call(process, action, event);
			break;
		case WF_ACTION_ASSIGN:
			act_assign(process, action, event);
			break;
		case WF_ACTION_RAISE:
		case WF_ACTION_SEND:
			act_send(process, action, event);
			break;
		case WF_ACTION_CANCEL:
			wf_timers_cancel(process, string_of(process, action->send_id, event,
												action, "the id"));
			break;
		case WF_ACTION_LOG:
			act_log(process, action, event);
			break;
		case WF_ACTION_FOREACH:
			act_foreach(process, action, event);
			break;
		case WF_ACTION_CHOOSE:
			elog(ERROR, "choose is the interpreter's");
	}
}

static void
host_arm(void *self, const WfState *state, const WfEvent *event)
{
	wf_timers_arm(self, state, event);
}

static void
host_disarm(void *self, const WfState *state)
{
	wf_timers_disarm(self, state);
}

static void
host_invoke(void *self, const WfState *state, const WfEvent *event)
{
	wf_children_invoke(self, state, event);
}

static void
host_invoke_start(void *self, const WfState *state)
{
	wf_children_start(self, state);
}

static void
host_uninvoke(void *self, const WfState *state)
{
	wf_children_let_go(self, state);
}

static void *
host_done_payload(void *self, const WfState *final, const WfEvent *event)
{
	WfPayload  *payload;

	if (final->output == NULL)
		return NULL;
	payload = palloc0(sizeof(WfPayload));
	payload->output = value_of(self, final->output, event);
	return payload;
}

/* The output of the root sees that of the final state, which else is it. */
static void
host_done(void *self, const WfState *final, const WfEvent *event)
{
	WfProcess  *process = self;
	const WfState *root = process->definition->chart->states;
	Jsonb	   *output = value_of(process, final->output, event);

	if (root->output != NULL)
	{
		WfPayload	payload = {.output = output,
		.actor = wf_process_actor(process, event)};
		WfEvent		done = {psprintf("done.state.%s", root->name), &payload};

		output = value_of(process, root->output, &done);
	}
	if (output != NULL)
		process->row.output = JsonbPGetDatum(output);
	wf_child_tell(process, WF_DONE_INVOKE, output);
}

static void
host_too_many(void *self, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a step did not come to rest after %d microsteps", limit),
			 errhint("Look for a cycle of \"always\" transitions or raised events; workflow.max_microsteps is the limit.")));
}

const WfHost wf_process_host = {
	.guard = host_guard,
	.action = host_action,
	.arm = host_arm,
	.disarm = host_disarm,
	.invoke = host_invoke,
	.invoke_start = host_invoke_start,
	.uninvoke = host_uninvoke,
	.done_payload = host_done_payload,
	.done = host_done,
	.too_many_microsteps = host_too_many,
};

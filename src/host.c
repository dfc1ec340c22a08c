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

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "child.h"
#include "clock.h"
#include "compat.h"
#include "guc.h"
#include "process.h"
#include "send.h"
#include "uuid.h"

static const WfPayload no_payload = {0};

const WfPayload *
wf_payload(const WfEvent *event)
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
	return wf_payload(actual(process, event))->actor;
}

Jsonb *
wf_event_jsonb(WfProcess *process, const WfEvent *event)
{
	static const char *keys[] = {"type", "process", "data", "output", "actor"};
	const WfPayload *payload = wf_payload(event);
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

	/* A loop makes a context for each of its items: nobody has that of before. */
	if (process->own_context != NULL)
		pfree(process->own_context);
	process->own_context = NULL;
}

/* Members of the context get new values. */
static void
change_context(WfProcess *process, int n, const char **keys, Jsonb **values)
{
	Jsonb	   *changes = wf_jsonb_object(n, keys, values);
	Jsonb	   *context = wf_jsonb_merge(wf_process_context(process), changes);

	pfree(changes);
	set_context(process, context);
	process->own_context = context;
}

/* --- what may fail, as wf_catch() calls it ----------------------------- */

/* What a SEND or RAISE comes to. */
typedef struct Sending
{
	const char *actor;
	const char *name;
	Jsonb	   *data;
	const char *id;
	const char *target;
	TimestampTz now;
	TimestampTz due;
	bool		never;
} Sending;

/* One piece of the author's code, and what it gave. */
typedef struct Call
{
	WfProcess  *process;
	const WfEvent *event;
	const WfExpr *expr;
	const WfValue *value;
	const WfDelay *delay;
	const WfAction *action;
	bool		holds;
	Jsonb	   *result;
	int			index;			/* of an element */
	TimestampTz now;
	TimestampTz due;
	Sending		sending;
} Call;

static void
call_guard(void *arg)
{
	Call	   *call = arg;
	WfProcessScope scope;

	call->holds = wf_eval_guard(call->process->definition->evaluator, call->expr,
								wf_process_scope(&scope, call->process, call->event));
}

static void
call_value(void *arg)
{
	Call	   *call = arg;

	call->result = value_of(call->process, call->value, call->event);
}

static void
call_delay(void *arg)
{
	Call	   *call = arg;
	WfProcessScope scope;

	call->holds = wf_eval_delay(call->process->definition->evaluator, call->delay,
								wf_process_scope(&scope, call->process, call->event),
								call->now, &call->due);
}

/* Does it run without a bracket? */
static bool
value_is_pure(WfProcess *process, const WfValue *value)
{
	if (value == NULL || value->kind == WF_VALUE_CONST)
		return true;
	if (value->kind == WF_VALUE_EXPR)
		return wf_is_pure(process->definition->evaluator, value->expr);
	for (int i = 0; i < value->nparts; i++)
		if (!value_is_pure(process, value->parts[i]))
			return false;
	return true;
}

static bool
delay_is_pure(WfProcess *process, const WfDelay *delay)
{
	return delay == NULL || delay->kind != WF_DELAY_EXPR ||
		wf_is_pure(process->definition->evaluator, delay->expr);
}

static bool
action_is_pure(WfProcess *process, const WfAction *action)
{
	if (action->expr != NULL &&
		!wf_is_pure(process->definition->evaluator, action->expr))
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

bool
wf_process_delay(WfProcess *process, const WfDelay *delay, const WfEvent *event,
				 TimestampTz now, TimestampTz *due)
{
	Call		call = {.process = process,.event = event,.delay = delay,.now = now};

	if (!wf_catches(process) || delay->kind != WF_DELAY_EXPR)
		call_delay(&call);
	else
	{
		WfCode		code = {"delay", delay->path, delay_is_pure(process, delay)};

		if (!wf_catch(process, event, &code, call_delay, &call))
			return false;
	}
	*due = call.due;
	return call.holds;
}

/* --- callbacks --------------------------------------------------------- */

static bool
host_guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	WfProcess  *process = self;
	Call		call = {.process = process,.event = event,.expr = expr};

	CHECK_FOR_INTERRUPTS();
	if (!wf_catches(process))
		call_guard(&call);
	else
	{
		WfCode		code = {"guard", expr->path,
		wf_is_pure(process->definition->evaluator, expr)};

		process->machine->guard_failed |=
			!wf_catch(process, event, &code, call_guard, &call);
	}
	return call.holds;
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
	change_context(process, action->nkeys, action->keys, values);
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
	payload->raised = true;
	wf_raise(process->machine, &raised);
}

static void
prepare_send(WfProcess *process, const WfAction *action, const WfEvent *event,
			 Sending *s)
{
	WfProcessScope scope;

	s->actor = wf_process_actor(process, event);
	s->name = string_of(process, action->event_type, event, action, "the event");
	s->data = value_of(process, action->event_data, event);
	s->id = string_of(process, action->send_id, event, action, "the id");
	s->target = string_of(process, action->target, event, action, "the target");
	wf_send_check(s->name, s->target != NULL && strcmp(s->target, "#_internal") != 0);
	s->now = s->due = wf_now();
	s->never = action->delay != NULL &&
		!wf_eval_delay(process->definition->evaluator, action->delay,
					   wf_process_scope(&scope, process, event), s->now, &s->due);
}

/*
 * Not within a subtransaction of its own: what it collects outlives that, and
 * nothing of the author's can fail any more.
 */
static void
act_send(WfProcess *process, const WfAction *action, const Sending *s)
{
	if (s->never)
		return;
	if (s->target != NULL && strcmp(s->target, "#_internal") != 0)
		wf_send_across(process, s->target, s->name, s->data, s->id,
					   s->due > s->now ? s->due : DT_NOBEGIN, s->actor);
	else if (s->due > s->now)
		wf_timers_send(process, s->name, s->data, s->id, s->due, s->actor);
	else if (action->kind == WF_ACTION_RAISE || s->target != NULL)
		raise_now(process, s->name, s->data, s->actor);
	else
		wf_queue_self(process, s->name, s->data, s->actor);
}

static void
act_cancel(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	const char *id = string_of(process, action->send_id, event, action, "the id");

	wf_deferred_cancel(process, id);
	wf_timers_cancel(process, id);
}

/* To the server log, or to the client that waits. */
static void
act_log(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Jsonb	   *value = value_of(process, action->event_data, event);
	WfOnlooker *onlooker = process->stepper->onlooker;
	char	   *text = value == NULL ? "" :
		JsonbToCString(NULL, &value->root, VARSIZE(value));

	if (unlikely(onlooker != NULL))
	{
		onlooker->logged(onlooker, action, value);
		return;
	}

	ereport(AmBackgroundWorkerProcess() ? LOG : NOTICE,
			(errmsg("workflow \"%s\": %s%s%s", process->definition->name,
					action->label ? action->label : "",
					action->label ? ": " : "", text),
			 errhidecontext(true)));
}

/* Everything of an action that may fail; what SEND came to is in `sending`. */
static void
act(WfProcess *process, const WfAction *action, const WfEvent *event,
	Sending *sending)
{
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
			prepare_send(process, action, event, sending);
			break;
		case WF_ACTION_CANCEL:
			act_cancel(process, action, event);
			break;
		case WF_ACTION_LOG:
			act_log(process, action, event);
			break;
		case WF_ACTION_FOREACH:
		case WF_ACTION_CHOOSE:
			elog(ERROR, "not one action");
	}
}

static void
call_action(void *arg)
{
	Call	   *call = arg;

	act(call->process, call->action, call->event, &call->sending);
}

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

/* The same where an error is an event.  False: the rest of the block goes. */
static bool
act_caught(WfProcess *process, const WfAction *action, void (*function) (void *arg),
		   Call *call)
{
	WfCode		code = {kind_of(action), action->path, action_is_pure(process, action)};

	if (wf_catch(process, call->event, &code, function, call))
		return true;
	process->machine->skip_block = true;
	return false;
}

/* --- foreach ----------------------------------------------------------- */

static void
call_array(void *arg)
{
	Call	   *call = arg;

	call->result = value_of(call->process, call->action->event_data, call->event);
	if (!JB_ROOT_IS_ARRAY(call->result) || JB_ROOT_IS_SCALAR(call->result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("foreach at %s needs an array", call->action->path)));
}

/* The context with an element, and its number. */
static void
call_element(void *arg)
{
	Call	   *call = arg;
	const char *keys[2] = {call->action->item, ""};
	Jsonb	   *values[2] = {call->result, NULL};

	if (call->action->index != NULL)
	{
		keys[1] = call->action->index;
		values[1] = wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(call->index)), NUMERICOID);
	}
	change_context(call->process, lengthof(keys), keys, values);
}

static void
act_foreach(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Call		call = {.process = process,.event = event,.action = action};
	bool		catches = wf_catches(process);
	JsonbIterator *it;
	JsonbValue	value;

	if (!catches)
		call_array(&call);
	else if (!act_caught(process, action, call_array, &call))
		return;

	it = JsonbIteratorInit(&call.result->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		call.result = JsonbValueToJsonb(&value);
		if (!catches)
			call_element(&call);
		else if (!act_caught(process, action, call_element, &call))
			return;
		call.index++;
		wf_run_actions(process->machine, &action->actions, event);
		if (process->machine->skip_block)
			return;
	}
}

static void
host_action(void *self, const WfAction *action, const WfEvent *event)
{
	WfProcess  *process = self;
	Call		call = {.process = process,.event = event,.action = action};

	CHECK_FOR_INTERRUPTS();
	if (action->kind == WF_ACTION_FOREACH)
	{
		act_foreach(process, action, event);
		return;
	}
	if (!wf_catches(process))
		act(process, action, event, &call.sending);
	else if (!act_caught(process, action, call_action, &call))
		return;
	if (action->kind == WF_ACTION_RAISE || action->kind == WF_ACTION_SEND)
		act_send(process, action, &call.sending);
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
	WfProcess  *process = self;
	Call		call = {.process = process,.event = event,.value = final->output};
	WfPayload  *payload;

	if (final->output == NULL)
		return NULL;
	payload = palloc0(sizeof(WfPayload));
	if (!wf_catches(process))
		call_value(&call);
	else
	{
		WfCode		code = {"output", psprintf("%s.output", final->path),
		value_is_pure(process, final->output)};

		if (!wf_catch(process, event, &code, call_value, &call))
			return NULL;
	}
	payload->output = call.result;
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

static bool
host_allowed(void *self, const WfTransition *transition, const WfEvent *event)
{
	return wf_process_allowed(self, transition, event);
}

static void
host_unheard(void *self, const WfEvent *event)
{
	if (event->payload != NULL)
		wf_not_caught(event);
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
	.unheard = host_unheard,
	.allowed = host_allowed,
};

/*-------------------------------------------------------------------------
 *
 * action.c
 *	  The actions of a process, but for those that contain others.
 *
 * Runs in any backend, under the lock on the process row.  An action has two
 * parts.  The first one evaluates the author's code, which may fail; where
 * errors become events, it runs in a subtransaction.  The second one, for
 * SEND and RAISE, collects what is sent and cannot fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/clock.h"
#include "base/compat.h"
#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/eval_delay.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/action.h"
#include "process/call.h"
#include "process/context.h"
#include "process/deferred.h"
#include "process/event_scope.h"
#include "process/hidden.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/stepper.h"
#include "store/failure.h"

/* The values of a SEND or RAISE: what the first part evaluates for the second. */
typedef struct Sending
{
	const char *actor;			/* or NULL */
	const char *name;			/* of the event */
	Jsonb	   *data;			/* or NULL */
	const char *id;				/* or NULL */
	const char *target;			/* NULL: the process itself */
	TimestampTz now;
	TimestampTz due;			/* equal to now if there is no delay */
	bool		never;			/* the delay is such that it is never sent */
} Sending;

/* --- the context ------------------------------------------------------- */

static void
act_assign(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Jsonb	  **values;

	if (action->expr != NULL)
	{
		WfValue		whole = {.kind = WF_VALUE_EXPR,.expr = action->expr};

		wf_context_set(process, wf_event_scope_value(process, &whole, event));
		return;
	}

	/* All values see the context as it was before. */
	values = palloc(sizeof(Jsonb *) * (action->nkeys + 1));
	for (int i = 0; i < action->nkeys; i++)
		values[i] = wf_event_scope_value(process, action->values[i], event);
	wf_context_change(process, action->nkeys, action->keys, values);
}

/* A function of the author's, whose result, if any, is the new context. */
static void
act_call(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	WfProcessScope scope;
	Jsonb	   *context = wf_eval_action(process->definition->evaluator,
										 action->expr,
										 wf_event_scope(&scope, process, event));

	if (context != NULL)
		wf_context_set(process, context);
}

/* --- events ------------------------------------------------------------ */

/* Put an event into the internal queue: it is worked within this macrostep. */
static void
raise_now(WfProcess *process, const char *name, Jsonb *data, const char *actor)
{
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		raised = {name, payload};

	payload->data = data;
	payload->actor = actor;
	payload->raised = true;
	wf_interpret_raise(process->machine, &raised);
}

/* Is it sent to another process? */
static bool
goes_across(const Sending *s)
{
	return s->target != NULL && strcmp(s->target, "#_internal") != 0;
}

/* The first part of SEND and RAISE. */
static void
prepare_send(WfProcess *process, const WfAction *action, const WfEvent *event,
			 Sending *s)
{
	WfProcessScope scope;

	s->actor = wf_event_scope_actor(process, event);
	s->name = wf_event_scope_string(process, action->event_type, event, action, "event");
	s->data = wf_event_scope_value(process, action->event_data, event);
	s->id = wf_event_scope_string(process, action->send_id, event, action, "id");
	s->target = wf_event_scope_string(process, action->target, event, action, "target");
	wf_send_check(s->name, goes_across(s));
	s->now = s->due = wf_clock_now();
	s->never = action->delay != NULL &&
		!wf_eval_delay(process->definition->evaluator, action->delay,
					   wf_event_scope(&scope, process, event), s->now, &s->due);
}

/*
 * The second part of SEND and RAISE.  It must not run in the subtransaction of
 * the first: what it collects has to outlive that.
 */
static void
act_send(WfProcess *process, const WfAction *action, const Sending *s)
{
	if (s->never)
		return;
	if (goes_across(s))
		wf_send_across(process, s->target, s->name, s->data, s->id,
					   s->due > s->now ? s->due : DT_NOBEGIN, s->actor);
	else if (s->due > s->now)
		wf_process_timer_send(process, s->name, s->data, s->id, s->due, s->actor);
	else if (action->kind == WF_ACTION_RAISE || s->target != NULL)
		raise_now(process, s->name, s->data, s->actor);
	else
		wf_process_timer_mail_self(process, s->name, s->data, s->actor);
}

static void
act_cancel(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	const char *id = wf_event_scope_string(process, action->send_id, event, action, "id");

	wf_deferred_cancel(process, id);
	wf_process_timer_cancel(process, id);
	/* A simulation waits for nobody who has such a row. */
	if (!process->is_new && process->stepper->observer == NULL)
		(void) wf_failure_forget_posted(&process->row.id, id);
}

/* --- the log ----------------------------------------------------------- */

/*
 * Write to the server log in a background worker, else to the client.  Sensitive fields are
 * hidden in either: what a client is told may be logged, too.
 */
static void
act_log(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Jsonb	   *value = wf_event_scope_value(process, action->event_data, event);
	WfObserver *observer = process->stepper->observer;
	char	   *text = value == NULL ? "" :
		JsonbToCString(NULL, &value->root, VARSIZE(value));

	if (unlikely(observer != NULL))
	{
		observer->logged(observer, action, value);
		return;
	}

	if (unlikely(process->definition->chart->nsensitive > 0))
		text = wf_hidden_line(process, text);
	ereport(AmBackgroundWorkerProcess() ? LOG : NOTICE,
			(errmsg("workflow \"%s\": %s%s%s", process->definition->name,
					action->label ? action->label : "",
					action->label ? ": " : "", text),
			 errhidecontext(true)));
}

/* --- an action --------------------------------------------------------- */

/* The argument of act(). */
typedef struct Act
{
	WfProcess  *process;
	const WfAction *action;
	const WfEvent *event;
	Sending		sending;		/* of SEND and RAISE */
} Act;

/* The first part of an action, which wf_call_action() calls. */
static void
act(void *arg)
{
	Act		   *it = arg;

	switch (it->action->kind)
	{
		case WF_ACTION_CALL:
			act_call(it->process, it->action, it->event);
			break;
		case WF_ACTION_ASSIGN:
			act_assign(it->process, it->action, it->event);
			break;
		case WF_ACTION_RAISE:
		case WF_ACTION_SEND:
			prepare_send(it->process, it->action, it->event, &it->sending);
			break;
		case WF_ACTION_CANCEL:
			act_cancel(it->process, it->action, it->event);
			break;
		case WF_ACTION_LOG:
			act_log(it->process, it->action, it->event);
			break;
		case WF_ACTION_FOREACH:
		case WF_ACTION_CHOOSE:
			elog(ERROR, "not one action");
	}
}

/*
 * Run one action, which is neither FOREACH nor CHOOSE, for an event (NULL while
 * the process starts or is cancelled).  Throws what the author's code throws;
 * where such an error becomes an event, machine->skip_block is set instead.
 */
void
wf_action(WfProcess *process, const WfAction *action, const WfEvent *event)
{
	Act			it = {.process = process,.action = action,.event = event};

	if (!wf_call_action(process, action, event, act, &it))
		return;
	if (action->kind == WF_ACTION_RAISE || action->kind == WF_ACTION_SEND)
		act_send(process, action, &it.sending);
}

/*-------------------------------------------------------------------------
 *
 * xstate_action.c
 *	  Transitions, guards and actions of a machine of XState.
 *
 * Pure C.  A JSON configuration names guards and actions and has their
 * parameters, but cannot name what is built into XState.  Therefore a
 * built-in guard or action is written with the type that XState gives it,
 * and with everything else as parameters, so that it can be implemented once
 * for all machines.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "compiler/deparse_value.h"
#include "compiler/writer.h"
#include "inspect/xstate_action.h"
#include "inspect/xstate_name.h"

/* ----------------------------------------------------------------
 *						Guards
 * ----------------------------------------------------------------
 */

/* Begin {"type": ..., "params": {... */
static void
begin_named(WfExporter *e, WfNeed need, const char *type)
{
	wf_xstate_name_need(e, need, type);
	wf_writer_begin(&e->w, '{');
	wf_writer_text_member(&e->w, "type", type);
	wf_writer_key(&e->w, "params");
	wf_writer_begin(&e->w, '{');
}

/* End what begin_named() began. */
static void
end_named(WfExporter *e)
{
	wf_writer_end(&e->w, '}');
	wf_writer_end(&e->w, '}');
}

/* Write a function of the author's, by its name. */
static void
write_call(WfExporter *e, WfNeed need, const WfExpr *expr)
{
	wf_xstate_name_need(e, need, expr->text);
	wf_writer_begin(&e->w, '{');
	wf_writer_text_member(&e->w, "type", expr->text);
	wf_writer_raw_member(&e->w, "params", expr->params);
	wf_writer_end(&e->w, '}');
}

static void
write_guard(WfExporter *e, const WfGuard *guard)
{
	/* as enum WfGuardKind */
	static const char *const types[] = {"workflow.expr", "xstate.not",
	"xstate.and", "xstate.or", "xstate.stateIn"};

	if (guard->kind == WF_GUARD_EXPR && guard->expr->is_function)
	{
		write_call(e, WF_NEED_GUARD, guard->expr);
		return;
	}
	begin_named(e, WF_NEED_GUARD, types[guard->kind]);
	switch (guard->kind)
	{
		case WF_GUARD_EXPR:
			wf_writer_text_member(&e->w, "expr", guard->expr->text);
			break;
		case WF_GUARD_IN_STATE:
			wf_writer_text_member(&e->w, "stateId", wf_xstate_name_id(e, guard->state));
			break;
		case WF_GUARD_NOT:
			wf_writer_key(&e->w, "guard");
			write_guard(e, guard->parts[0]);
			break;
		default:
			wf_writer_key(&e->w, "guards");
			wf_writer_begin(&e->w, '[');
			for (int i = 0; i < guard->nparts; i++)
				write_guard(e, guard->parts[i]);
			wf_writer_end(&e->w, ']');
			break;
	}
	end_named(e);
}

static void
guard_member(WfExporter *e, const WfGuard *guard)
{
	if (guard == NULL)
		return;
	wf_writer_key(&e->w, "guard");
	write_guard(e, guard);
}

/* ----------------------------------------------------------------
 *						Actions
 * ----------------------------------------------------------------
 */

static void
expr_member(WfExporter *e, const char *key, const WfExpr *expr)
{
	wf_writer_key(&e->w, key);
	wf_writer_begin(&e->w, '{');
	wf_writer_text_member(&e->w, "@expr", expr->text);
	wf_writer_end(&e->w, '}');
}

static void
write_assign(WfExporter *e, const WfAction *action)
{
	if (action->expr != NULL)
	{
		expr_member(e, "context", action->expr);
		return;
	}
	wf_writer_key(&e->w, "context");
	wf_writer_begin(&e->w, '{');
	for (int i = 0; i < action->nkeys; i++)
		wf_deparse_value_member(&e->w, action->keys[i], action->values[i]);
	wf_writer_end(&e->w, '}');
}

/*
 * Write what raise and send have in common.  Without "to" the event is for
 * the process itself.
 */
static void
write_sending(WfExporter *e, const WfAction *action)
{
	wf_deparse_value_member(&e->w, "to", action->target);
	wf_writer_key(&e->w, "event");
	wf_writer_begin(&e->w, '{');
	wf_deparse_value_member(&e->w, "type", action->event_type);
	wf_deparse_value_member(&e->w, "data", action->event_data);
	wf_writer_end(&e->w, '}');
	if (action->delay != NULL)
	{
		wf_writer_key(&e->w, "delay");
		wf_xstate_name_delay(e, action->delay);
	}
	wf_deparse_value_member(&e->w, "id", action->send_id);
}

static void
write_choose(WfExporter *e, const WfAction *action)
{
	wf_writer_key(&e->w, "branches");
	wf_writer_begin(&e->w, '[');
	for (int i = 0; i < action->nbranches; i++)
	{
		wf_writer_begin(&e->w, '{');
		guard_member(e, action->branches[i].guard);
		wf_xstate_actions(e, "actions", &action->branches[i].actions);
		wf_writer_end(&e->w, '}');
	}
	wf_writer_end(&e->w, ']');
}

static void
write_action(WfExporter *e, const WfAction *action)
{
	/* as enum WfActionKind */
	static const char *const types[] = {NULL, "xstate.assign",
		"xstate.raise", "xstate.sendTo", "xstate.cancel", "xstate.log",
	"workflow.choose", "workflow.foreach"};

	if (action->kind == WF_ACTION_CALL)
	{
		write_call(e, WF_NEED_ACTION, action->expr);
		return;
	}
	begin_named(e, WF_NEED_ACTION, types[action->kind]);
	switch (action->kind)
	{
		case WF_ACTION_CALL:
			break;
		case WF_ACTION_ASSIGN:
			write_assign(e, action);
			break;
		case WF_ACTION_RAISE:
		case WF_ACTION_SEND:
			write_sending(e, action);
			break;
		case WF_ACTION_CANCEL:
			wf_deparse_value_member(&e->w, "id", action->send_id);
			break;
		case WF_ACTION_LOG:
			wf_deparse_value_member(&e->w, "value", action->event_data);
			wf_writer_text_member(&e->w, "label", action->label);
			break;
		case WF_ACTION_CHOOSE:
			write_choose(e, action);
			break;
		case WF_ACTION_FOREACH:
			wf_deparse_value_member(&e->w, "array", action->event_data);
			wf_writer_text_member(&e->w, "item", action->item);
			wf_writer_text_member(&e->w, "index", action->index);
			wf_xstate_actions(e, "actions", &action->actions);
			break;
	}
	end_named(e);
}

/* Write a list of actions under a key, unless it is empty. */
void
wf_xstate_actions(WfExporter *e, const char *key, const WfActionList *actions)
{
	if (actions->n == 0)
		return;
	wf_writer_key(&e->w, key);
	wf_writer_begin(&e->w, '[');
	for (int i = 0; i < actions->n; i++)
		write_action(e, actions->items[i]);
	wf_writer_end(&e->w, ']');
}

/* ----------------------------------------------------------------
 *						Transitions
 * ----------------------------------------------------------------
 */

/*
 * Report `on_error` and `step_timeout` of a state or a transition as lost, unless
 * they are those of the state around it; NULL for the root.
 */
void
wf_xstate_action_failing(WfExporter *e, const char *path, const WfPolicy *on_error,
						 const WfDelay *limit, const WfState *around)
{
	if (on_error != (around ? around->on_error : NULL))
		wf_xstate_name_loss(e, psprintf("%s.on_error", path), "on_error",
							"an error stops the actor");
	if (limit != (around ? around->step_timeout : NULL))
		wf_xstate_name_loss(e, psprintf("%s.step_timeout", path), "step_timeout",
							"the time of a step is not limited");
}

static void
write_transition(WfExporter *e, const WfTransition *transition)
{
	WfWriter   *w = &e->w;
	bool		several = transition->ntargets > 1;

	wf_writer_begin(w, '{');
	if (!transition->targetless)
	{
		wf_writer_key(w, "target");
		if (several)
			wf_writer_begin(w, '[');
		for (int i = 0; i < transition->ntargets; i++)
			wf_writer_text(w, wf_xstate_name_target(e, transition->source,
													transition->targets[i]));
		if (several)
			wf_writer_end(w, ']');
	}
	if (transition->reenter)
		wf_writer_raw_member(w, "reenter", "true");
	guard_member(e, transition->guard);
	wf_xstate_actions(e, "actions", &transition->actions);
	wf_writer_text_member(w, "description", transition->description);
	wf_writer_raw_member(w, "meta", transition->meta);
	wf_writer_end(w, '}');
	if (transition->allow != NULL)
		wf_xstate_name_loss(e, transition->path, "allow",
							"everybody may cause the transition");
	if (transition->correlate != NULL)
		wf_xstate_name_loss(e, transition->path, "correlate",
							"nothing is published: send the event");
	wf_xstate_action_failing(e, transition->path, transition->on_error, transition->step_timeout,
							 &e->chart->states[transition->source]);
}

/* Write a list of n transitions under a key. */
void
wf_xstate_action_transitions(WfExporter *e, const char *key,
							 WfTransition *const *list, int n)
{
	wf_writer_key(&e->w, key);
	wf_writer_begin(&e->w, '[');
	for (int i = 0; i < n; i++)
		write_transition(e, list[i]);
	wf_writer_end(&e->w, ']');
}

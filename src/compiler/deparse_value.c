/*-------------------------------------------------------------------------
 *
 * deparse_value.c
 *	  Parts of the canonical form: names, values, guards, delays, actions.
 *
 * Pure C.  The export to XState takes them from here, too.
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
#include "compiler/list.h"
#include "compiler/writer.h"

/* ----------------------------------------------------------------
 *						Names of states
 * ----------------------------------------------------------------
 */

/* Would the compiler take a state's name for the id of another state? */
static bool
is_ambiguous(const WfWriter *w, const WfState *state)
{
	const WfChart *chart = w->chart;
	int			len = strlen(state->name);
	int			root = strlen(chart->name);
	int			custom = wf_list_find_named(w->ids, w->nids, state->name, len);

	if (custom >= 0)
		return custom != state->id;
	if (state->id == 0 || strncmp(state->name, chart->name, root) != 0)
		return false;
	if (len == root)
		return true;
	return state->name[root] == '.' &&
		wf_chart_find(chart, state->name + root + 1,
					  len - root - 1) != WF_NO_STATE;
}

/*
 * Return the id, without "#", by which the compiler finds a state: its name,
 * or its name with a leading dot.
 */
const char *
wf_deparse_value_reference(const WfWriter *w, WfStateId id)
{
	const WfState *state = &w->chart->states[id];

	if (!is_ambiguous(w, state))
		return state->name;
	return id == 0 ? "." : psprintf(".%s", state->name);
}

/* Write the id of a state as a string, with "#". */
void
wf_deparse_value_write_reference(WfWriter *w, WfStateId id)
{
	wf_writer_text(w, psprintf("#%s", wf_deparse_value_reference(w, id)));
}

/* ----------------------------------------------------------------
 *						Values, guards, delays
 * ----------------------------------------------------------------
 */

static void
write_expr(WfWriter *w, const WfExpr *expr)
{
	wf_writer_begin(w, '{');
	if (expr->is_function)
	{
		wf_writer_text_member(w, "type", w->canonical && expr->resolved ?
							  expr->resolved : expr->text);
		wf_writer_raw_member(w, "params", expr->params);
	}
	else
		wf_writer_text_member(w, "@expr", expr->text);
	wf_writer_end(w, '}');
}

static void
write_value(WfWriter *w, const WfValue *value)
{
	switch (value->kind)
	{
		case WF_VALUE_CONST:
			if (value->quoted)
			{
				wf_writer_begin(w, '{');
				wf_writer_raw_member(w, "@literal", value->text);
				wf_writer_end(w, '}');
			}
			else
				wf_writer_raw(w, value->text);
			break;
		case WF_VALUE_EXPR:
			write_expr(w, value->expr);
			break;
		case WF_VALUE_OBJECT:
			wf_writer_begin(w, '{');
			for (int i = 0; i < value->nparts; i++)
			{
				wf_writer_key(w, value->keys[i]);
				write_value(w, value->parts[i]);
			}
			wf_writer_end(w, '}');
			break;
		case WF_VALUE_ARRAY:
			wf_writer_begin(w, '[');
			for (int i = 0; i < value->nparts; i++)
				write_value(w, value->parts[i]);
			wf_writer_end(w, ']');
			break;
	}
}

/* Write a value under a key, unless it is NULL. */
void
wf_deparse_value_member(WfWriter *w, const char *name, const WfValue *value)
{
	if (value == NULL)
		return;
	wf_writer_key(w, name);
	write_value(w, value);
}

/* Write a search attribute as a member of `search`. */
void
wf_deparse_value_attribute(WfWriter *w, const WfAttribute *attribute)
{
	wf_writer_key(w, attribute->name);
	if (attribute->expr != NULL)
		write_expr(w, attribute->expr);
	else
		wf_writer_text(w, attribute->jsonpath);
}

static void
write_guard(WfWriter *w, const WfGuard *guard)
{
	if (guard->kind == WF_GUARD_EXPR)
	{
		write_expr(w, guard->expr);
		return;
	}
	if (guard->nparts == 0 && guard->kind != WF_GUARD_IN_STATE)
	{
		wf_writer_raw(w, guard->kind == WF_GUARD_AND ? "true" : "false");
		return;
	}
	wf_writer_begin(w, '{');
	switch (guard->kind)
	{
		case WF_GUARD_NOT:
			wf_writer_text_member(w, "type", "not");
			wf_writer_key(w, "guard");
			write_guard(w, guard->parts[0]);
			break;
		case WF_GUARD_IN_STATE:
			wf_writer_text_member(w, "type", "stateIn");
			wf_writer_key(w, "stateId");
			wf_deparse_value_write_reference(w, guard->state);
			break;
		default:
			wf_writer_text_member(w, "type",
								  guard->kind == WF_GUARD_AND ? "and" : "or");
			wf_writer_key(w, "guards");
			wf_writer_begin(w, '[');
			for (int i = 0; i < guard->nparts; i++)
				write_guard(w, guard->parts[i]);
			wf_writer_end(w, ']');
			break;
	}
	wf_writer_end(w, '}');
}

/* Write a guard as the member "guard", unless it is NULL. */
void
wf_deparse_value_guard(WfWriter *w, const WfGuard *guard)
{
	if (guard == NULL)
		return;
	wf_writer_key(w, "guard");
	write_guard(w, guard);
}

static void
write_recurring(WfWriter *w, const WfDelay *delay)
{
	const WfRecurring *recurring = delay->recurring;

	wf_writer_begin(w, '{');
	wf_writer_text_member(w, "cron", recurring->cron);
	wf_writer_text_member(w, "rule", recurring->rule);
	wf_writer_text_member(w, "every", recurring->every);
	wf_writer_text_member(w, "anchor", recurring->anchor);
	if (delay->expr != NULL)
	{
		wf_writer_key(w, "anchor");
		write_expr(w, delay->expr);
	}
	wf_writer_text_member(w, "zone", recurring->zone);
	wf_writer_text_member(w, "gap", recurring->gap);
	wf_writer_text_member(w, "fold", recurring->fold);
	wf_writer_text_member(w, "calendar", delay->calendar);
	wf_writer_text_member(w, "catch_up", recurring->catch_up ? "all" : NULL);
	wf_writer_end(w, '}');
}

/* Write a delay, even one that has a name, by its value. */
void
wf_deparse_value_delay(WfWriter *w, const WfDelay *delay)
{
	switch (delay->kind)
	{
		case WF_DELAY_NONE:
		case WF_DELAY_NEVER:
			wf_writer_raw(w, "null");
			break;
		case WF_DELAY_MS:
			wf_writer_raw(w, psprintf(INT64_FORMAT, delay->ms));
			break;
		case WF_DELAY_TEXT:
			wf_writer_text(w, delay->text);
			break;
		case WF_DELAY_WORKING:
			wf_writer_begin(w, '{');
			wf_writer_text_member(w, "duration", delay->text);
			wf_writer_text_member(w, "calendar", delay->calendar);
			wf_writer_end(w, '}');
			break;
		case WF_DELAY_EXPR:
			write_expr(w, delay->expr);
			break;
		case WF_DELAY_RECURRING:
			write_recurring(w, delay);
			break;
	}
}

/* Write a delay under a key, by its name if it has one, unless it is NULL. */
void
wf_deparse_value_delay_member(WfWriter *w, const char *name, const WfDelay *delay)
{
	if (delay == NULL)
		return;
	wf_writer_key(w, name);
	if (delay->name != NULL)
		wf_writer_text(w, delay->name);
	else
		wf_deparse_value_delay(w, delay);
}

/* ----------------------------------------------------------------
 *						Actions
 * ----------------------------------------------------------------
 */

static void
write_assign(WfWriter *w, const WfAction *action)
{
	wf_writer_key(w, "context");
	if (action->expr != NULL)
	{
		write_expr(w, action->expr);
		return;
	}
	wf_writer_begin(w, '{');
	for (int i = 0; i < action->nkeys; i++)
	{
		wf_writer_key(w, action->keys[i]);
		write_value(w, action->values[i]);
	}
	wf_writer_end(w, '}');
}

static void
write_sending(WfWriter *w, const WfAction *action)
{
	wf_writer_key(w, "event");
	wf_writer_begin(w, '{');
	wf_deparse_value_member(w, "type", action->event_type);
	wf_deparse_value_member(w, "data", action->event_data);
	wf_writer_end(w, '}');
	wf_deparse_value_member(w, "target", action->target);
	wf_deparse_value_delay_member(w, "delay", action->delay);
	wf_deparse_value_member(w, "id", action->send_id);
}

static void
write_choose(WfWriter *w, const WfAction *action)
{
	wf_writer_key(w, "branches");
	wf_writer_begin(w, '[');
	for (int i = 0; i < action->nbranches; i++)
	{
		wf_writer_begin(w, '{');
		wf_deparse_value_guard(w, action->branches[i].guard);
		wf_deparse_value_actions(w, "actions", &action->branches[i].actions);
		wf_writer_end(w, '}');
	}
	wf_writer_end(w, ']');
}

static void
write_action(WfWriter *w, const WfAction *action)
{
	/* as enum WfActionKind */
	static const char *const types[] = {NULL, "assign", "raise", "send",
	"cancel", "log", "choose", "foreach"};

	if (action->kind == WF_ACTION_CALL)
	{
		write_expr(w, action->expr);
		return;
	}
	wf_writer_begin(w, '{');
	wf_writer_text_member(w, "type", types[action->kind]);
	switch (action->kind)
	{
		case WF_ACTION_CALL:
			break;
		case WF_ACTION_ASSIGN:
			write_assign(w, action);
			break;
		case WF_ACTION_RAISE:
		case WF_ACTION_SEND:
			write_sending(w, action);
			break;
		case WF_ACTION_CANCEL:
			wf_deparse_value_member(w, "id", action->send_id);
			break;
		case WF_ACTION_LOG:
			wf_deparse_value_member(w, "value", action->event_data);
			wf_writer_text_member(w, "label", action->label);
			break;
		case WF_ACTION_CHOOSE:
			write_choose(w, action);
			break;
		case WF_ACTION_FOREACH:
			wf_deparse_value_member(w, "array", action->event_data);
			wf_writer_text_member(w, "item", action->item);
			wf_writer_text_member(w, "index", action->index);
			wf_deparse_value_actions(w, "actions", &action->actions);
			break;
	}
	wf_writer_end(w, '}');
}

/* Write a list of actions under a key, unless it is empty. */
void
wf_deparse_value_actions(WfWriter *w, const char *name, const WfActionList *actions)
{
	if (actions->n == 0)
		return;
	wf_writer_key(w, name);
	wf_writer_begin(w, '[');
	for (int i = 0; i < actions->n; i++)
		write_action(w, actions->items[i]);
	wf_writer_end(w, ']');
}

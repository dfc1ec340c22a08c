/*-------------------------------------------------------------------------
 *
 * canonical.c
 *	  A chart written back as a definition, in one form only.
 *
 * No shorthand is left: lists everywhere, actions and guards as objects,
 * targets as "#name" from the root, keys in a fixed order, states in document
 * order.  What has no influence on the chart ($schema, order, version) is
 * gone; `allow` of states has moved to the transitions it is meant for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "compile_internal.h"

typedef struct Writer
{
	const WfChart *chart;
	StringInfoData buf;
	int			nids;			/* authors' ids, sorted */
	WfNamed    *ids;
} Writer;

static void write_actions(Writer *w, const char *key,
						  const WfActionList *actions);

/* ----------------------------------------------------------------
 *						JSON
 * ----------------------------------------------------------------
 */

/* A comma unless this is the first in its list or object. */
static void
separate(Writer *w)
{
	char		last = w->buf.data[w->buf.len - 1];

	if (last != '{' && last != '[' && last != ':')
		appendStringInfoChar(&w->buf, ',');
}

static void
key(Writer *w, const char *name)
{
	separate(w);
	wf_json_write_string(&w->buf, name);
	appendStringInfoChar(&w->buf, ':');
}

static void
begin(Writer *w, char bracket)
{
	if (w->buf.len > 0)
		separate(w);
	appendStringInfoChar(&w->buf, bracket);
}

static void
end(Writer *w, char bracket)
{
	appendStringInfoChar(&w->buf, bracket);
}

static void
string(Writer *w, const char *text)
{
	separate(w);
	wf_json_write_string(&w->buf, text);
}

/* JSON text as it is. */
static void
raw(Writer *w, const char *text)
{
	separate(w);
	appendStringInfoString(&w->buf, text);
}

static void
string_member(Writer *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	key(w, name);
	string(w, text);
}

static void
raw_member(Writer *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	key(w, name);
	raw(w, text);
}

static void
strings_member(Writer *w, const char *name, const char **strings, int n)
{
	if (n == 0)
		return;
	key(w, name);
	begin(w, '[');
	for (int i = 0; i < n; i++)
		string(w, strings[i]);
	end(w, ']');
}

/* ----------------------------------------------------------------
 *						Names of states
 * ----------------------------------------------------------------
 */

/* Would the compiler take the bare name for another state's id? */
static bool
is_ambiguous(const Writer *w, const WfState *state)
{
	const WfChart *chart = w->chart;
	int			len = strlen(state->name);
	int			root = strlen(chart->name);
	int			custom = wf_named_find(w->ids, w->nids, state->name, len);

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

/* The id by which a state can be meant, without "#". */
static const char *
reference(const Writer *w, WfStateId id)
{
	const WfState *state = &w->chart->states[id];

	if (!is_ambiguous(w, state))
		return state->name;
	return id == 0 ? "." : psprintf(".%s", state->name);
}

static void
write_reference(Writer *w, WfStateId id)
{
	string(w, psprintf("#%s", reference(w, id)));
}

/* An event descriptor; "done.state.NAME" by a name that is understood. */
static const char *
descriptor(const Writer *w, const char *text)
{
	static const char prefix[] = "done.state.";
	WfStateId	found;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return text;
	text += sizeof(prefix) - 1;
	found = wf_chart_find(w->chart, text, strlen(text));
	if (found > 0)
		text = reference(w, found);
	return psprintf("%s%s", prefix, text);
}

/* ----------------------------------------------------------------
 *						Values, guards, delays
 * ----------------------------------------------------------------
 */

static void
write_expr(Writer *w, const WfExpr *expr)
{
	begin(w, '{');
	if (expr->is_function)
	{
		string_member(w, "type", expr->text);
		raw_member(w, "params", expr->params);
	}
	else
		string_member(w, "@expr", expr->text);
	end(w, '}');
}

static void
write_value(Writer *w, const WfValue *value)
{
	switch (value->kind)
	{
		case WF_VALUE_CONST:

			/* quote what might have a key that has a meaning */
			if ((value->text[0] == '{' || value->text[0] == '[') &&
				strstr(value->text, "\"@") != NULL)
			{
				begin(w, '{');
				raw_member(w, "@literal", value->text);
				end(w, '}');
			}
			else
				raw(w, value->text);
			break;
		case WF_VALUE_EXPR:
			write_expr(w, value->expr);
			break;
		case WF_VALUE_OBJECT:
			begin(w, '{');
			for (int i = 0; i < value->nparts; i++)
			{
				key(w, value->keys[i]);
				write_value(w, value->parts[i]);
			}
			end(w, '}');
			break;
		case WF_VALUE_ARRAY:
			begin(w, '[');
			for (int i = 0; i < value->nparts; i++)
				write_value(w, value->parts[i]);
			end(w, ']');
			break;
	}
}

static void
value_member(Writer *w, const char *name, const WfValue *value)
{
	if (value == NULL)
		return;
	key(w, name);
	write_value(w, value);
}

static void
write_guard(Writer *w, const WfGuard *guard)
{
	if (guard->kind == WF_GUARD_EXPR)
	{
		write_expr(w, guard->expr);
		return;
	}
	if (guard->nparts == 0 && guard->kind != WF_GUARD_IN_STATE)
	{
		raw(w, guard->kind == WF_GUARD_AND ? "true" : "false");
		return;
	}
	begin(w, '{');
	switch (guard->kind)
	{
		case WF_GUARD_NOT:
			string_member(w, "type", "not");
			key(w, "guard");
			write_guard(w, guard->parts[0]);
			break;
		case WF_GUARD_IN_STATE:
			string_member(w, "type", "stateIn");
			key(w, "stateId");
			write_reference(w, guard->state);
			break;
		default:
			string_member(w, "type",
						  guard->kind == WF_GUARD_AND ? "and" : "or");
			key(w, "guards");
			begin(w, '[');
			for (int i = 0; i < guard->nparts; i++)
				write_guard(w, guard->parts[i]);
			end(w, ']');
			break;
	}
	end(w, '}');
}

static void
guard_member(Writer *w, const WfGuard *guard)
{
	if (guard == NULL)
		return;
	key(w, "guard");
	write_guard(w, guard);
}

static void
write_delay(Writer *w, const WfDelay *delay)
{
	switch (delay->kind)
	{
		case WF_DELAY_NONE:
		case WF_DELAY_NEVER:
			raw(w, "null");
			break;
		case WF_DELAY_MS:
			raw(w, psprintf(INT64_FORMAT, delay->ms));
			break;
		case WF_DELAY_TEXT:
			string(w, delay->text);
			break;
		case WF_DELAY_EXPR:
			write_expr(w, delay->expr);
			break;
	}
}

static void
delay_member(Writer *w, const char *name, const WfDelay *delay)
{
	if (delay == NULL)
		return;
	key(w, name);
	if (delay->name != NULL)
		string(w, delay->name);
	else
		write_delay(w, delay);
}

/* ----------------------------------------------------------------
 *						Actions
 * ----------------------------------------------------------------
 */

static void
write_assign(Writer *w, const WfAction *action)
{
	key(w, "context");
	if (action->expr != NULL)
	{
		write_expr(w, action->expr);
		return;
	}
	begin(w, '{');
	for (int i = 0; i < action->nkeys; i++)
	{
		key(w, action->keys[i]);
		write_value(w, action->values[i]);
	}
	end(w, '}');
}

static void
write_sending(Writer *w, const WfAction *action)
{
	key(w, "event");
	begin(w, '{');
	value_member(w, "type", action->event_type);
	value_member(w, "data", action->event_data);
	end(w, '}');
	value_member(w, "target", action->target);
	delay_member(w, "delay", action->delay);
	value_member(w, "id", action->send_id);
}

static void
write_choose(Writer *w, const WfAction *action)
{
	key(w, "branches");
	begin(w, '[');
	for (int i = 0; i < action->nbranches; i++)
	{
		begin(w, '{');
		guard_member(w, action->branches[i].guard);
		write_actions(w, "actions", &action->branches[i].actions);
		end(w, '}');
	}
	end(w, ']');
}

static void
write_action(Writer *w, const WfAction *action)
{
	/* as enum WfActionKind */
	static const char *const types[] = {NULL, "assign", "raise", "send",
	"cancel", "log", "choose", "foreach"};

	if (action->kind == WF_ACTION_CALL)
	{
		write_expr(w, action->expr);
		return;
	}
	begin(w, '{');
	string_member(w, "type", types[action->kind]);
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
			value_member(w, "id", action->send_id);
			break;
		case WF_ACTION_LOG:
			value_member(w, "value", action->event_data);
			string_member(w, "label", action->label);
			break;
		case WF_ACTION_CHOOSE:
			write_choose(w, action);
			break;
		case WF_ACTION_FOREACH:
			value_member(w, "array", action->event_data);
			string_member(w, "item", action->item);
			string_member(w, "index", action->index);
			write_actions(w, "actions", &action->actions);
			break;
	}
	end(w, '}');
}

static void
write_actions(Writer *w, const char *name, const WfActionList *actions)
{
	if (actions->n == 0)
		return;
	key(w, name);
	begin(w, '[');
	for (int i = 0; i < actions->n; i++)
		write_action(w, actions->items[i]);
	end(w, ']');
}

/* ----------------------------------------------------------------
 *						Transitions
 * ----------------------------------------------------------------
 */

static void
write_transition(Writer *w, const WfTransition *transition, bool keep)
{
	begin(w, '{');
	if (!transition->targetless)
	{
		key(w, "target");
		begin(w, '[');
		for (int i = 0; i < transition->ntargets; i++)
			write_reference(w, transition->targets[i]);
		end(w, ']');
	}
	if (transition->reenter)
		raw_member(w, "reenter", "true");
	if (keep)
		raw_member(w, "keep", "true");
	raw_member(w, "allow", transition->allow);
	guard_member(w, transition->guard);
	write_actions(w, "actions", &transition->actions);
	string_member(w, "description", transition->description);
	raw_member(w, "meta", transition->meta);
	end(w, '}');
}

static void
write_transitions(Writer *w, const char *name, int n,
				  WfTransition *const *transitions, bool keep)
{
	key(w, name);
	begin(w, '[');
	for (int i = 0; i < n; i++)
		write_transition(w, transitions[i], keep && i == 0);
	end(w, ']');
}

/* The handler of an event in a state, or NULL. */
static const WfHandler *
find_handler(const WfState *state, const char *event)
{
	for (int i = 0; i < state->nhandlers; i++)
		if (strcmp(state->handlers[i].descriptor, event) == 0)
			return &state->handlers[i];
	return NULL;
}

/* Write the handler of an event, if there is one, under a key of its own. */
static void
handler_member(Writer *w, const char *name, const WfState *state,
			   const char *event, bool keep)
{
	const WfHandler *handler = find_handler(state, event);

	if (handler != NULL)
		write_transitions(w, name, handler->ntransitions,
						  handler->transitions, keep);
}

/* Has an event a place of its own outside of `on`? */
static bool
is_special(const WfState *state, const char *event)
{
	if (state->done_event != NULL && strcmp(event, state->done_event) == 0)
		return true;
	for (int i = 0; i < state->ntimers; i++)
		if (strcmp(event, state->timers[i].event) == 0)
			return true;
	for (int i = 0; i < state->ninvokes; i++)
	{
		const char *id = state->invokes[i].id;

		if (strncmp(event, "done.invoke.", 12) == 0 &&
			strcmp(event + 12, id) == 0)
			return true;
		if (strncmp(event, "error.invoke.", 13) == 0 &&
			strcmp(event + 13, id) == 0)
			return true;
	}
	return false;
}

static void
write_on(Writer *w, const WfState *state)
{
	bool		any = false;

	for (int i = 0; i < state->nhandlers; i++)
	{
		const WfHandler *handler = &state->handlers[i];

		if (is_special(state, handler->descriptor))
			continue;
		if (!any)
		{
			key(w, "on");
			begin(w, '{');
			any = true;
		}
		write_transitions(w, descriptor(w, handler->descriptor),
						  handler->ntransitions, handler->transitions, false);
	}
	if (any)
		end(w, '}');
}

static void
write_after(Writer *w, const WfState *state)
{
	if (state->ntimers == 0)
		return;
	key(w, "after");
	begin(w, '{');
	for (int i = 0; i < state->ntimers; i++)
		handler_member(w, state->timers[i].name, state,
					   state->timers[i].event, state->timers[i].keep);
	end(w, '}');
}

/* ----------------------------------------------------------------
 *						States
 * ----------------------------------------------------------------
 */

static void
write_invoke(Writer *w, const WfState *state, const WfInvoke *invoke)
{
	begin(w, '{');
	string_member(w, "id", invoke->id);
	string_member(w, "src", invoke->src);
	value_member(w, "input", invoke->input);
	if (invoke->detached)
		raw_member(w, "detached", "true");
	if (invoke->options != NULL)
	{
		/* an object's members, without its braces */
		separate(w);
		appendBinaryStringInfo(&w->buf, invoke->options + 1,
							   strlen(invoke->options) - 2);
	}
	handler_member(w, "onDone", state,
				   psprintf("done.invoke.%s", invoke->id), false);
	handler_member(w, "onError", state,
				   psprintf("error.invoke.%s", invoke->id), false);
	string_member(w, "description", invoke->description);
	raw_member(w, "meta", invoke->meta);
	end(w, '}');
}

static void
write_invokes(Writer *w, const WfState *state)
{
	if (state->ninvokes == 0)
		return;
	key(w, "invoke");
	begin(w, '[');
	for (int i = 0; i < state->ninvokes; i++)
		write_invoke(w, state, &state->invokes[i]);
	end(w, ']');
}

static void
write_default(Writer *w, const char *name, const WfTransition *transition)
{
	if (transition == NULL)
		return;
	key(w, name);
	write_transition(w, transition, false);
}

/* What only the root has. */
static void
write_root(Writer *w)
{
	const WfChart *chart = w->chart;
	bool		any = false;

	value_member(w, "context", chart->context);
	for (int i = 0; i < chart->ndelays; i++)
	{
		if (chart->delays[i]->name == NULL)
			continue;
		if (!any)
		{
			key(w, "delays");
			begin(w, '{');
			any = true;
		}
		key(w, chart->delays[i]->name);
		write_delay(w, chart->delays[i]);
	}
	if (any)
		end(w, '}');
	delay_member(w, "step_timeout", chart->step_timeout);
	raw_member(w, "on_error", chart->on_error);
}

static void
write_state(Writer *w, const WfState *state)
{
	/* as enum WfStateKind; atomic and compound show by themselves */
	static const char *const types[] = {NULL, NULL, "parallel", "final",
	"history"};

	begin(w, '{');
	string_member(w, "id", state->id == 0 ? state->name : state->custom_id);
	string_member(w, "type", types[state->kind]);
	string_member(w, "description", state->description);
	raw_member(w, "meta", state->meta);
	if (state->id == 0)
		write_root(w);
	strings_member(w, "tags", state->tags, state->ntags);
	if (state->kind == WF_STATE_HISTORY)
	{
		string_member(w, "history", state->deep ? "deep" : "shallow");
		write_default(w, "target", state->initial);
	}
	else
		write_default(w, "initial", state->initial);
	write_actions(w, "entry", &state->entry);
	write_actions(w, "exit", &state->exit);
	if (state->nalways > 0)
		write_transitions(w, "always", state->nalways, state->always, false);
	write_on(w, state);
	write_after(w, state);
	if (state->done_event != NULL)
		handler_member(w, "onDone", state, state->done_event, false);
	write_invokes(w, state);
	strings_member(w, "defer", state->defer, state->ndefer);
	value_member(w, "output", state->output);
	if (state->nchildren > 0)
	{
		key(w, "states");
		begin(w, '{');
		for (int i = 0; i < state->nchildren; i++)
		{
			const WfState *child = &w->chart->states[state->children[i]];

			key(w, child->key);
			write_state(w, child);
		}
		end(w, '}');
	}
	end(w, '}');
}

char *
wf_canonical(const WfChart *chart)
{
	Writer		writer;

	writer.chart = chart;
	writer.ids = wf_index_ids(chart, &writer.nids);
	initStringInfo(&writer.buf);
	write_state(&writer, &chart->states[0]);
	return writer.buf.data;
}

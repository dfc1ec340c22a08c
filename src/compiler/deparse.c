/*-------------------------------------------------------------------------
 *
 * deparse.c
 *	  A chart written back as a definition, in canonical form.
 *
 * Pure C.  No shorthand is left: lists everywhere, actions and guards as
 * objects, targets as "#name" from the root, keys in a fixed order, states
 * in document order.  What has no influence on the chart ($schema, order,
 * version) is gone, and `allow` of states has moved to the transitions that
 * inherit it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/event_type.h"
#include "compiler/compile_tree.h"
#include "compiler/deparse.h"
#include "compiler/deparse_value.h"
#include "compiler/writer.h"

/*
 * Return an event descriptor as it is written; the state in
 * "done.state.NAME" gets a name that the compiler understands.
 */
static const char *
descriptor(const WfWriter *w, const char *text)
{
	static const char prefix[] = "done.state.";
	WfStateId	found;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return text;
	text += sizeof(prefix) - 1;
	found = wf_chart_find(w->chart, text, strlen(text));
	if (found > 0)
		text = wf_deparse_value_reference(w, found);
	return psprintf("%s%s", prefix, text);
}

/* ----------------------------------------------------------------
 *						Transitions
 * ----------------------------------------------------------------
 */

/*
 * Write `step_timeout` and `on_error`, unless they are those of the state
 * around.
 */
static void
write_failing(WfWriter *w, const WfPolicy *on_error, const WfDelay *limit,
			  const WfState *around)
{
	if (limit != around->step_timeout)
		wf_deparse_value_delay_member(w, "step_timeout", limit);
	if (on_error != around->on_error)
		wf_writer_raw_member(w, "on_error", on_error->text);
}

static void
write_who(WfWriter *w, int n, const char **roles, const WfExpr *function)
{
	if (n > 0 || function == NULL)
	{
		wf_writer_key(w, "role");
		wf_writer_begin(w, '[');
		for (int i = 0; i < n; i++)
			wf_writer_text(w, roles[i]);
		wf_writer_end(w, ']');
	}
	if (function != NULL)
		wf_writer_text_member(w, "fn", function->resolved ? function->resolved : function->text);
}

/* As it was compiled, but for the names of functions. */
static void
write_allow(WfWriter *w, const WfAllow *allow)
{
	if (allow == NULL || (allow->function == NULL && allow->deny_function == NULL))
	{
		wf_writer_raw_member(w, "allow", allow ? allow->text : NULL);
		return;
	}
	wf_writer_key(w, "allow");
	wf_writer_begin(w, '{');
	if (!allow->everybody)
		write_who(w, allow->nroles, allow->roles, allow->function);
	if (allow->ndenied > 0 || allow->deny_function != NULL)
	{
		wf_writer_key(w, "deny");
		wf_writer_begin(w, '{');
		write_who(w, allow->ndenied, allow->denied, allow->deny_function);
		wf_writer_end(w, '}');
	}
	wf_writer_end(w, '}');
}

static void
write_transition(WfWriter *w, const WfTransition *transition, bool keep)
{
	wf_writer_begin(w, '{');
	if (!transition->targetless)
	{
		wf_writer_key(w, "target");
		wf_writer_begin(w, '[');
		for (int i = 0; i < transition->ntargets; i++)
			wf_deparse_value_write_reference(w, transition->targets[i]);
		wf_writer_end(w, ']');
	}
	if (transition->reenter)
		wf_writer_raw_member(w, "reenter", "true");
	if (keep)
		wf_writer_raw_member(w, "keep", "true");
	write_allow(w, transition->allow);
	if (transition->correlate != NULL)
		wf_deparse_value_member(w, "correlate", transition->correlate);
	wf_deparse_value_guard(w, transition->guard);
	wf_deparse_value_actions(w, "actions", &transition->actions);
	write_failing(w, transition->on_error, transition->step_timeout,
				  &w->chart->states[transition->source]);
	wf_writer_text_member(w, "description", transition->description);
	wf_writer_raw_member(w, "meta", transition->meta);
	wf_writer_end(w, '}');
}

static void
write_transitions(WfWriter *w, const char *name, int n,
				  WfTransition *const *transitions, bool keep)
{
	wf_writer_key(w, name);
	wf_writer_begin(w, '[');
	for (int i = 0; i < n; i++)
		write_transition(w, transitions[i], keep && i == 0);
	wf_writer_end(w, ']');
}

/*
 * Return the handler of exactly this event descriptor in a state, or NULL.  The
 * search begins at *from, which is set behind what was found: events that are
 * asked for in the order of the handlers are found at once.
 */
const WfHandler *
wf_deparse_handler_from(const WfState *state, const char *event, int *from)
{
	for (int i = 0; i < state->nhandlers; i++)
	{
		int			at = (*from + i) % state->nhandlers;

		if (strcmp(state->handlers[at].descriptor, event) != 0)
			continue;
		*from = at + 1;
		return &state->handlers[at];
	}
	return NULL;
}

/* Return the handler of exactly this event descriptor in a state, or NULL. */
const WfHandler *
wf_deparse_handler(const WfState *state, const char *event)
{
	int			from = 0;

	return wf_deparse_handler_from(state, event, &from);
}

/* Write the handler of an event, if there is one, under a key of its own. */
static void
handler_member(WfWriter *w, const char *name, const WfState *state,
			   const char *event, bool keep)
{
	const WfHandler *handler = wf_deparse_handler(state, event);

	if (handler != NULL)
		write_transitions(w, name, handler->ntransitions,
						  handler->transitions, keep);
}

/* Has a state an invoke of this id? */
static bool
has_invoke(const WfState *state, const char *id)
{
	for (int i = 0; i < state->ninvokes; i++)
		if (strcmp(state->invokes[i].id, id) == 0)
			return true;
	return false;
}

/*
 * Is an event of a state written under a key of its own instead of `on`,
 * because it is a timer, the end of the state, the reply of an invoke, or of the
 * state's task (which XState has not)?
 * Timers are searched from *timer on, which is set behind the one that was found.
 */
static bool
has_own_place(const WfWriter *w, const WfState *state, const char *event, int *timer)
{
	if (w->canonical && state->task != NULL && wf_chart_is_of_task(event))
		return strcmp(event + strcspn(event + strlen("task."), ".") + strlen("task.."), state->name) == 0;
	if (state->done_event != NULL && strcmp(event, state->done_event) == 0)
		return true;
	if (strncmp(event, "after.", 6) == 0)
	{
		for (int i = 0; i < state->ntimers; i++)
		{
			int			at = (*timer + i) % state->ntimers;

			if (strcmp(event, state->timers[at].event) != 0)
				continue;
			*timer = at + 1;
			return true;
		}
	}
	else if (strncmp(event, "done.invoke.", 12) == 0)
		return has_invoke(state, event + 12);
	else if (strncmp(event, "error.invoke.", 13) == 0)
		return has_invoke(state, event + 13);
	return false;
}

/*
 * Write the member `on` of a state, unless it would be empty.  `write` is
 * called with `arg` for each handler that has no key of its own elsewhere, in
 * the order of the handlers.
 */
void
wf_deparse_on(WfWriter *w, const WfState *state, WfDeparseHandler write,
			  void *arg)
{
	bool		any = false;
	int			timer = 0;

	for (int i = 0; i < state->nhandlers; i++)
	{
		const WfHandler *handler = &state->handlers[i];

		if (has_own_place(w, state, handler->descriptor, &timer))
			continue;
		if (!any)
		{
			wf_writer_key(w, "on");
			wf_writer_begin(w, '{');
			any = true;
		}
		write(arg, state, handler);
	}
	if (any)
		wf_writer_end(w, '}');
}

/* Write a handler in canonical form. */
static void
write_handler(void *arg, const WfState *state, const WfHandler *handler)
{
	WfWriter   *w = arg;

	write_transitions(w, descriptor(w, handler->descriptor),
					  handler->ntransitions, handler->transitions, false);
}

static void
write_after(WfWriter *w, const WfState *state)
{
	int			from = 0;

	if (state->ntimers == 0 || state->timers[0].of_task)
		return;
	wf_writer_key(w, "after");
	wf_writer_begin(w, '{');
	for (int i = 0; i < state->ntimers && !state->timers[i].of_task; i++)
	{
		const WfTimer *timer = &state->timers[i];
		const WfHandler *handler = wf_deparse_handler_from(state, timer->event, &from);

		if (handler != NULL)
			write_transitions(w, timer->name, handler->ntransitions,
							  handler->transitions, timer->keep);
	}
	wf_writer_end(w, '}');
}

/* ----------------------------------------------------------------
 *						States
 * ----------------------------------------------------------------
 */

static void
write_map(WfWriter *w, const WfMap *map)
{
	if (map == NULL)
		return;
	wf_writer_key(w, "map");
	wf_writer_begin(w, '{');
	wf_deparse_value_member(w, "over", map->over);
	wf_writer_text_member(w, "as", map->as);
	if (map->concurrency > 0)
		wf_writer_raw_member(w, "concurrency", psprintf("%d", map->concurrency));
	if (map->tolerate > 0)
		wf_writer_raw_member(w, "tolerate", psprintf("%d", map->tolerate));
	wf_writer_end(w, '}');
}

static void
write_invoke(WfWriter *w, const WfState *state, const WfInvoke *invoke)
{
	wf_writer_begin(w, '{');
	wf_writer_text_member(w, "id", invoke->id);
	wf_writer_text_member(w, invoke->is_job ? "job" : "src", invoke->src);
	write_map(w, invoke->map);
	wf_deparse_value_member(w, "input", invoke->input);
	wf_deparse_value_member(w, "queue", invoke->queue);
	wf_deparse_value_member(w, "priority", invoke->priority);
	wf_deparse_value_member(w, "partition", invoke->partition);
	wf_deparse_value_delay_member(w, "timeout", invoke->timeout);
	wf_writer_raw_member(w, "retry", invoke->retry);
	if (invoke->detached)
		wf_writer_raw_member(w, "detached", "true");
	if (invoke->options != NULL)
	{
		/* the members of an object, without its braces */
		wf_writer_comma(w);
		appendBinaryStringInfo(&w->buf, invoke->options + 1,
							   strlen(invoke->options) - 2);
	}
	handler_member(w, "onDone", state,
				   psprintf("done.invoke.%s", invoke->id), false);
	handler_member(w, "onError", state,
				   psprintf("error.invoke.%s", invoke->id), false);
	wf_writer_text_member(w, "description", invoke->description);
	wf_writer_raw_member(w, "meta", invoke->meta);
	wf_writer_end(w, '}');
}

static void
write_invokes(WfWriter *w, const WfState *state)
{
	if (state->ninvokes == 0)
		return;
	wf_writer_key(w, "invoke");
	wf_writer_begin(w, '[');
	for (int i = 0; i < state->ninvokes; i++)
		write_invoke(w, state, &state->invokes[i]);
	wf_writer_end(w, ']');
}

static void
write_task(WfWriter *w, const WfState *state)
{
	const WfTask *task = state->task;

	if (task == NULL)
		return;
	wf_writer_key(w, "task");
	wf_writer_begin(w, '{');
	wf_deparse_value_member(w, "for", task->people);
	wf_writer_raw_member(w, "need", task->need == 0 ? "\"all\"" : psprintf("%d", task->need));
	if (task->named)
		wf_writer_texts_member(w, "events", task->events, task->nevents);
	wf_writer_texts_member(w, "any", task->any, task->nany);
	wf_deparse_value_member(w, "title", task->title);
	wf_deparse_value_member(w, "priority", task->priority);
	wf_deparse_value_member(w, "data", task->data);
	if (task->ncomments > 0)
		wf_writer_texts_member(w, "comment", task->comments, task->ncomments);
	else if (task->comment)
		wf_writer_raw_member(w, "comment", "true");
	wf_deparse_value_delay_member(w, "due", task->due);
	handler_member(w, "onDue", state, psprintf("%s%s", WF_TASK_DUE, state->name), false);
	if (task->nreminders > 0)
	{
		wf_writer_key(w, "remind");
		wf_writer_begin(w, '[');
		for (int i = 0; i < task->nreminders; i++)
			wf_deparse_value_delay(w, task->reminders[i]);
		wf_writer_end(w, ']');
	}
	handler_member(w, "onRemind", state, psprintf("%s%s", WF_TASK_REMIND, state->name), false);
	handler_member(w, "onUndecided", state, task->undecided, false);
	wf_writer_end(w, '}');
}

static void
write_default(WfWriter *w, const char *name, const WfTransition *transition)
{
	if (transition == NULL)
		return;
	wf_writer_key(w, name);
	write_transition(w, transition, false);
}

/* Write the events that the root declares. */
static void
write_events(WfWriter *w)
{
	const WfChart *chart = w->chart;

	if (chart->nevents == 0)
		return;
	wf_writer_key(w, "events");
	wf_writer_begin(w, '{');
	for (int i = 0; i < chart->nevents; i++)
	{
		const WfEventType *type = &chart->events[i];

		if (type->refused)
		{
			wf_writer_raw_member(w, type->descriptor, "false");
			continue;
		}
		wf_writer_key(w, type->descriptor);
		wf_writer_begin(w, '{');
		for (int t = 0; t < type->texts.n; t++)
			wf_writer_text_member(w, type->texts.keys[t], type->texts.texts[t]);
		wf_writer_raw_member(w, "data", type->data);
		wf_writer_raw_member(w, "meta", type->meta);
		wf_writer_end(w, '}');
	}
	wf_writer_end(w, '}');
}

/* Write the keys that only the root has. */
static void
write_root(WfWriter *w)
{
	const WfChart *chart = w->chart;
	bool		any = false;

	wf_deparse_value_member(w, "context", chart->context);
	for (int i = 0; i < chart->ndelays; i++)
	{
		if (chart->delays[i]->name == NULL)
			continue;
		if (!any)
		{
			wf_writer_key(w, "delays");
			wf_writer_begin(w, '{');
			any = true;
		}
		wf_writer_key(w, chart->delays[i]->name);
		wf_deparse_value_delay(w, chart->delays[i]);
	}
	if (any)
		wf_writer_end(w, '}');
	if (chart->nattributes > 0)
	{
		wf_writer_key(w, "search");
		wf_writer_begin(w, '{');
		for (int i = 0; i < chart->nattributes; i++)
			wf_deparse_value_attribute(w, &chart->attributes[i]);
		wf_writer_end(w, '}');
	}
	if (chart->nsensitive > 0)
		wf_writer_texts_member(w, "sensitive", chart->sensitive, chart->nsensitive);
	write_events(w);
	wf_deparse_value_delay_member(w, "step_timeout", chart->states[0].step_timeout);
	wf_writer_raw_member(w, "on_error", chart->states[0].on_error ?
						 chart->states[0].on_error->text : NULL);
	wf_writer_text_member(w, "timezone", chart->time_zone);
}

static void
write_state(WfWriter *w, const WfState *state)
{
	/* as enum WfStateKind; atomic and compound states need no type */
	static const char *const types[] = {NULL, NULL, "parallel", "final",
	"history"};

	wf_writer_begin(w, '{');
	wf_writer_text_member(w, "id", state->id == 0 ? state->name : state->custom_id);
	wf_writer_text_member(w, "type", types[state->kind]);
	wf_writer_text_member(w, "description", state->description);
	wf_writer_raw_member(w, "meta", state->meta);
	if (state->id == 0)
		write_root(w);
	else
		write_failing(w, state->on_error, state->step_timeout,
					  &w->chart->states[state->parent]);
	if (state->failure)
		wf_writer_text_member(w, "outcome", "failure");
	wf_writer_texts_member(w, "tags", state->tags, state->ntags);
	if (state->kind == WF_STATE_HISTORY)
	{
		wf_writer_text_member(w, "history", state->deep ? "deep" : "shallow");
		write_default(w, "target", state->initial);
	}
	else
		write_default(w, "initial", state->initial);
	wf_deparse_value_actions(w, "entry", &state->entry);
	wf_deparse_value_actions(w, "exit", &state->exit);
	if (state->nalways > 0)
		write_transitions(w, "always", state->nalways, state->always, false);
	wf_deparse_on(w, state, write_handler, w);
	write_after(w, state);
	if (state->done_event != NULL)
		handler_member(w, "onDone", state, state->done_event, false);
	write_invokes(w, state);
	write_task(w, state);
	wf_writer_texts_member(w, "defer", state->defer, state->ndefer);
	wf_deparse_value_member(w, "output", state->output);
	if (state->nchildren > 0)
	{
		wf_writer_key(w, "states");
		wf_writer_begin(w, '{');
		for (int i = 0; i < state->nchildren; i++)
		{
			const WfState *child = &w->chart->states[state->children[i]];

			wf_writer_key(w, child->key);
			write_state(w, child);
		}
		wf_writer_end(w, '}');
	}
	wf_writer_end(w, '}');
}

/*
 * Return the canonical form of a definition, in the current memory context:
 * the same chart written without shorthand, with keys in a fixed order and
 * states in document order.  wf_compile() of it returns an equal chart,
 * whose canonical form is the same text.
 */
char *
wf_deparse(const WfChart *chart)
{
	WfWriter	writer;

	writer.chart = chart;
	writer.canonical = true;
	writer.ids = wf_compile_tree_ids(chart, &writer.nids);
	initStringInfo(&writer.buf);
	write_state(&writer, &chart->states[0]);
	return writer.buf.data;
}

/*-------------------------------------------------------------------------
 *
 * xstate.c
 *	  A chart as a machine of XState, version 5.
 *
 * Pure C.  Whatever XState can express is written in its own words.  What
 * the user of the machine has to implement is listed in a report, and so is
 * what is lost.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/deparse.h"
#include "compiler/deparse_value.h"
#include "compiler/list.h"
#include "compiler/writer.h"
#include "inspect/xstate.h"
#include "inspect/xstate_action.h"
#include "inspect/xstate_name.h"

/* ----------------------------------------------------------------
 *						Events of a state
 * ----------------------------------------------------------------
 */

static void
handler_member(WfExporter *e, const char *key, const WfState *state,
			   const char *event)
{
	const WfHandler *handler = wf_deparse_handler(state, event);

	if (handler != NULL)
		wf_xstate_action_transitions(e, key, handler->transitions,
									 handler->ntransitions);
}

/* Write a handler under the name that XState has for its event. */
static void
write_handler(void *arg, const WfState *state, const WfHandler *handler)
{
	WfExporter *e = arg;
	const char *path = handler->ntransitions > 0 ?
		handler->transitions[0]->path : state->path;

	wf_xstate_action_transitions(e,
								 wf_xstate_name_event(e, state, handler->descriptor, path),
								 handler->transitions, handler->ntransitions);
}

/*
 * Return the key of a timer: milliseconds, or the name of a delay that has
 * to be implemented.  Two timers of a state must not have the same key;
 * `taken` has those of the timers before this one.
 */
static const char *
timer_key(WfExporter *e, const WfState *state, const WfTimer *timer,
		  const WfHandler *handler, WfNumbers *taken)
{
	const char *path = handler != NULL && handler->ntransitions > 0 ?
		handler->transitions[0]->path : state->path;
	int64		ms;
	int			before;
	const char *key;

	if (timer->keep)
		wf_xstate_name_loss(e, path, "keep", "the timer starts anew when its state "
							"is entered again");
	if (!wf_xstate_name_ms(e, timer->delay, path, &ms))
	{
		if (timer->delay->kind == WF_DELAY_NEVER)
			wf_xstate_name_loss(e, path, "delay", "a timer that is off until it "
								"is set does not exist");
		return wf_xstate_name_of_delay(e, timer->delay, timer->name);
	}
	key = psprintf(INT64_FORMAT, ms);
	before = taken->n;
	if (wf_list_number(taken, key, before) < before)
		return wf_xstate_name_of_delay(e, timer->delay, timer->name);
	return key;
}

static void
write_after(WfExporter *e, const WfState *state)
{
	WfNumbers	taken = {0};
	int			from = 0;

	if (state->ntimers == 0 || state->timers[0].of_task)
		return;
	wf_writer_key(&e->w, "after");
	wf_writer_begin(&e->w, '{');
	for (int i = 0; i < state->ntimers && !state->timers[i].of_task; i++)
	{
		const WfTimer *timer = &state->timers[i];
		const WfHandler *handler = wf_deparse_handler_from(state, timer->event, &from);
		const char *key = timer_key(e, state, timer, handler, &taken);

		if (handler != NULL)
			wf_xstate_action_transitions(e, key, handler->transitions,
										 handler->ntransitions);
	}
	wf_writer_end(&e->w, '}');
}

static void
write_invoke(WfExporter *e, const WfState *state, const WfInvoke *invoke)
{
	WfWriter   *w = &e->w;

	wf_xstate_name_need(e, WF_NEED_ACTOR, invoke->src);
	wf_writer_begin(w, '{');
	wf_writer_text_member(w, "id", invoke->id);
	wf_writer_text_member(w, "src", invoke->src);
	wf_deparse_value_member(w, "input", invoke->input);
	handler_member(e, "onDone", state,
				   psprintf("done.invoke.%s", invoke->id));
	handler_member(e, "onError", state,
				   psprintf("error.invoke.%s", invoke->id));
	wf_writer_text_member(w, "description", invoke->description);
	wf_writer_end(w, '}');
	if (invoke->input != NULL && invoke->input->kind != WF_VALUE_CONST)
		wf_xstate_name_loss(e, invoke->path, "input", "the input is not computed");
	if (invoke->detached)
		wf_xstate_name_loss(e, invoke->path, "detached", "the actor ends with the state");
	if (invoke->map != NULL)
		wf_xstate_name_loss(e, invoke->path, "map", "there is one actor, not one for each element");
	if (invoke->is_job)
		wf_xstate_name_loss(e, invoke->path, "job", "an actor is no job: it has no queue, "
							"and is not tried again");
	if (invoke->meta != NULL)
		wf_xstate_name_loss(e, invoke->path, "meta", "an invoke has no \"meta\"");
}

static void
write_invokes(WfExporter *e, const WfState *state)
{
	if (state->ninvokes == 0)
		return;
	wf_writer_key(&e->w, "invoke");
	wf_writer_begin(&e->w, '[');
	for (int i = 0; i < state->ninvokes; i++)
		write_invoke(e, state, &state->invokes[i]);
	wf_writer_end(&e->w, ']');
}

/* ----------------------------------------------------------------
 *						States
 * ----------------------------------------------------------------
 */

/* Write the initial state: one child, by its key. */
static void
write_initial(WfExporter *e, const WfState *state)
{
	const WfTransition *initial = state->initial;
	WfStateId	child = initial->targets[0];

	if (initial->ntargets > 1 ||
		e->chart->states[child].parent != state->id)
		wf_xstate_name_loss(e, initial->path, "initial", "XState enters a child by "
							"its own default, not a state further inside");
	while (e->chart->states[child].parent != state->id)
		child = e->chart->states[child].parent;
	wf_writer_key(&e->w, "initial");
	if (initial->actions.n == 0)
	{
		wf_writer_text(&e->w, e->chart->states[child].key);
		return;
	}
	wf_writer_begin(&e->w, '{');
	wf_writer_text_member(&e->w, "target", e->chart->states[child].key);
	wf_xstate_actions(e, "actions", &initial->actions);
	wf_writer_end(&e->w, '}');
}

static void
write_history(WfExporter *e, const WfState *state)
{
	const WfTransition *fallback = state->initial;
	bool		several = fallback != NULL && fallback->ntargets > 1;

	wf_writer_text_member(&e->w, "history", state->deep ? "deep" : "shallow");
	if (fallback == NULL)
		return;
	wf_writer_key(&e->w, "target");
	if (several)
		wf_writer_begin(&e->w, '[');
	for (int i = 0; i < fallback->ntargets; i++)
		wf_writer_text(&e->w, wf_xstate_name_path(e, state->parent,
												  fallback->targets[i]));
	if (several)
		wf_writer_end(&e->w, ']');
	if (fallback->actions.n > 0)
		wf_xstate_name_loss(e, fallback->path, "target", "the default of a history "
							"state has no actions");
}

/*
 * Does JavaScript put a key before all others, because it is an array index?
 */
static bool
is_index(const char *key)
{
	size_t		len = strlen(key);

	return len < 10 && strspn(key, "0123456789") == len &&
		(key[0] != '0' || len == 1);
}

/*
 * Report a loss if JavaScript's order of keys is not the order of the
 * states.
 */
static void
check_order(WfExporter *e, const WfState *state)
{
	const WfState *states = e->chart->states;

	for (int i = 1; i < state->nchildren; i++)
	{
		const char *key = states[state->children[i]].key;
		const char *before = states[state->children[i - 1]].key;

		if (!is_index(key) || (is_index(before) && atoi(before) < atoi(key)))
			continue;
		wf_xstate_name_loss(e, state->path, "order", "JavaScript puts keys that "
							"are numbers first, which changes the order of the states");
		return;
	}
}

static void write_state(WfExporter *e, const WfState *state);

static void
write_children(WfExporter *e, const WfState *state)
{
	if (state->nchildren == 0)
		return;
	check_order(e, state);
	wf_writer_key(&e->w, "states");
	wf_writer_begin(&e->w, '{');
	for (int i = 0; i < state->nchildren; i++)
	{
		const WfState *child = &e->chart->states[state->children[i]];

		wf_writer_key(&e->w, child->key);
		wf_writer_begin(&e->w, '{');
		write_state(e, child);
		wf_writer_raw_member(&e->w, "meta", child->meta);
		wf_writer_end(&e->w, '}');
	}
	wf_writer_end(&e->w, '}');
}

/* Write the members of a state, without its braces and `meta`. */
static void
write_state(WfExporter *e, const WfState *state)
{
	/* as enum WfStateKind; atomic and compound states need no type */
	static const char *const types[] = {NULL, NULL, "parallel", "final",
	"history"};
	WfWriter   *w = &e->w;

	if (wf_xstate_name_keeps_id(e, state))
		wf_writer_text_member(w, "id", state->custom_id);
	else if (state->custom_id != NULL)
		wf_xstate_name_loss(e, state->path, "id", "the id could be mistaken for "
							"that of another state");
	wf_writer_text_member(w, "type", types[state->kind]);
	wf_writer_text_member(w, "description", state->description);
	wf_writer_texts_member(w, "tags", state->tags, state->ntags);
	if (state->kind == WF_STATE_HISTORY)
		write_history(e, state);
	else if (state->initial != NULL)
		write_initial(e, state);
	wf_xstate_actions(e, "entry", &state->entry);
	wf_xstate_actions(e, "exit", &state->exit);
	write_invokes(e, state);
	if (state->nalways > 0)
		wf_xstate_action_transitions(e, "always", state->always, state->nalways);
	wf_deparse_on(w, state, write_handler, e);
	write_after(e, state);
	if (state->done_event != NULL)
		handler_member(e, "onDone", state, state->done_event);
	wf_deparse_value_member(w, "output", state->output);
	if (state->output != NULL && state->output->kind != WF_VALUE_CONST)
		wf_xstate_name_loss(e, state->path, "output", "the output is not computed");
	if (state->ndefer > 0)
		wf_xstate_name_loss(e, state->path, "defer", "events are not deferred");
	if (state->task != NULL)
		wf_xstate_name_loss(e, state->task->path, "task", "nobody is asked: send its events");
	if (state->failure)
		wf_xstate_name_loss(e, state->path, "outcome", "a final state is no failure");
	if (state->id > 0)
		wf_xstate_action_failing(e, state->path, state->on_error, state->step_timeout,
								 &e->chart->states[state->parent]);
	write_children(e, state);
}

/* ----------------------------------------------------------------
 *						The root
 * ----------------------------------------------------------------
 */

/*
 * Write the context, in which computed values are null; they are reported as
 * lost.
 */
static void
write_context(WfExporter *e, const WfValue *context)
{
	WfWriter   *w = &e->w;
	bool		computed = false;

	if (context == NULL)
		return;
	wf_writer_key(w, "context");
	if (context->kind == WF_VALUE_CONST)
	{
		wf_writer_raw(w, context->text);
		return;
	}
	wf_writer_begin(w, '{');
	for (int i = 0; context->kind == WF_VALUE_OBJECT && i < context->nparts; i++)
	{
		bool		plain = context->parts[i]->kind == WF_VALUE_CONST;

		wf_writer_raw_member(w, context->keys[i],
							 plain ? context->parts[i]->text : "null");
		computed = computed || !plain;
	}
	wf_writer_end(w, '}');
	if (computed || context->kind != WF_VALUE_OBJECT)
		wf_xstate_name_loss(e, "$.context", "context", "computed values are null; "
							"see \"context\" of this report");
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Write a list of names, each of them once. */
static void
write_needs(WfExporter *e, const char *key, WfList *names)
{
	WfWriter   *w = &e->w;

	wf_writer_key(w, key);
	wf_writer_begin(w, '[');
	if (names->n > 0)
		qsort(names->items, names->n, sizeof(char *), compare_names);
	for (int i = 0; i < names->n; i++)
		if (i == 0 || strcmp(names->items[i - 1], names->items[i]) != 0)
			wf_writer_text(w, names->items[i]);
	wf_writer_end(w, ']');
}

static void
write_implement(WfExporter *e)
{
	WfWriter   *w = &e->w;

	wf_writer_key(w, "implement");
	wf_writer_begin(w, '{');
	write_needs(e, "guards", &e->needs[WF_NEED_GUARD]);
	write_needs(e, "actions", &e->needs[WF_NEED_ACTION]);
	write_needs(e, "actors", &e->needs[WF_NEED_ACTOR]);
	wf_writer_key(w, "delays");
	wf_writer_begin(w, '{');
	for (int i = 0; i < e->delays.n; i++)
	{
		wf_writer_key(w, e->delay_names.items[i]);
		wf_deparse_value_delay(w, e->delays.items[i]);
	}
	wf_writer_end(w, '}');
	wf_writer_end(w, '}');
}

static void
write_losses(WfExporter *e)
{
	WfWriter   *w = &e->w;

	wf_writer_key(w, "losses");
	wf_writer_begin(w, '[');
	for (int i = 0; i < e->losses.n && i < WF_MAX_FAULTS; i++)
	{
		const WfFault *loss = &e->losses.items[i];

		wf_writer_begin(w, '{');
		wf_writer_text_member(w, "path", loss->path);
		wf_writer_text_member(w, "construct", loss->hint);
		wf_writer_text_member(w, "message", loss->message);
		wf_writer_end(w, '}');
	}
	wf_writer_end(w, ']');
}

/* Write the author's `meta` and, beside it, our report. */
static void
write_meta(WfExporter *e)
{
	const WfChart *chart = e->chart;
	WfWriter   *w = &e->w;
	const char *own = chart->states[0].meta;

	wf_writer_key(w, "meta");
	wf_writer_begin(w, '{');
	if (own != NULL && own[0] == '{' && own[1] != '}')
		wf_writer_raw(w, pnstrdup(own + 1, strlen(own) - 2));
	else if (own != NULL && own[0] != '{')
		wf_writer_raw_member(w, "meta", own);
	wf_writer_key(w, "workflow");
	wf_writer_begin(w, '{');
	write_implement(e);
	if (chart->context != NULL && chart->context->kind != WF_VALUE_CONST)
		wf_deparse_value_member(w, "context", chart->context);
	write_losses(e);
	wf_writer_end(w, '}');
	wf_writer_end(w, '}');
}

/*
 * Return the JSON text of a configuration that createMachine() of XState
 * takes, in the current memory context.  What has to be implemented, and
 * what could not be expressed, is listed under meta.workflow of the root.
 * version is that of the definition.
 */
char *
wf_xstate(const WfChart *chart, int version)
{
	WfExporter	exporter = {.chart = chart};
	WfWriter   *w = &exporter.w;

	w->chart = chart;
	initStringInfo(&w->buf);
	wf_writer_begin(w, '{');
	wf_writer_text_member(w, "id", chart->name);
	wf_writer_text_member(w, "version", psprintf("%d", version));
	write_context(&exporter, chart->context);
	write_state(&exporter, &chart->states[0]);
	wf_xstate_action_failing(&exporter, "$", chart->states[0].on_error,
							 chart->states[0].step_timeout, NULL);
	if (chart->time_zone != NULL)
		wf_xstate_name_loss(&exporter, "$.timezone", "timezone",
							"days and months have fixed lengths");
	if (chart->nsensitive > 0)
		wf_xstate_name_loss(&exporter, "$.sensitive", "sensitive",
							"whoever sees a snapshot sees these fields");
	if (chart->nevents > 0)
		wf_xstate_name_loss(&exporter, "$.events", "events",
							"data of events are not checked");
	if (chart->nattributes > 0)
		wf_xstate_name_loss(&exporter, "$.search", "search",
							"actors are not found by these values");
	write_meta(&exporter);
	wf_writer_end(w, '}');
	return w->buf.data;
}

/*-------------------------------------------------------------------------
 *
 * compile_state.c
 *	  What is in a state: handlers, timers, invokes, actions and the rest.
 *
 * Pure C.  The tree of states is complete, so that every target can be
 * resolved where it is found.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_action.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_invoke.h"
#include "compiler/compile_on_error.h"
#include "compiler/compile_read.h"
#include "compiler/compile_state.h"
#include "compiler/compile_target.h"
#include "compiler/compile_task.h"
#include "compiler/compile_transition.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* A handler that is being collected. */
typedef struct Draft
{
	const char *descriptor;
	int			prefix;
	int			position;		/* among the drafts, to sort stably */
	WfList		transitions;
	WfNumbers	positions;		/* of the first draft: those of all by name */
} Draft;

/* ----------------------------------------------------------------
 *						Handlers
 * ----------------------------------------------------------------
 */

/*
 * Return the list of transitions of an event descriptor, which is made at
 * its first use.
 */
static WfList *
draft_for(WfList *drafts, const char *descriptor)
{
	int			len = strlen(descriptor);
	Draft	   *draft = palloc0(sizeof(Draft));
	Draft	   *first = drafts->n > 0 ? drafts->items[0] : draft;
	int			there = wf_list_number(&first->positions, descriptor, drafts->n);

	if (there < drafts->n)
	{
		pfree(draft);
		draft = drafts->items[there];
		return &draft->transitions;
	}
	draft->descriptor = descriptor;
	draft->position = drafts->n;
	if (strcmp(descriptor, "*") == 0)
		draft->prefix = 0;
	else if (len > 2 && strcmp(descriptor + len - 2, ".*") == 0)
		draft->prefix = len - 1;
	else
		draft->prefix = -1;
	wf_list_add(drafts, draft);
	return &draft->transitions;
}

/* Exact names come first, then wildcards by decreasing length. */
static int
compare_drafts(const void *a, const void *b)
{
	const Draft *x = *(const Draft *const *) a;
	const Draft *y = *(const Draft *const *) b;

	if (x->prefix != y->prefix)
	{
		if (x->prefix < 0)
			return -1;
		if (y->prefix < 0)
			return 1;
		return x->prefix > y->prefix ? -1 : 1;
	}
	return x->position < y->position ? -1 : 1;
}

/*
 * Is a descriptor one of events that only the engine sends?  They need no
 * permission.
 */
static bool
is_platform_event(const char *descriptor)
{
	return strncmp(descriptor, "done.", 5) == 0 ||
		strncmp(descriptor, "error.", 6) == 0 ||
		strncmp(descriptor, "after.", 6) == 0 ||
		wf_chart_is_of_task(descriptor);
}

/* Report transitions with `allow` whose event nobody sends. */
static void
forbid_allow(WfCompiler *c, const WfList *transitions)
{
	for (int i = 0; i < transitions->n; i++)
	{
		const WfTransition *transition = transitions->items[i];

		if (transition->allow != NULL)
			wf_compile_fault(c, WF_AT_KEY(WF_AT_TEXT(transition->path), "allow"),
							 "Use a guard.",
							 "an event that nobody sends cannot have \"allow\"");
	}
}

/* Report transitions with `correlate` whose event cannot be published. */
static void
forbid_correlate(WfCompiler *c, const WfList *transitions)
{
	for (int i = 0; i < transitions->n; i++)
	{
		const WfTransition *transition = transitions->items[i];

		if (transition->correlate != NULL)
			wf_compile_fault(c, WF_AT_KEY(WF_AT_TEXT(transition->path), "correlate"), NULL,
							 "only an event with a full name can have \"correlate\"");
	}
}

/* The events of a state that others publish, and with what it waits for them. */
static void
collect_correlates(WfCompiler *c, WfState *state)
{
	int			n = 0;

	for (int h = 0; h < state->nhandlers; h++)
		for (int t = 0; t < state->handlers[h].ntransitions; t++)
			n += state->handlers[h].transitions[t]->correlate != NULL;
	if (n == 0)
		return;
	state->correlates = palloc0(sizeof(WfCorrelate) * n);
	for (int h = 0; h < state->nhandlers; h++)
		for (int t = 0; t < state->handlers[h].ntransitions; t++)
		{
			const WfTransition *transition = state->handlers[h].transitions[t];

			if (transition->correlate == NULL)
				continue;
			state->correlates[state->ncorrelates++] = (WfCorrelate) {
				state->handlers[h].descriptor, transition->correlate,
				wf_path_text(WF_AT_KEY(WF_AT_TEXT(transition->path), "correlate"))
			};
			c->chart->correlates = true;
		}
}

/* Make the handlers of a state from the drafts. */
static void
finish_handlers(WfCompiler *c, WfState *state, WfList *drafts)
{
	if (drafts->n == 0)
		return;
	qsort(drafts->items, drafts->n, sizeof(Draft *), compare_drafts);
	state->nhandlers = drafts->n;
	state->handlers = palloc0(drafts->n * sizeof(WfHandler));
	for (int i = 0; i < drafts->n; i++)
	{
		Draft	   *draft = drafts->items[i];
		WfHandler  *handler = &state->handlers[i];

		if (is_platform_event(draft->descriptor))
			forbid_allow(c, &draft->transitions);
		if (is_platform_event(draft->descriptor) || draft->prefix >= 0)
			forbid_correlate(c, &draft->transitions);
		handler->descriptor = draft->descriptor;
		handler->prefix = draft->prefix;
		handler->ntransitions = draft->transitions.n;
		handler->transitions = (WfTransition **) draft->transitions.items;
		if (draft->prefix >= 0)
			c->features[WF_HAS_WILDCARD] = true;
		if (strncmp(draft->descriptor, "error.", 6) == 0)
			c->features[WF_HAS_ERROR] = c->chart->has_error = true;
		if (wf_chart_descriptor_matches(draft->descriptor, WF_ERROR_EVENT))
			c->chart->catches_errors = true;
	}
	collect_correlates(c, state);
}

static void
compile_on(WfCompiler *c, WfState *state, const WfJson *json,
		   const WfPath *path, WfList *drafts)
{
	if (!wf_compile_read_object(c, json, path,
								"The event is the key: \"on\": {\"EVENT\": {\"target\": ...}}."))
		return;
	for (int i = 0; i < json->n; i++)
	{
		const WfPath *at = WF_AT_KEY(path, json->keys[i]);
		const char *descriptor = wf_compile_target_descriptor(c, json->keys[i], at);
		WfList	   *into = draft_for(drafts, descriptor);
		int			before = into->n;

		wf_compile_transitions(c, state->id, json->items[i], at, into, NULL);
		if (is_platform_event(descriptor))
			continue;
		for (int j = before; j < into->n; j++)
		{
			WfTransition *transition = into->items[j];

			if (transition->allow == NULL)
				transition->allow = c->allow[state->id];
		}
	}
}

static void
compile_after(WfCompiler *c, WfState *state, const WfJson *json,
			  const WfPath *path, WfList *drafts)
{
	if (!wf_compile_read_object(c, json, path,
								"The delay is the key: \"after\": {\"30 s\": {\"target\": ...}}."))
		return;
	if (json->n > 0)
		c->features[WF_HAS_AFTER] = true;
	state->timers = palloc0((json->n + 1) * sizeof(WfTimer));
	for (int i = 0; i < json->n; i++)
	{
		const char *key = json->keys[i];
		const WfPath *at = WF_AT_KEY(path, key);
		WfTimer    *timer = &state->timers[state->ntimers++];

		timer->name = key;
		timer->event = psprintf("after.%s.%s", key, state->name);
		timer->delay = wf_compile_delay_text(c, key, at);
		wf_compile_transitions(c, state->id, json->items[i], at,
							   draft_for(drafts, timer->event), &timer->keep);
		if (timer->keep)
			c->features[WF_HAS_KEEP] = true;
	}
}

/* ----------------------------------------------------------------
 *						Invokes
 * ----------------------------------------------------------------
 */

/*
 * Compile `onDone` and `onError` of an invoke, as transitions of the events
 * that they stand for.
 */
static void
compile_replies(WfCompiler *c, WfState *state, const WfInvoke *invoke,
				const WfJson *json, const WfPath *path, WfList *drafts)
{
	for (int i = 0; i < json->n; i++)
	{
		bool		done = strcmp(json->keys[i], "onDone") == 0;

		if (!done && strcmp(json->keys[i], "onError") != 0)
			continue;
		wf_compile_transitions(c, state->id, json->items[i],
							   WF_AT_KEY(path, json->keys[i]),
							   draft_for(drafts,
										 psprintf("%s.invoke.%s",
												  done ? "done" : "error",
												  invoke->id)),
							   NULL);
	}
}

static void
compile_invoke(WfCompiler *c, WfState *state, const WfJson *json,
			   const WfPath *path, WfList *drafts)
{
	const WfInvoke *invoke = wf_compile_invoke(c, state, json, path);

	if (json->kind == WF_JSON_OBJECT)
		compile_replies(c, state, invoke, json, path, drafts);
}

static void
compile_invokes(WfCompiler *c, WfState *state, const WfJson *json,
				const WfPath *path, WfList *drafts)
{
	bool		single = json->kind != WF_JSON_ARRAY;
	int			n = single ? 1 : json->n;

	state->invokes = palloc0((n + 1) * sizeof(WfInvoke));
	for (int i = 0; i < n; i++)
	{
		if (single)
			compile_invoke(c, state, json, path, drafts);
		else
			compile_invoke(c, state, json->items[i], WF_AT_INDEX(path, i), drafts);
	}
}

/*
 * Compile `onDue` and its like of a task, as transitions of the events that they
 * stand for.
 */
static void
compile_task_replies(WfCompiler *c, WfState *state, const WfJson *json, const WfPath *path,
					 WfList *drafts)
{
	for (int i = 0; json->kind == WF_JSON_OBJECT && i < json->n; i++)
	{
		const char *event = wf_compile_task_reply(state, json->keys[i]);

		if (event != NULL && json->items[i]->kind != WF_JSON_NULL)
			wf_compile_transitions(c, state->id, json->items[i], WF_AT_KEY(path, json->keys[i]),
								   draft_for(drafts, event), NULL);
	}
}

/* ----------------------------------------------------------------
 *						The state
 * ----------------------------------------------------------------
 */

/* Does a key of a state have transitions for events under it? */
static bool
is_handler_key(const char *key)
{
	return strcmp(key, "on") == 0 || strcmp(key, "after") == 0 ||
		strcmp(key, "invoke") == 0 || strcmp(key, "onDone") == 0 ||
		strcmp(key, "task") == 0;
}

/*
 * Add the transitions of `on_error`, of the state and of its transitions, where
 * that has a target.  Those may have an `on_error` of their own.
 */
static void
add_caught(WfCompiler *c, const WfState *state, WfList *drafts)
{
	for (int i = 0; i < c->caught.n; i++)
	{
		const WfCaught *caught = c->caught.items[i];
		WfList		then = {0, 0, NULL};

		wf_compile_transitions(c, state->id, caught->json, WF_AT_TEXT(caught->path), &then, NULL);
		for (int t = 0; t < then.n; t++)
			wf_list_add(draft_for(drafts, caught->event), then.items[t]);
	}
}

/* Compile all transitions for events of a state, in the order of the text. */
static void
compile_handlers(WfCompiler *c, WfState *state, const WfJson *json,
				 const WfPath *path)
{
	WfList		drafts = {0, 0, NULL};

	for (int i = 0; i < json->n; i++)
	{
		const char *key = json->keys[i];
		const WfJson *value = json->items[i];
		const WfPath *at = WF_AT_KEY(path, key);

		/* of a duplicate key, which is a fault, the first counts */
		if (value->kind == WF_JSON_NULL || !is_handler_key(key) ||
			value != wf_json_get(json, key))
			continue;
		if (strcmp(key, "on") == 0)
			compile_on(c, state, value, at, &drafts);
		else if (strcmp(key, "after") == 0)
			compile_after(c, state, value, at, &drafts);
		else if (strcmp(key, "invoke") == 0)
			compile_invokes(c, state, value, at, &drafts);
		else if (strcmp(key, "task") == 0)
			compile_task_replies(c, state, value, at, &drafts);
		else if (strcmp(key, "onDone") == 0 && state->done_event != NULL)
			wf_compile_transitions(c, state->id, value, at,
								   draft_for(&drafts, state->done_event),
								   NULL);
	}
	add_caught(c, state, &drafts);
	finish_handlers(c, state, &drafts);
}

static void
compile_always(WfCompiler *c, WfState *state, const WfJson *json,
			   const WfPath *path)
{
	WfList		list = {0, 0, NULL};

	wf_compile_transitions(c, state->id, json, path, &list, NULL);
	forbid_allow(c, &list);
	forbid_correlate(c, &list);

	/* no fault: a transition in another region may exit this state */
	if (list.n > 0 && state->kind == WF_STATE_ATOMIC)
	{
		const WfTransition *first = list.items[0];

		if (first->targetless && first->guard == NULL)
			wf_compile_fault_warning(c, WF_AT_TEXT(first->path),
									 "Give it a target or a guard.",
									 "transition without target and guard is taken "
									 "again and again");
	}
	state->nalways = list.n;
	state->always = (WfTransition **) list.items;
	if (list.n > 0)
		c->features[WF_HAS_ALWAYS] = c->chart->has_always = true;
}

/* Report keys that a state of this kind cannot have. */
static void
check_place(WfCompiler *c, const WfState *state, const WfJson *json,
			const WfPath *path)
{
	static const char *const kinds[] = {"atomic", "compound", "parallel",
	"final", "history"};

	/* keys, and the kinds that may have them: Atomic, Compound, Parallel, ... */
	static const char *const places[][2] = {
		{"initial", "C"}, {"states", "CP"}, {"on", "ACP"}, {"always", "ACP"},
		{"after", "ACP"}, {"onDone", "CP"}, {"invoke", "ACP"},
		{"defer", "ACP"}, {"allow", "ACP"}, {"entry", "ACPF"},
		{"exit", "ACPF"}, {"output", "F"}, {"tags", "ACPF"},
		{"history", "H"}, {"target", "H"}, {"actions", "H"},
		{"outcome", "F"}, {"on_error", "ACP"}, {"step_timeout", "ACPF"},
		{"task", "ACP"}
	};

	for (int i = 0; i < (int) lengthof(places); i++)
	{
		const char *key = places[i][0];
		const WfJson *value = wf_compile_read_get(json, key);

		if (value == NULL || strchr(places[i][1], "ACPFH"[state->kind]))
			continue;
		/* the root has an output, and does not know the other words at all */
		if (state->id == 0 && (strcmp(key, "output") == 0 ||
							   strcmp(key, "outcome") == 0 || strcmp(key, "actions") == 0))
			continue;
		if (value->kind == WF_JSON_OBJECT && value->n == 0)
			continue;
		if (value->kind == WF_JSON_ARRAY && value->n == 0)
			continue;
		wf_compile_fault(c, WF_AT_KEY(path, key), NULL,
						 "state of type \"%s\" cannot have \"%s\"",
						 kinds[state->kind], key);
	}
	if (state->id == 0 && wf_compile_read_get(json, "onDone") != NULL)
		wf_compile_fault_warning(c, WF_AT_KEY(path, "onDone"),
								 "When the root is done, the process has ended.",
								 "the root cannot react to its own end: \"onDone\" "
								 "is left out");
}

/* Compile `actions` of a history state, written beside its target. */
static void
compile_default_actions(WfCompiler *c, WfState *state, const WfJson *json,
						const WfPath *path)
{
	const WfJson *actions = wf_compile_read_get(json, "actions");
	const WfPath *at = WF_AT_KEY(path, "actions");

	if (actions == NULL)
		return;
	if (wf_compile_read_get(json, "target") == NULL)
		wf_compile_fault(c, at, "Give the history state a \"target\".",
						 "only the way to a target can have \"actions\"");
	else if (state->initial != NULL && state->initial->actions.n > 0)
		wf_compile_fault(c, at, "Use one of them.",
						 "\"actions\" stand beside the target and in it");
	else if (state->initial != NULL)
		state->initial->actions = wf_compile_actions(c, actions, at);
}

/*
 * Compile the initial transition of a compound state, or the default of a
 * history state.
 */
static void
compile_entry_point(WfCompiler *c, WfState *state, const WfJson *json,
					const WfPath *path)
{
	const WfJson *initial = wf_compile_read_get(json, "initial");
	const WfJson *target = wf_compile_read_get(json, "target");

	if (state->kind == WF_STATE_COMPOUND && initial == NULL)
		wf_compile_fault(c, path,
						 "Name the child that is entered first.",
						 "\"initial\" is missing");
	else if (state->kind == WF_STATE_COMPOUND)
		state->initial = wf_compile_transition_default(c, state->id, initial,
													   WF_AT_KEY(path, "initial"));
	else if (state->kind == WF_STATE_HISTORY && target != NULL)
		state->initial = wf_compile_transition_default(c, state->id, target,
													   WF_AT_KEY(path, "target"));
	if (state->kind == WF_STATE_HISTORY)
		compile_default_actions(c, state, json, path);
}

/* Compile `entry`, `exit`, `tags` and `defer`. */
static void
compile_lists(WfCompiler *c, WfState *state, const WfJson *json,
			  const WfPath *path)
{
	const WfJson *value;

	value = wf_compile_read_get(json, "entry");
	if (value != NULL)
		state->entry = wf_compile_actions(c, value, WF_AT_KEY(path, "entry"));
	value = wf_compile_read_get(json, "exit");
	if (value != NULL)
		state->exit = wf_compile_actions(c, value, WF_AT_KEY(path, "exit"));
	value = wf_compile_read_get(json, "tags");
	if (value != NULL)
		state->tags = wf_compile_read_strings(c, value, WF_AT_KEY(path, "tags"),
											  &state->ntags);
	value = wf_compile_read_get(json, "defer");
	if (value != NULL)
		state->defer = wf_compile_read_strings(c, value, WF_AT_KEY(path, "defer"),
											   &state->ndefer);
	if (state->ntags > 0)
		c->features[WF_HAS_TAGS] = true;
	if (state->ndefer > 0)
		c->features[WF_HAS_DEFER] = c->chart->has_defer = true;
}

/*
 * Compile `step_timeout` and `on_error`.  A state that has none has that of its
 * parent.
 */
static void
compile_failing(WfCompiler *c, WfState *state, const WfJson *json,
				const WfPath *path)
{
	WfChart    *chart = c->chart;
	const WfState *parent = state->id > 0 ? &chart->states[state->parent] : NULL;
	const WfJson *value = wf_json_get(json, "step_timeout");

	state->step_timeout = parent ? parent->step_timeout : NULL;
	state->on_error = parent ? parent->on_error : NULL;
	if (value != NULL)
	{
		state->step_timeout = wf_compile_delay_limit(c, value, WF_AT_KEY(path, "step_timeout"));
		chart->inner_limits |= parent != NULL;
	}
	c->limit = state->step_timeout;

	/* the root's context, searches and delays have been compiled before */
	for (int i = 0; parent == NULL && i < c->expr_list.n; i++)
		((WfExpr *) c->expr_list.items[i])->step_timeout = c->limit;

	c->caught = (WfList) {0, 0, NULL};
	value = wf_compile_read_get(json, "on_error");
	if (value != NULL)
	{
		const WfPath *at = WF_AT_KEY(path, "on_error");

		wf_compile_on_error_add(c, value, at, &state->on_error,
								parent ? psprintf(WF_STEP_ERROR_EVENT ".%s", state->name) :
								WF_STEP_ERROR_EVENT);
		chart->inner_policies |= parent != NULL;
	}
}

/* Compile `outcome`: is this end a failure? */
static bool
compile_outcome(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const char *outcome = wf_compile_read_string(c, json, "outcome", path);

	if (outcome == NULL || strcmp(outcome, "success") == 0)
		return false;
	if (strcmp(outcome, "failure") != 0)
		wf_compile_fault(c, WF_AT_KEY(path, "outcome"), NULL,
						 "must be \"success\" or \"failure\"");
	c->features[WF_HAS_FAILURE] = c->chart->has_failure = true;
	return true;
}

/*
 * Compile everything in a state, whose place in the tree is known.  Its
 * parent must be compiled before it, because `allow` is inherited.
 */
void
wf_compile_state(WfCompiler *c, WfStateId id)
{
	static const char *const known[] = {"id", "type", "initial", "states",
		"on", "always", "after", "onDone", "entry", "exit", "invoke",
		"output", "tags", "meta", "description", "order", "history",
		"target", "defer", "allow", "actions", "outcome", "on_error",
	"step_timeout", "task", NULL};
	WfState    *state = &c->chart->states[id];
	const WfJson *json = c->sources[id];
	const WfPath *path = WF_AT_TEXT(state->path);
	const WfJson *value;

	if (id > 0)
	{
		wf_compile_read_keys(c, json, path, known);
		c->allow[id] = c->allow[state->parent];
	}
	check_place(c, state, json, path);
	compile_failing(c, state, json, path);
	state->failure = compile_outcome(c, json, path);
	value = wf_compile_read_get(json, "allow");
	if (value != NULL)
		c->allow[id] = wf_compile_transition_allow(c, value, WF_AT_KEY(path, "allow"));
	state->description = wf_compile_read_string(c, json, "description", path);
	value = wf_compile_read_get(json, "meta");
	if (value != NULL)
		state->meta = wf_json_text(value);

	compile_entry_point(c, state, json, path);
	compile_lists(c, state, json, path);
	value = wf_compile_read_get(json, "always");
	if (value != NULL)
		compile_always(c, state, value, WF_AT_KEY(path, "always"));
	compile_handlers(c, state, json, path);
	value = wf_compile_read_get(json, "task");
	if (value != NULL)
		wf_compile_task(c, state, value, WF_AT_KEY(path, "task"));
	value = wf_compile_read_get(json, "output");
	if (value != NULL)
	{
		state->output = wf_compile_value(c, value, WF_AT_KEY(path, "output"));
		c->features[WF_HAS_OUTPUT] = true;
	}
}

/*-------------------------------------------------------------------------
 *
 * lint_sending.c
 *	  Rules about what actions send, and about names that match nothing.
 *
 * Pure C.  An event that the process sends to itself and no state handles, a
 * receiver that does not exist, a wildcard where none is read, a delay that
 * nobody uses: all of it is legal, and most likely a slip of the pen.
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
#include "chart/event_type.h"
#include "chart/json.h"
#include "compiler/list.h"
#include "inspect/lint_finding.h"
#include "inspect/lint_sending.h"
#include "inspect/linter.h"

/* --- what the process sends ------------------------------------------------------- */

/* An event that an action sends to the process itself. */
typedef struct Own
{
	const char *event;
	const char *path;			/* of the action; NULL: sent by `on_error` */
	const WfState *state;
} Own;

/* Return the text of a constant string, or NULL if a value is none. */
static const char *
constant_text(const WfValue *value)
{
	WfFaults	faults = {0};
	const WfJson *json = value->kind != WF_VALUE_CONST ? NULL :
		wf_json_parse(value->text, strlen(value->text), &faults);

	return json != NULL && json->kind == WF_JSON_STRING ? json->text : NULL;
}

static void
add_own(WfLinter *l, const WfState *state, const char *event, const char *path)
{
	Own		   *own = palloc(sizeof(Own));

	own->event = event;
	own->path = path;
	own->state = state;
	wf_list_add(&l->own, own);
}

static void
add_actions(WfLinter *l, const WfState *state, const WfActionList *actions)
{
	for (int i = 0; i < actions->n; i++)
	{
		const WfAction *action = actions->items[i];

		if (action->kind == WF_ACTION_RAISE ||
			(action->kind == WF_ACTION_SEND && action->target == NULL))
		{
			const char *event = constant_text(action->event_type);

			if (event != NULL)
				add_own(l, state, event, action->path);
			else
				l->own_computed = true;
		}
		else if (action->kind == WF_ACTION_SEND)
		{
			wf_list_add(&l->sends, unconstify(WfAction *, action));
			wf_list_add(&l->senders, unconstify(WfState *, state));
		}
		for (int b = 0; b < action->nbranches; b++)
		{
			if (b > 0 && action->branches[b - 1].guard == NULL)
				wf_lint_finding_add(l, state, psprintf("%s.branches[%d]", action->path, b), "dead",
									"Put the branch without a guard last.",
									"branch is never run: one without a guard comes before it");
			add_actions(l, state, &action->branches[b].actions);
		}
		add_actions(l, state, &action->actions);
	}
}

static void
add_policy(WfLinter *l, const WfState *state, const WfPolicy *policy, const WfPolicy *around)
{
	if (policy != NULL && policy != around && policy->then == WF_THEN_EVENT)
		add_own(l, state, policy->event, NULL);
}

static void
add_transition(WfLinter *l, const WfState *state, const WfTransition *transition)
{
	add_actions(l, state, &transition->actions);
	add_policy(l, state, transition->on_error, state->on_error);
}

static void
add_state(WfLinter *l, const WfState *state)
{
	add_actions(l, state, &state->entry);
	add_actions(l, state, &state->exit);
	add_policy(l, state, state->on_error,
			   state->parent == WF_NO_STATE ? NULL : l->chart->states[state->parent].on_error);
	if (state->initial != NULL)
		add_transition(l, state, state->initial);
	for (int i = 0; i < state->nalways; i++)
		add_transition(l, state, state->always[i]);
	for (int h = 0; h < state->nhandlers; h++)
		for (int t = 0; t < state->handlers[h].ntransitions; t++)
			add_transition(l, state, state->handlers[h].transitions[t]);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Collect what the actions and policies of all states send. */
void
wf_lint_sending_collect(WfLinter *l)
{
	for (int s = 0; s < l->chart->nstates; s++)
		add_state(l, &l->chart->states[s]);
	l->own_names = palloc((l->own.n + 1) * sizeof(char *));
	for (int i = 0; i < l->own.n; i++)
		l->own_names[i] = ((const Own *) l->own.items[i])->event;
	if (l->own.n > 0)
		qsort(l->own_names, l->own.n, sizeof(char *), compare_names);
}

/* May the process send itself this event? */
bool
wf_lint_sending_is_own(const WfLinter *l, const char *event)
{
	return l->own_computed ||
		bsearch(&event, l->own_names, l->own.n, sizeof(char *), compare_names) != NULL;
}

/* --- nobody takes it --------------------------------------------------------------- */

/* Does any state handle an event? */
bool
wf_lint_sending_is_handled(WfLinter *l, const char *event)
{
	const WfChart *chart = l->chart;

	/* most actions and policies of a chart send the same one */
	if (l->asked != NULL && strcmp(l->asked, event) == 0)
		return l->handled;
	WF_MAY_BE_CANCELLED();
	l->asked = event;
	l->handled = false;
	for (int i = 0; i < chart->nstates && !l->handled; i++)
		for (int h = 0; h < chart->states[i].nhandlers && !l->handled; h++)
			l->handled =
				wf_chart_descriptor_matches(chart->states[i].handlers[h].descriptor, event);
	return l->handled;
}

/* Report events that the process sends to itself and that no state handles. */
static void
check_own(WfLinter *l)
{
	/* a guard of an automatic transition may look at the event, and take it so */
	for (int s = 0; s < l->chart->nstates; s++)
		for (int i = 0; i < l->chart->states[s].nalways; i++)
			if (l->chart->states[s].always[i]->guard != NULL)
				return;
	for (int i = 0; i < l->own.n; i++)
	{
		const Own  *own = l->own.items[i];

		if (own->path != NULL && l->reachable[own->state->id] && !wf_lint_sending_is_handled(l, own->event))
			wf_lint_finding_add(l, own->state, own->path, "never_handled", NULL,
								"event \"%s\" is sent to the process itself, and no state handles it",
								own->event);
	}
}

/* Return the invoke with an id, or NULL. */
static const WfInvoke *
find_invoke(const WfChart *chart, const char *id)
{
	for (int s = 0; s < chart->nstates; s++)
		for (int i = 0; i < chart->states[s].ninvokes; i++)
			if (strcmp(chart->states[s].invokes[i].id, id) == 0)
				return &chart->states[s].invokes[i];
	return NULL;
}

/* Report receivers that are no process: children that are not invoked, and runs. */
static void
check_receivers(WfLinter *l)
{
	for (int i = 0; i < l->sends.n; i++)
	{
		const WfAction *action = l->sends.items[i];
		const WfState *state = l->senders.items[i];
		const char *target = constant_text(action->target);
		const WfInvoke *invoke;

		if (target == NULL || strcmp(target, "#_parent") == 0 || !l->reachable[state->id])
			continue;
		if (strncmp(target, "#_", 2) != 0)
		{
			/* the id of a process has this length at least */
			if (strlen(target) < 32)
				wf_lint_finding_add(l, state, action->path, "no_receiver",
									"Write \"#_parent\", \"#_\" and the id of an invoke, or the id of a process.",
									"\"%s\" is no process", target);
			continue;
		}
		invoke = find_invoke(l->chart, target + 2);
		if (invoke == NULL)
			wf_lint_finding_add(l, state, action->path, "no_receiver",
								l->nsources <= WF_LINT_MOST_NAMES ?
								wf_diagnostic_spelling_hint(target + 2, l->sources) : NULL,
								"no invoke has the id \"%s\"", target + 2);
		else if (invoke->is_job || invoke->map != NULL)
			wf_lint_finding_add(l, state, action->path, "no_receiver", NULL,
								"\"%s\" takes no events: it invokes %s", target,
								invoke->is_job ? "a job" : "several processes");
	}
}

/* --- names that match nothing ------------------------------------------------------- */

/* Report a descriptor with a wildcard where none is read. */
static void
check_descriptor(WfLinter *l, const WfState *state, const char *path, const char *descriptor)
{
	const char *star = strchr(descriptor, '*');

	if (star == NULL || (star[1] == '\0' && (star == descriptor || star[-1] == '.')))
		return;
	wf_lint_finding_add(l, state, path, "no_wildcard",
						"Write \"*\" alone, or last behind a point: \"order.*\".",
						"\"%s\" means an event of just this name", descriptor);
}

static void
check_descriptors(WfLinter *l, const WfState *state)
{
	for (int h = 0; h < state->nhandlers; h++)
		if (state->handlers[h].ntransitions > 0)
			check_descriptor(l, state, state->handlers[h].transitions[0]->path,
							 state->handlers[h].descriptor);
	for (int d = 0; d < state->ndefer; d++)
	{
		const char *path = psprintf("%s.defer[%d]", state->path, d);

		check_descriptor(l, state, path, state->defer[d]);
		if (wf_chart_reserved_prefix(state->defer[d], false) != NULL)
			wf_lint_finding_add(l, state, path, "never_deferred", NULL,
								"event \"%s\" is the engine's: it is for now or never",
								state->defer[d]);
	}
}

/* Report what people may choose in a task, and no state handles. */
static void
check_task(WfLinter *l, const WfState *state)
{
	for (int i = 0; state->task != NULL && state->task->named && i < state->task->nevents; i++)
		if (!wf_lint_sending_is_handled(l, state->task->events[i]))
			wf_lint_finding_add(l, state, psprintf("%s.task.events", state->path), "never_handled", NULL,
								"event \"%s\" can be chosen by people, and no state handles it",
								state->task->events[i]);
}

/* The keys of the initial context, NULL-terminated; NULL if they are not known here. */
static const char *const *
context_keys(const WfChart *chart)
{
	WfFaults	faults = {0};
	const WfValue *context = chart->context;
	const WfJson *json;
	const char **keys;
	int			n;

	if (context == NULL || (context->kind != WF_VALUE_CONST && context->kind != WF_VALUE_OBJECT))
		return NULL;
	json = context->kind == WF_VALUE_OBJECT ? NULL :
		wf_json_parse(context->text, strlen(context->text), &faults);
	if (context->kind == WF_VALUE_CONST && json == NULL)
		return NULL;
	n = json != NULL ? json->n : context->nparts;
	keys = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		keys[i] = json != NULL ? json->keys[i] : context->keys[i];
	keys[n] = NULL;
	return keys;
}

/* Report a sensitive field that the context has under a similar name: that one is shown. */
static void
check_sensitive(WfLinter *l)
{
	const WfChart *chart = l->chart;
	const char *const *keys = chart->nsensitive > 0 ? context_keys(chart) : NULL;

	for (int i = 0; keys != NULL && i < chart->nsensitive; i++)
	{
		const char *first = chart->sensitive[i] + (chart->sensitive[i][0] == '/');
		char	   *key = pnstrdup(first, strcspn(first, "/"));
		const char *hint = strpbrk(key, "~*") != NULL ? NULL : wf_diagnostic_spelling_hint(key, keys);

		for (const char *const *known = keys; *known != NULL && hint != NULL; known++)
			if (strcmp(*known, key) == 0)
				hint = NULL;
		if (hint != NULL)
			wf_lint_finding_add(l, &chart->states[0], psprintf("$.sensitive[%d]", i), "nothing_sensitive",
								hint, "the context has no \"%s\"", key);
	}
}

/* Report names in `delays` that nobody uses. */
static void
check_delays(WfLinter *l)
{
	for (int i = 0; i < l->chart->ndelays; i++)
		if (l->chart->delays[i]->name != NULL && !l->chart->delays[i]->used)
			wf_lint_finding_add(l, &l->chart->states[0], l->chart->delays[i]->path, "unused_delay", NULL,
								"nothing uses delay \"%s\"", l->chart->delays[i]->name);
}

/* Report what is sent in vain, and names that match nothing. */
void
wf_lint_sending(WfLinter *l)
{
	const WfChart *chart = l->chart;

	check_own(l);
	check_receivers(l);
	for (int s = 0; s < chart->nstates; s++)
		if (l->reachable[s])
		{
			check_descriptors(l, &chart->states[s]);
			check_task(l, &chart->states[s]);
		}
	for (int i = 0; i < chart->nevents; i++)
		check_descriptor(l, &chart->states[0], chart->events[i].path, chart->events[i].descriptor);
	check_delays(l);
	check_sensitive(l);
}

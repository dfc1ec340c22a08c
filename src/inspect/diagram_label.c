/*-------------------------------------------------------------------------
 *
 * diagram_label.c
 *	  The texts at the states and arrows of a diagram.
 *
 * Pure C.  The texts are plain; each format escapes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "inspect/diagram_label.h"
#include "inspect/diagram_text.h"

/* ----------------------------------------------------------------
 *						Transitions
 * ----------------------------------------------------------------
 */

/* Is this an event that tells of a step which was given up? */
static bool
is_given_up(const char *event)
{
	size_t		len = strlen(WF_STEP_ERROR_EVENT);

	return strncmp(event, WF_STEP_ERROR_EVENT, len) == 0 &&
		(event[len] == '\0' || event[len] == '.');
}

static bool
is_reply(const WfInvoke *invoke, const char *event, const char *prefix)
{
	size_t		len = strlen(prefix);

	return strncmp(event, prefix, len) == 0 &&
		strcmp(event + len, invoke->id) == 0;
}

/*
 * Append what happens to an event whose step fails: how often it is tried again,
 * and what then; a target is drawn as an arrow.
 */
static void
put_policy(StringInfo buf, const WfPolicy *policy)
{
	appendStringInfoString(buf, "on error");
	for (int i = 0; i < policy->nretries; i++)
	{
		const WfRetry *retry = &policy->retries[i];

		appendStringInfoString(buf, i > 0 ? ", " : " ");
		for (int j = 0; j < retry->nerrors; j++)
		{
			wf_diagram_text_piece(buf, retry->errors[j]);
			appendStringInfoChar(buf, ' ');
		}
		if (retry->max_attempts == WF_UNLIMITED)
			appendStringInfoString(buf, "retry without end");
		else
			appendStringInfo(buf, "retry %d times", retry->max_attempts);
	}
	if (policy->then == WF_THEN_ERROR)
		appendStringInfoString(buf, " then error");
	else if (policy->then == WF_THEN_TERMINATE)
		appendStringInfoString(buf, " then terminate");
	else if (policy->then == WF_THEN_EVENT)
	{
		appendStringInfoString(buf, " then ");
		wf_diagram_text_piece(buf, is_given_up(policy->event) ? "given up" : policy->event);
	}
}

/* Append what a handler reacts to, in the author's words. */
static void
put_event(StringInfo buf, const WfState *state, const WfHandler *handler)
{
	const char *event = handler->descriptor;

	if (state->done_event != NULL && strcmp(event, state->done_event) == 0)
	{
		appendStringInfoString(buf, "done");
		return;
	}
	if (is_given_up(event))
	{
		appendStringInfoString(buf, "given up");
		return;
	}
	for (int i = 0; i < state->ntimers; i++)
		if (strcmp(event, state->timers[i].event) == 0)
		{
			if (!state->timers[i].of_task)
				appendStringInfoString(buf, "after ");
			wf_diagram_text_piece(buf, state->timers[i].name);
			if (strspn(state->timers[i].name, "0123456789.") ==
				strlen(state->timers[i].name))
				appendStringInfoString(buf, " ms");
			if (state->timers[i].keep)
				appendStringInfoString(buf, " (kept)");
			return;
		}
	for (int i = 0; i < state->ninvokes; i++)
	{
		const WfInvoke *invoke = &state->invokes[i];
		bool		done = is_reply(invoke, event, "done.invoke.");

		if (!done && !is_reply(invoke, event, "error.invoke."))
			continue;
		wf_diagram_text_piece(buf, invoke->src);
		appendStringInfoString(buf, done ? " done" : " failed");
		return;
	}
	wf_diagram_text_piece(buf, event);
}

static void
put_actions(StringInfo buf, const WfDiagram *diagram, const WfActionList *actions)
{
	if (!diagram->names_only)
		wf_diagram_text_actions(buf, actions);
}

/*
 * Return the label of a transition: "event [guard] / actions", or with the
 * author's description in the place of guard and actions.
 */
static char *
label_of(const WfDiagram *diagram, const WfState *state,
		 const WfHandler *handler, const WfTransition *transition)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (handler != NULL)
		put_event(&buf, state, handler);
	else
		appendStringInfoString(&buf, "always");
	if (buf.len == 0)
		appendStringInfoChar(&buf, '?');	/* a name of white space */
	if (wf_diagram_text_has_words(transition->description))
	{
		appendStringInfoString(&buf, " - ");
		wf_diagram_text_description(&buf, transition->description);
		return buf.data;
	}
	if (transition->guard != NULL && !diagram->names_only)
	{
		appendStringInfoString(&buf, " [");
		wf_diagram_text_guard(&buf, diagram->chart, transition->guard);
		appendStringInfoChar(&buf, ']');
	}
	if (transition->reenter && !transition->targetless)
		appendStringInfoString(&buf, " (reenter)");
	put_actions(&buf, diagram, &transition->actions);
	if (transition->on_error != state->on_error && !diagram->names_only)
	{
		appendStringInfoString(&buf, " (");
		put_policy(&buf, transition->on_error);
		appendStringInfoChar(&buf, ')');
	}
	return buf.data;
}

/*
 * Return the label of a default transition: " / actions", or "" if it has
 * none.
 */
char *
wf_diagram_label_default(const WfDiagram *diagram, const WfTransition *transition)
{
	StringInfoData buf;

	initStringInfo(&buf);
	put_actions(&buf, diagram, &transition->actions);
	return buf.data;
}

/* A transition and the handler it belongs to. */
typedef struct Leaving
{
	const WfTransition *transition;
	const WfHandler *handler;	/* NULL: always */
} Leaving;

static int
compare_leaving(const void *a, const void *b)
{
	return ((const Leaving *) a)->transition->order -
		((const Leaving *) b)->transition->order;
}

/*
 * Return the transitions of a state in the order of the text; *n is their
 * number.
 */
static Leaving *
transitions_of(const WfState *state, int *n)
{
	Leaving    *list;
	int			size = state->nalways;

	for (int i = 0; i < state->nhandlers; i++)
		size += state->handlers[i].ntransitions;
	list = palloc((size + 1) * sizeof(Leaving));
	*n = 0;
	for (int i = 0; i < state->nalways; i++)
		list[(*n)++] = (Leaving) {state->always[i], NULL};
	for (int i = 0; i < state->nhandlers; i++)
		for (int j = 0; j < state->handlers[i].ntransitions; j++)
			list[(*n)++] = (Leaving) {state->handlers[i].transitions[j],
				&state->handlers[i]};
	qsort(list, *n, sizeof(Leaving), compare_leaving);
	return list;
}

/*
 * Call `edge` for every transition that has a target, state by state, in the
 * order of the text.
 */
void
wf_diagram_label_edges(const WfDiagram *diagram, WfDiagramEdge edge, void *arg)
{
	for (int i = 0; i < diagram->chart->nstates; i++)
	{
		const WfState *state = &diagram->chart->states[i];
		int			n;
		Leaving    *list = transitions_of(state, &n);

		for (int j = 0; j < n; j++)
			if (!list[j].transition->targetless)
				edge(arg, state, list[j].transition,
					 label_of(diagram, state, list[j].handler,
							  list[j].transition));
	}
}

/* ----------------------------------------------------------------
 *						States
 * ----------------------------------------------------------------
 */

/* Begin a line with the indentation of the current depth. */
void
wf_diagram_label_line(WfDiagramWriter *w)
{
	for (int i = 0; i < w->depth; i++)
		appendStringInfoString(&w->buf, "    ");
}

/* Is an active state one in which no other is active? */
bool
wf_diagram_label_is_leaf(const WfDiagram *diagram, const WfState *state)
{
	for (int i = 0; i < state->nchildren; i++)
		if (diagram->active[state->children[i]])
			return false;
	return true;
}

/*
 * Is the root drawn as a state, and not only what is in it?  That is
 * necessary if the root itself has something to show.
 */
bool
wf_diagram_label_shows_root(const WfDiagram *diagram)
{
	const WfState *root = &diagram->chart->states[0];

	return root->kind != WF_STATE_COMPOUND || root->nhandlers > 0 ||
		root->nalways > 0 || root->ninvokes > 0 || root->ndefer > 0 || root->task != NULL ||
		root->entry.n > 0 || root->exit.n > 0 || wf_diagram_text_has_words(root->description) ||
		(root->on_error != NULL && !diagram->names_only);
}

/*
 * Return the title of a state: "open", "before (H*)" for a history state, or
 * "lost (failure)" for an end that is one.
 * One whose name is but white space is called by its number, as in the diagram.
 */
char *
wf_diagram_label_title(const WfDiagram *diagram, const WfState *state)
{
	StringInfoData buf;

	initStringInfo(&buf);
	wf_diagram_text_piece(&buf, state->key);
	if (buf.len == 0)
		appendStringInfo(&buf, "s%d", state->id);
	if (state->kind == WF_STATE_HISTORY)
		appendStringInfoString(&buf, state->deep ? " (H*)" : " (H)");
	if (state->failure)
		appendStringInfoString(&buf, " (failure)");
	return buf.data;
}

static char *
action_line(const WfDiagram *diagram, const char *when,
			const WfActionList *actions)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, when);
	put_actions(&buf, diagram, actions);
	return buf.data;
}

static char *
defer_line(const WfState *state)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "defer");
	for (int i = 0; i < state->ndefer; i++)
	{
		appendStringInfoString(&buf, i > 0 ? ", " : " ");
		wf_diagram_text_piece(&buf, state->defer[i]);
	}
	return buf.data;
}

static char *
invoke_line(const WfInvoke *invoke)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, invoke->is_job ? "job " : "invoke ");
	wf_diagram_text_piece(&buf, invoke->src);
	if (invoke->map != NULL)
	{
		appendStringInfoString(&buf, " for each ");
		wf_diagram_text_piece(&buf, invoke->map->as);
	}
	if (invoke->detached)
		appendStringInfoString(&buf, " (detached)");
	return buf.data;
}

static char *
task_line(const WfTask *task)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "task for ");
	wf_diagram_text_people(&buf, task->people);
	if (task->need == 0)
		appendStringInfoString(&buf, " (all)");
	else if (task->need > 1)
		appendStringInfo(&buf, " (%d of them)", task->need);
	return buf.data;
}

static char *
description_line(const WfState *state)
{
	StringInfoData buf;

	initStringInfo(&buf);
	wf_diagram_text_description(&buf, state->description);
	return buf.data;
}

static char *
policy_line(const WfPolicy *policy)
{
	StringInfoData buf;

	initStringInfo(&buf);
	put_policy(&buf, policy);
	return buf.data;
}

/* Has a state an `on_error` of its own? */
static bool
has_policy(const WfDiagram *diagram, const WfState *state)
{
	return state->on_error != NULL &&
		(state->parent == WF_NO_STATE ||
		 diagram->chart->states[state->parent].on_error != state->on_error);
}

/*
 * Return the lines that are written into a state: its description, its entry
 * and exit actions, invokes, task, deferred events, transitions without a target, and
 * what happens on errors.  *n is their number.
 */
char **
wf_diagram_label_lines(const WfDiagram *diagram, const WfState *state, int *n)
{
	bool		names_only = diagram->names_only;
	int			nlist;
	Leaving    *list = transitions_of(state, &nlist);
	char	  **lines = palloc((nlist + state->ninvokes + 6) * sizeof(char *));

	*n = 0;
	if (wf_diagram_text_has_words(state->description))
		lines[(*n)++] = description_line(state);
	if (state->entry.n > 0 && !names_only)
		lines[(*n)++] = action_line(diagram, "entry", &state->entry);
	if (state->exit.n > 0 && !names_only)
		lines[(*n)++] = action_line(diagram, "exit", &state->exit);
	for (int i = 0; i < state->ninvokes && !names_only; i++)
		lines[(*n)++] = invoke_line(&state->invokes[i]);
	if (state->task != NULL && !names_only)
		lines[(*n)++] = task_line(state->task);
	if (state->ndefer > 0)
		lines[(*n)++] = defer_line(state);
	for (int i = 0; i < nlist; i++)
		if (list[i].transition->targetless)
			lines[(*n)++] = label_of(diagram, state, list[i].handler,
									 list[i].transition);
	if (has_policy(diagram, state) && !names_only)
		lines[(*n)++] = policy_line(state->on_error);
	return lines;
}

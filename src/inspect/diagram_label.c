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

/* In bytes.  Longer expressions, parameters and names are cut off. */
#define LONGEST_PIECE	60

/* The same of descriptions, which are written to be read. */
#define LONGEST_DESCRIPTION	160

/*
 * Append a text of the author's on one line.  Beyond `longest` bytes it is cut
 * off before an ASCII character only, which is the first byte of a character in
 * every encoding that a server has.
 */
static void
put_line(StringInfo buf, const char *text, int longest)
{
	int			len = 0;
	bool		space = false;

	for (; *text; text++)
	{
		unsigned char c = *text;

		if (len >= longest && c < 0x80)
		{
			appendStringInfoString(buf, "...");
			return;
		}
		if (c <= ' ' || c == 0x7f)
		{
			space = len > 0;
			continue;
		}
		if (space)
			appendStringInfoChar(buf, ' ');
		space = false;
		appendStringInfoChar(buf, c);
		len++;
	}
}

static void
put_piece(StringInfo buf, const char *text)
{
	put_line(buf, text, LONGEST_PIECE);
}

/* Has a description, which may be NULL, anything to show? */
static bool
has_words(const char *text)
{
	for (; text != NULL && *text; text++)
		if ((unsigned char) *text > ' ' && *text != 0x7f)
			return true;
	return false;
}

/* ----------------------------------------------------------------
 *						What the author computes
 * ----------------------------------------------------------------
 */

static void
put_expr(StringInfo buf, const WfExpr *expr)
{
	put_piece(buf, expr->text);
	if (expr->is_function && expr->params != NULL)
	{
		appendStringInfoChar(buf, '(');
		put_piece(buf, expr->params);
		appendStringInfoChar(buf, ')');
	}
}

/* Append a value; a plain string without its quotes. */
static void
put_value(StringInfo buf, const WfValue *value)
{
	int			len;

	if (value->kind == WF_VALUE_EXPR)
	{
		put_expr(buf, value->expr);
		return;
	}
	if (value->kind != WF_VALUE_CONST)
	{
		appendStringInfoString(buf, "...");
		return;
	}
	len = strlen(value->text);
	if (value->text[0] == '"' && strchr(value->text, '\\') == NULL)
		put_piece(buf, pnstrdup(value->text + 1, len - 2));
	else
		put_piece(buf, value->text);
}

static void
put_guard(StringInfo buf, const WfChart *chart, const WfGuard *guard,
		  bool inner)
{
	bool		several = guard->nparts > 1;

	switch (guard->kind)
	{
		case WF_GUARD_EXPR:
			put_expr(buf, guard->expr);
			return;
		case WF_GUARD_IN_STATE:
			appendStringInfoString(buf, "in ");
			put_piece(buf, chart->states[guard->state].name);
			return;
		case WF_GUARD_NOT:
			appendStringInfoString(buf, "not ");
			put_guard(buf, chart, guard->parts[0], true);
			return;
		default:
			break;
	}
	if (guard->nparts == 0)
		appendStringInfoString(buf, guard->kind == WF_GUARD_AND ?
							   "true" : "false");
	if (several && inner)
		appendStringInfoChar(buf, '(');
	for (int i = 0; i < guard->nparts; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, guard->kind == WF_GUARD_AND ?
								   " and " : " or ");
		put_guard(buf, chart, guard->parts[i], true);
	}
	if (several && inner)
		appendStringInfoChar(buf, ')');
}

static void
put_delay(StringInfo buf, const WfDelay *delay)
{
	if (delay == NULL || delay->kind == WF_DELAY_NONE)
		return;
	appendStringInfoString(buf, " after ");
	if (delay->name != NULL)
		put_piece(buf, delay->name);
	else if (delay->kind == WF_DELAY_MS)
		appendStringInfo(buf, INT64_FORMAT " ms", delay->ms);
	else if (delay->kind == WF_DELAY_TEXT)
		put_piece(buf, delay->text);
	else if (delay->kind == WF_DELAY_WORKING)
	{
		put_piece(buf, delay->text);
		appendStringInfoString(buf, " of ");
		put_piece(buf, delay->calendar);
	}
	else if (delay->kind == WF_DELAY_RECURRING)
		put_piece(buf, delay->recurring->cron != NULL ? delay->recurring->cron :
				  delay->recurring->rule != NULL ? delay->recurring->rule : delay->recurring->every);
	else if (delay->kind == WF_DELAY_EXPR)
		put_expr(buf, delay->expr);
	else
		appendStringInfoString(buf, "never");
}

static void
put_action(StringInfo buf, const WfAction *action)
{
	switch (action->kind)
	{
		case WF_ACTION_CALL:
			put_expr(buf, action->expr);
			break;
		case WF_ACTION_ASSIGN:
			appendStringInfoString(buf, "assign ");
			if (action->expr != NULL)
				put_expr(buf, action->expr);
			for (int i = 0; i < action->nkeys; i++)
			{
				if (i > 0)
					appendStringInfoString(buf, ", ");
				put_piece(buf, action->keys[i]);
			}
			break;
		case WF_ACTION_RAISE:
		case WF_ACTION_SEND:
			appendStringInfoString(buf, action->kind == WF_ACTION_RAISE ?
								   "raise " : "send ");
			put_value(buf, action->event_type);
			if (action->target != NULL)
			{
				appendStringInfoString(buf, " to ");
				put_value(buf, action->target);
			}
			put_delay(buf, action->delay);
			break;
		case WF_ACTION_CANCEL:
			appendStringInfoString(buf, "cancel ");
			put_value(buf, action->send_id);
			break;
		case WF_ACTION_LOG:
			appendStringInfoString(buf, "log ");
			if (action->label != NULL)
				put_piece(buf, action->label);
			else
				put_value(buf, action->event_data);
			break;
		case WF_ACTION_CHOOSE:
			appendStringInfoString(buf, "choose ...");
			break;
		case WF_ACTION_FOREACH:
			appendStringInfoString(buf, "foreach ");
			put_piece(buf, action->item);
			appendStringInfoString(buf, " ...");
			break;
	}
}

static void
put_actions(StringInfo buf, const WfDiagram *diagram,
			const WfActionList *actions)
{
	if (actions->n == 0 || diagram->names_only)
		return;
	appendStringInfoString(buf, " / ");
	for (int i = 0; i < actions->n; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, ", ");
		put_action(buf, actions->items[i]);
	}
}

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
			put_piece(buf, retry->errors[j]);
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
		put_piece(buf, is_given_up(policy->event) ? "given up" : policy->event);
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
			put_piece(buf, state->timers[i].name);
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
		put_piece(buf, invoke->src);
		appendStringInfoString(buf, done ? " done" : " failed");
		return;
	}
	put_piece(buf, event);
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
	if (has_words(transition->description))
	{
		appendStringInfoString(&buf, " - ");
		put_line(&buf, transition->description, LONGEST_DESCRIPTION);
		return buf.data;
	}
	if (transition->guard != NULL && !diagram->names_only)
	{
		appendStringInfoString(&buf, " [");
		put_guard(&buf, diagram->chart, transition->guard, false);
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
		root->entry.n > 0 || root->exit.n > 0 || has_words(root->description) ||
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
	put_piece(&buf, state->key);
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
		put_piece(&buf, state->defer[i]);
	}
	return buf.data;
}

static char *
invoke_line(const WfInvoke *invoke)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, invoke->is_job ? "job " : "invoke ");
	put_piece(&buf, invoke->src);
	if (invoke->map != NULL)
	{
		appendStringInfoString(&buf, " for each ");
		put_piece(&buf, invoke->map->as);
	}
	if (invoke->detached)
		appendStringInfoString(&buf, " (detached)");
	return buf.data;
}

/* Whom a value names, as far as that is written down. */
static void
put_people(StringInfo buf, const WfValue *value)
{
	if (value->kind == WF_VALUE_EXPR)
		put_piece(buf, value->expr->text);
	else if (value->kind == WF_VALUE_CONST)
	{
		StringInfoData names;

		/* a string, or an array of them: without quotes and brackets */
		initStringInfo(&names);
		for (const char *c = value->text; *c; c++)
			if (*c == ',')
				appendStringInfoString(&names, ", ");
			else if (strchr("[]\"", *c) == NULL)
				appendStringInfoChar(&names, *c);
		put_piece(buf, names.data);
	}
	for (int i = 0; i < value->nparts; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, ", ");
		put_people(buf, value->parts[i]);
	}
}

static char *
task_line(const WfTask *task)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "task for ");
	put_people(&buf, task->people);
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
	put_line(&buf, state->description, LONGEST_DESCRIPTION);
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
	if (has_words(state->description))
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

/*-------------------------------------------------------------------------
 *
 * lint_reach.c
 *	  Which states can become active, and where a process can go from
 *	  there.
 *
 * Pure C.  Every guard is assumed to be able to hold, and every event to
 * come.  So a state that is called unreachable here is unreachable whatever
 * happens.
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
#include "inspect/lint_finding.h"
#include "inspect/lint_list.h"
#include "inspect/lint_reach.h"
#include "inspect/linter.h"

/* ----------------------------------------------------------------
 *						Becoming active
 * ----------------------------------------------------------------
 */

/* The search for states that can become active. */
typedef struct Search
{
	WfLinter   *l;
	bool	   *by_default;		/* by state: it was entered by default */
	WfStateId  *queue;			/* reachable states, in the order found */
	int			n;
} Search;

static void enter(Search *s, WfStateId id);

/* Note that a state is reachable. */
static void
mark(Search *s, WfStateId id)
{
	if (s->l->reachable[id])
		return;
	s->l->reachable[id] = true;
	s->queue[s->n++] = id;
}

/*
 * Enter a target and the states around it, up to the domain, which stays
 * active.  The other regions of a parallel state on the way are entered by
 * default.
 */
static void
enter_target(Search *s, WfStateId target, WfStateId domain)
{
	const WfState *states = s->l->chart->states;
	WfStateId	inner = target;

	enter(s, target);
	for (WfStateId up = states[target].parent;
		 up != WF_NO_STATE && up != domain; up = states[up].parent)
	{
		const WfState *state = &states[up];

		mark(s, up);
		for (int i = 0; i < state->nchildren &&
			 state->kind == WF_STATE_PARALLEL; i++)
			if (state->children[i] != inner &&
				states[state->children[i]].kind != WF_STATE_HISTORY)
				enter(s, state->children[i]);
		inner = up;
	}
}

static void
enter_targets(Search *s, const WfTransition *transition)
{
	/* with a history state, the domain is not known */
	WfStateId	domain = transition->has_history ? WF_NO_STATE :
		transition->domain;

	for (int i = 0; i < transition->ntargets; i++)
		enter_target(s, transition->targets[i], domain);
}

/* Enter a state, and what is entered by default with it. */
static void
enter(Search *s, WfStateId id)
{
	const WfState *states = s->l->chart->states;
	const WfState *state = &states[id];
	const WfTransition *down = state->initial;

	mark(s, id);
	if (s->by_default[id])
		return;
	s->by_default[id] = true;
	if (state->kind == WF_STATE_HISTORY && down == NULL)
	{
		/* without memory it stands for the default of its parent */
		if (states[state->parent].kind == WF_STATE_PARALLEL)
			enter(s, state->parent);
		down = states[state->parent].initial;
	}
	if (down != NULL)
		enter_targets(s, down);
	for (int i = 0; i < state->nchildren &&
		 state->kind == WF_STATE_PARALLEL; i++)
		if (states[state->children[i]].kind != WF_STATE_HISTORY)
			enter(s, state->children[i]);
}

/*
 * Enter the targets of the transitions of a list that can be taken: none has
 * the guard false, or stands behind one that is certain.
 */
static void
follow(Search *s, WfTransition *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!wf_lint_list_is_false(s->l->chart, list[i]->guard))
			enter_targets(s, list[i]);
		if (wf_lint_list_is_certain(list[i]))
			break;
	}
}

/*
 * Can a state be done: has it a reachable final child, or only regions that
 * can be done?
 */
static bool
can_end(const WfLinter *l, const WfState *state)
{
	const WfState *states = l->chart->states;

	if (state->kind == WF_STATE_FINAL)
		return true;
	for (int i = 0; i < state->nchildren; i++)
	{
		const WfState *child = &states[state->children[i]];

		if (state->kind == WF_STATE_COMPOUND &&
			child->kind == WF_STATE_FINAL && l->reachable[child->id])
			return true;
		if (state->kind == WF_STATE_PARALLEL &&
			child->kind != WF_STATE_HISTORY && !l->endable[child->id])
			return false;
	}
	return state->kind == WF_STATE_PARALLEL;
}

/* Compute l->reachable and l->endable. */
void
wf_lint_reach(WfLinter *l)
{
	const WfChart *chart = l->chart;
	Search		search = {.l = l};

	l->reachable = palloc0(chart->nstates * sizeof(bool));
	l->endable = palloc0(chart->nstates * sizeof(bool));
	search.by_default = palloc0(chart->nstates * sizeof(bool));
	search.queue = palloc(chart->nstates * sizeof(WfStateId));
	enter(&search, 0);
	for (int next = 0; next < search.n; next++)
	{
		const WfState *state = &chart->states[search.queue[next]];

		follow(&search, state->always, state->nalways);
		for (int i = 0; i < state->nhandlers; i++)
			follow(&search, state->handlers[i].transitions,
				   state->handlers[i].ntransitions);
	}

	/* children have higher numbers than their parents */
	for (int i = chart->nstates - 1; i >= 0; i--)
		l->endable[i] = can_end(l, &chart->states[i]);
}

/* ----------------------------------------------------------------
 *						Ways out
 * ----------------------------------------------------------------
 */

/* Does a state react to anything but its own end? */
static bool
reacts(const WfState *state)
{
	if (state->nalways > 0 || state->ntimers > 0 || state->ninvokes > 0)
		return true;
	for (int i = 0; i < state->nhandlers; i++)
		if (state->done_event == NULL ||
			strcmp(state->handlers[i].descriptor, state->done_event) != 0)
			return true;
	return false;
}

/* May a transition exit a state? */
static bool
may_leave(const WfLinter *l, const WfTransition *transition,
		  const WfState *state)
{
	return transition->has_history || wf_lint_list_leaves(l, transition, state);
}

/* Can a transition of a state in another region exit this state? */
static bool
is_left_with(const WfLinter *l, const WfState *other, const WfState *state)
{
	for (int i = 0; i < other->nalways; i++)
		if (may_leave(l, other->always[i], state))
			return true;
	for (int i = 0; i < other->nhandlers; i++)
		for (int j = 0; j < other->handlers[i].ntransitions; j++)
			if (may_leave(l, other->handlers[i].transitions[j], state))
				return true;
	return false;
}

/*
 * Can a process that is in this atomic state go on?  That is so if the state
 * itself or an enclosing one reacts to anything, or if a transition in
 * another region exits it.
 */
bool
wf_lint_reach_has_exit(const WfLinter *l, const WfState *state)
{
	const WfState *states = l->chart->states;
	const WfState *inner = state;

	WF_MAY_BE_CANCELLED();
	if (reacts(state))
		return true;
	for (WfStateId up = state->parent; up != WF_NO_STATE;
		 up = states[up].parent)
	{
		if (reacts(&states[up]))
			return true;
		if (states[up].kind == WF_STATE_PARALLEL)
			for (int i = up + 1; i <= states[up].last; i++)
				if (l->reachable[i] && (i < inner->id || i > inner->last) &&
					is_left_with(l, &states[i], state))
					return true;
		inner = &states[up];
	}
	return false;
}

/* ----------------------------------------------------------------
 *						Endless cycles
 * ----------------------------------------------------------------
 */

/*
 * Return the eventless transition that a process in this innermost state
 * certainly takes, whatever the guards yield, or NULL.
 */
static const WfTransition *
certain_step(const WfChart *chart, WfStateId leaf)
{
	for (WfStateId up = leaf; up != WF_NO_STATE; up = chart->states[up].parent)
	{
		const WfState *state = &chart->states[up];

		if (state->kind == WF_STATE_PARALLEL)
			return NULL;
		if (state->nalways == 0)
			continue;
		return wf_lint_list_is_certain(state->always[0]) ? state->always[0] : NULL;
	}
	return NULL;
}

/*
 * Return the innermost state that a certain step leads to, or WF_NO_STATE if
 * that is not certain.
 */
static WfStateId
certain_leaf(const WfChart *chart, WfStateId leaf, const WfTransition *step)
{
	WfStateId	at;

	if (step->targetless)
		return leaf;
	if (step->ntargets != 1)
		return WF_NO_STATE;
	for (at = step->targets[0]; chart->states[at].kind == WF_STATE_COMPOUND;
		 at = chart->states[at].initial->targets[0])
		if (chart->states[at].initial->ntargets != 1)
			return WF_NO_STATE;
	return chart->states[at].kind == WF_STATE_ATOMIC ? at : WF_NO_STATE;
}

static void
report_cycle(WfLinter *l, const WfStateId *next, WfStateId leaf)
{
	const WfChart *chart = l->chart;
	const WfTransition *step = certain_step(chart, leaf);
	StringInfoData names;

	/* the compiler has warned about this case */
	if (step->targetless && chart->states[step->source].kind == WF_STATE_ATOMIC)
		return;
	initStringInfo(&names);
	appendStringInfo(&names, "\"%s\"", chart->states[leaf].name);
	for (WfStateId at = next[leaf]; at != leaf; at = next[at])
		appendStringInfo(&names, ", \"%s\"", chart->states[at].name);
	wf_lint_finding_add(l, &chart->states[step->source], step->path, "endless",
						"Give one of them a guard, or an event.",
						"states lead to each other for ever, without an event or a "
						"guard: %s", names.data);
}

/*
 * Report states that lead to each other for ever without an event.  Each
 * innermost state has at most one certain successor, so it suffices to walk
 * from each state until a state was seen before.
 */
void
wf_lint_reach_cycles(WfLinter *l)
{
	const WfChart *chart = l->chart;
	WfStateId  *next = palloc(chart->nstates * sizeof(WfStateId));
	int		   *seen = palloc0(chart->nstates * sizeof(int));

	for (int i = 0; i < chart->nstates; i++)
	{
		const WfTransition *step = NULL;

		next[i] = WF_NO_STATE;
		if (chart->states[i].kind == WF_STATE_ATOMIC && l->reachable[i])
			step = certain_step(chart, i);
		if (step != NULL)
			next[i] = certain_leaf(chart, i, step);
	}
	for (int i = 0; i < chart->nstates; i++)
	{
		WfStateId	at = i;

		while (at != WF_NO_STATE && seen[at] == 0)
		{
			seen[at] = i + 1;
			at = next[at];
		}
		if (at != WF_NO_STATE && seen[at] == i + 1)
			report_cycle(l, next, at);
	}
}

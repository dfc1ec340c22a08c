/*-------------------------------------------------------------------------
 *
 * lint_list.c
 *	  Rules about lists of transitions: guards, and which transitions
 *	  shadow others.
 *
 * Pure C.  A transition is certain if its event alone suffices to take it:
 * it has no guard, and everybody may cause it.
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
#include "chart/duration.h"
#include "compiler/deparse.h"
#include "inspect/lint_finding.h"
#include "inspect/lint_list.h"
#include "inspect/linter.h"

/*
 * Guards that are farther apart in a list are not compared, because the
 * number of comparisons would grow with the square of the list.
 */
#define FARTHEST_SHADOW		100

/* ----------------------------------------------------------------
 *						Guards
 * ----------------------------------------------------------------
 */

/*
 * Is a guard, which may be NULL, always false: the constant, or that a history
 * state is active?
 */
bool
wf_lint_list_is_false(const WfChart *chart, const WfGuard *guard)
{
	if (guard == NULL)
		return false;
	if (guard->kind == WF_GUARD_IN_STATE)
		return chart->states[guard->state].kind == WF_STATE_HISTORY;
	return guard->kind == WF_GUARD_OR && guard->nparts == 0;
}

/* Is a transition taken whenever its event comes and nothing precedes it? */
bool
wf_lint_list_is_certain(const WfTransition *transition)
{
	return transition->guard == NULL && transition->allow == NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_guard(const WfGuard *a, const WfGuard *b)
{
	if (a->kind != b->kind || a->nparts != b->nparts || a->state != b->state)
		return false;
	if (a->kind == WF_GUARD_EXPR)
		return a->expr->is_function == b->expr->is_function &&
			same_text(a->expr->text, b->expr->text) &&
			same_text(a->expr->params, b->expr->params);
	for (int i = 0; i < a->nparts; i++)
		if (!same_guard(a->parts[i], b->parts[i]))
			return false;
	return true;
}

/* Is guard a the guard b, or an alternative of b? */
static bool
is_enough(const WfGuard *a, const WfGuard *b)
{
	if (same_guard(a, b))
		return true;
	for (int i = 0; i < b->nparts && b->kind == WF_GUARD_OR; i++)
		if (is_enough(a, b->parts[i]))
			return true;
	return false;
}

/*
 * Does guard b hold whenever guard a does, as far as their form shows it?
 * That is so if a conjunct of a is among the alternatives of b.  Each pair
 * is compared once; taking a and b apart alternately would be exponential.
 */
static bool
implies(const WfGuard *a, const WfGuard *b)
{
	if (is_enough(a, b))
		return true;
	for (int i = 0; i < a->nparts && a->kind == WF_GUARD_AND; i++)
		if (implies(a->parts[i], b))
			return true;
	return false;
}

/*
 * Is one of two guards the negation of the other, so that one of them always
 * holds?
 */
static bool
is_negation(const WfGuard *a, const WfGuard *b)
{
	return (a->kind == WF_GUARD_NOT && same_guard(a->parts[0], b)) ||
		(b->kind == WF_GUARD_NOT && same_guard(b->parts[0], a));
}

/* ----------------------------------------------------------------
 *						The order of a list
 * ----------------------------------------------------------------
 */

/* Is a state certainly exited when a transition is taken? */
bool
wf_lint_list_leaves(const WfLinter *l, const WfTransition *transition,
					const WfState *state)
{
	const WfState *states = l->chart->states;

	if (transition->targetless)
		return false;
	for (int i = 0; i < transition->ntargets; i++)
	{
		const WfState *target = &states[transition->targets[i]];

		/* the history state may stand for the state or one inside of it */
		if (target->kind == WF_STATE_HISTORY &&
			(target->parent == state->id || target->parent == 0 ||
			 wf_is_descendant(l->chart, state->id, target->parent) ||
			 wf_is_descendant(l->chart, target->parent, state->id)))
			return false;
	}
	return transition->domain == WF_NO_STATE ||
		wf_is_descendant(l->chart, state->id, transition->domain);
}

/* Can an event come without any transition of a list being taken? */
static bool
may_fall_through(WfTransition *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (wf_lint_list_is_certain(list[i]))
			return false;
		for (int j = Max(0, i - FARTHEST_SHADOW); j < i; j++)
			if (list[i]->allow == NULL && list[j]->allow == NULL &&
				is_negation(list[i]->guard, list[j]->guard))
				return false;
	}
	return true;
}

/*
 * Return the index of an earlier transition that is taken whenever the i-th
 * could be, or -1.
 */
static int
find_shadow(WfTransition *const *list, int i)
{
	if (list[i]->guard == NULL)
		return -1;
	for (int j = Max(0, i - FARTHEST_SHADOW); j < i; j++)
		if (list[j]->allow == NULL && list[j]->guard != NULL &&
			implies(list[i]->guard, list[j]->guard))
			return j;
	return -1;
}

/*
 * Report transitions that can never be taken, because one before them is
 * certain, or has a guard that holds whenever their own does.
 */
static void
check_order(WfLinter *l, const WfState *state, WfTransition *const *list,
			int n)
{
	int			certain = -1;

	for (int i = 0; i < n; i++)
	{
		int			shadow;

		WF_MAY_BE_CANCELLED();
		if (wf_lint_list_is_false(l->chart, list[i]->guard))
			wf_lint_finding_add(l, state, list[i]->path, "dead", NULL,
								"transition can never be taken: its guard is false");
		else if (certain >= 0)
			wf_lint_finding_add(l, state, list[i]->path, "dead",
								"Put the transition without a guard last.",
								"transition can never be taken: %s comes before it and "
								"has no guard", list[certain]->path);
		else if ((shadow = find_shadow(list, i)) >= 0)
			wf_lint_finding_add(l, state, list[i]->path, "repeated_guard", NULL,
								"transition can never be taken: the guard of %s, which "
								"comes before it, holds whenever its own does",
								list[shadow]->path);
		if (certain < 0 && wf_lint_list_is_certain(list[i]))
			certain = i;
	}
}

/* ----------------------------------------------------------------
 *						Timers
 * ----------------------------------------------------------------
 */


/*
 * Return the transition of a timer of `owner` that certainly leads out of a
 * state when the timer is due, or NULL.
 */
static const WfTransition *
certain_exit(const WfLinter *l, const WfState *owner, const WfTimer *timer,
			 const WfState *state)
{
	const WfHandler *handler = wf_deparse_handler(owner, timer->event);

	if (handler == NULL || handler->ntransitions == 0 ||
		!wf_lint_list_is_certain(handler->transitions[0]) ||
		!wf_lint_list_leaves(l, handler->transitions[0], state))
		return NULL;
	return handler->transitions[0];
}

/* May a transition that leaves a state enter it again? */
static bool
may_enter_again(const WfLinter *l, const WfTransition *transition, const WfState *state)
{
	const WfChart *chart = l->chart;

	for (int i = 0; i < transition->ntargets; i++)
	{
		WfStateId	target = transition->targets[i];
		WfStateId	common = wf_chart_common(chart, target, state->id);

		/* the target is the state, in it or around it, or in another region */
		if (target == state->id || wf_is_descendant(chart, target, state->id) ||
			wf_is_descendant(chart, state->id, target) ||
			common == WF_NO_STATE || chart->states[common].kind == WF_STATE_PARALLEL ||
			chart->states[target].kind == WF_STATE_HISTORY)
			return true;
	}
	return false;
}

/* May a process go on without an event from outside once it is in a state? */
static bool
may_go_on(const WfChart *chart)
{
	if (chart->has_always || strstr(chart->features, "raise") != NULL ||
		strstr(chart->features, "send") != NULL || strstr(chart->features, "invoke") != NULL)
		return true;
	for (int i = 1; i < chart->nstates; i++)
		if (chart->states[i].kind == WF_STATE_FINAL && chart->states[i].parent != 0)
			return true;
	return false;
}

/*
 * May a timer with `keep` outlive a transition that leaves its state?  It does
 * if the state is entered again before the step ends, be it by a transition
 * without an event or for an event of the process's own.
 */
static bool
may_be_kept(const WfLinter *l, const WfTransition *transition, const WfState *state)
{
	const WfChart *chart = l->chart;

	if (may_enter_again(l, transition, state))
		return true;
	for (int i = 0; i < transition->ntargets; i++)
	{
		const WfState *target = &chart->states[transition->targets[i]];

		if (target->kind != WF_STATE_FINAL || target->parent != 0)
			return may_go_on(chart);
	}
	return false;
}

/*
 * Report a timer that cannot be due before another timer of the same state
 * or of an enclosing one exits the state.  The timer of an enclosing state
 * was started no later, and of two timers that are due at the same time the
 * one that was started first comes first.
 */
static void
check_timer(WfLinter *l, const WfState *state, int index)
{
	const WfState *states = l->chart->states;
	const WfTimer *timer = &state->timers[index];
	const WfHandler *handler = wf_deparse_handler(state, timer->event);
	WfDuration	mine;

	if (!wf_duration(timer->delay, &mine) || handler == NULL ||
		handler->ntransitions == 0)
		return;
	for (WfStateId up = state->id; up != WF_NO_STATE; up = states[up].parent)
		for (int i = 0; i < states[up].ntimers; i++)
		{
			const WfTimer *other = &states[up].timers[i];
			const WfTransition *exit;
			WfDuration	its;

			if (other == timer || !wf_duration(other->delay, &its) ||
				its.longest > mine.shortest ||
				(its.longest == mine.shortest && up == state->id &&
				 i > index))
				continue;
			exit = certain_exit(l, &states[up], other, state);
			if (exit == NULL || (timer->keep && may_be_kept(l, exit, state)))
				continue;
			wf_lint_finding_add(l, state, handler->transitions[0]->path,
								"shadowed_timer",
								!timer->keep && may_enter_again(l, exit, state) ?
								"Write \"keep\": true, so that it runs on when the state is entered again." :
								NULL,
								"timer never fires: timer \"%s\" of state \"%s\" exits "
								"the state before",
								other->name, states[up].name);
			return;
		}
}

/* ----------------------------------------------------------------
 *						All lists of a state
 * ----------------------------------------------------------------
 */

/*
 * Does an event come only once, so that it is lost if no transition takes
 * it?
 */
static bool
comes_once(const char *event)
{
	return strncmp(event, "after.", 6) == 0 ||
		strncmp(event, "done.", 5) == 0 || strncmp(event, WF_TASK_UNDECIDED, strlen(WF_TASK_UNDECIDED)) == 0;
}

/*
 * Does another handler match the event, in the state or in one that encloses
 * it?
 */
static bool
is_handled_elsewhere(const WfLinter *l, const WfState *state,
					 const WfHandler *handler)
{
	for (WfStateId up = state->id; up != WF_NO_STATE;
		 up = l->chart->states[up].parent)
	{
		const WfState *at = &l->chart->states[up];

		for (int i = 0; i < at->nhandlers; i++)
			if (&at->handlers[i] != handler && at->handlers[i].ntransitions > 0 &&
				wf_chart_descriptor_matches(at->handlers[i].descriptor,
											handler->descriptor))
				return true;
	}
	return false;
}

/* Is a state exited, by `always`, before it can receive an event? */
static bool
is_transient(const WfLinter *l, const WfState *state)
{
	if (state->kind != WF_STATE_ATOMIC ||
		may_fall_through(state->always, state->nalways))
		return false;
	for (int i = 0; i < state->nalways; i++)
		if (!wf_lint_list_leaves(l, state->always[i], state))
			return false;
	return true;
}

/* Report the handlers of a transient state. */
static void
check_transient(WfLinter *l, const WfState *state)
{
	for (int i = 0; i < state->nhandlers; i++)
	{
		const WfHandler *handler = &state->handlers[i];
		bool		timer = strncmp(handler->descriptor, "after.", 6) == 0;

		if (handler->ntransitions > 0)
			wf_lint_finding_add(l, state, handler->transitions[0]->path, "transient",
								"Give the last transition under `always` a guard, or "
								"move this to a state in which the process waits.",
								timer ? "timer never fires: `always` exits the state at "
								"once" :
								"event is never received: `always` exits the state at "
								"once");
	}
}

/* Check all lists of transitions of a state that can be active. */
void
wf_lint_lists(WfLinter *l, const WfState *state)
{
	check_order(l, state, state->always, state->nalways);
	if (is_transient(l, state))
	{
		check_transient(l, state);
		return;
	}
	for (int i = 0; i < state->nhandlers; i++)
	{
		const WfHandler *handler = &state->handlers[i];

		check_order(l, state, handler->transitions, handler->ntransitions);
		if (handler->ntransitions >= (comes_once(handler->descriptor) ? 1 : 2) &&
			may_fall_through(handler->transitions, handler->ntransitions) &&
			!is_handled_elsewhere(l, state, handler))
			wf_lint_finding_add(l, state, handler->transitions[0]->path,
								"no_otherwise",
								"Add a last transition without a guard.",
								"event is lost if no guard holds");
	}
	for (int i = 0; i < state->ntimers; i++)
		check_timer(l, state, i);
}

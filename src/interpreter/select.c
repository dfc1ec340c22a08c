/*-------------------------------------------------------------------------
 *
 * select.c
 *	  Which transitions an event enables, and which of them are taken.
 *
 * Pure C.  This is selectTransitions and removeConflictingTransitions of
 * SCXML, Appendix D.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "interpreter/entry.h"
#include "interpreter/machine.h"
#include "interpreter/select.h"
#include "interpreter/state_set.h"

/* Evaluate a guard or a part of it. */
static bool
holds(WfMachine *machine, const WfGuard *guard, const WfEvent *event)
{
	switch (guard->kind)
	{
		case WF_GUARD_EXPR:
			return machine->host_calls->guard(machine->host, guard->expr,
											  event);
		case WF_GUARD_NOT:
			return !holds(machine, guard->parts[0], event);
		case WF_GUARD_AND:
			for (int i = 0; i < guard->nparts; i++)
				if (!holds(machine, guard->parts[i], event))
					return false;
			return true;
		case WF_GUARD_OR:
			for (int i = 0; i < guard->nparts; i++)
				if (holds(machine, guard->parts[i], event))
					return true;
			return false;
		case WF_GUARD_IN_STATE:
			return wf_machine_is_active(machine, guard->state);
	}
	return false;				/* keep compiler quiet */
}

/*
 * Does a guard hold for the machine?  NULL always holds.  A guard does not
 * hold if an error in any part of it was caught.  A host callback may throw.
 */
bool
wf_select_guard_holds(WfMachine *machine, const WfGuard *guard, const WfEvent *event)
{
	if (guard == NULL)
		return true;
	machine->guard_failed = false;
	return holds(machine, guard, event) && !machine->guard_failed;
}

/* May the event take this transition: do `allow` and guard agree? */
static bool
is_enabled(WfMachine *machine, const WfTransition *transition,
		   const WfEvent *event)
{
	machine->at = transition;
	if (transition->allow != NULL && machine->host_calls->allowed != NULL &&
		!machine->host_calls->allowed(machine->host, transition, event))
		return false;
	return transition->guard == NULL ||
		wf_select_guard_holds(machine, transition->guard, event);
}

/* Return the first enabled transition of one state, or NULL. */
static const WfTransition *
select_in_state(WfMachine *machine, const WfState *state,
				const WfEvent *event, bool eventless)
{
	const WfHandler *handler;

	if (eventless)
	{
		for (int i = 0; i < state->nalways; i++)
			if (is_enabled(machine, state->always[i], event))
				return state->always[i];
		return NULL;
	}
	for (int from = 0;
		 from < state->nhandlers &&
		 (handler = wf_chart_handler(state, event->name, &from)) != NULL;
		 from++)
	{
		for (int i = 0; i < handler->ntransitions; i++)
			if (is_enabled(machine, handler->transitions[i], event))
				return handler->transitions[i];
	}
	return NULL;
}

/*
 * Return the domain of a transition, with its history states resolved as of
 * now.
 */
static WfStateId
current_domain(WfMachine *machine, const WfTransition *transition)
{
	int			n;
	const WfStateId *targets;

	if (!transition->has_history)
		return transition->domain;
	targets = wf_entry_targets(machine, transition, &n);
	return wf_chart_domain(machine->chart, transition, targets, n);
}

/*
 * Would two transitions exit a common state?  Two domains are equal, or one
 * contains the other, or they have no state in common; the exit set of the
 * inner one is part of that of the outer one.
 */
static inline bool
conflict(const WfChart *chart, const WfEnabled *a, const WfEnabled *b)
{
	if (!wf_machine_exits_something(chart, a) || !wf_machine_exits_something(chart, b))
		return false;
	return a->domain == b->domain ||
		a->domain == WF_NO_STATE || b->domain == WF_NO_STATE ||
		wf_is_descendant(chart, a->domain, b->domain) ||
		wf_is_descendant(chart, b->domain, a->domain);
}

/*
 * Add an enabled transition to the list, unless one in the list preempts it,
 * and remove those that it preempts, because its source lies inside of
 * theirs.
 */
static void
add_enabled(WfMachine *machine, const WfTransition *transition)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfChart *chart = machine->chart;
	WfEnabled	added;
	bool		preempts = false;

	added.transition = transition;
	added.domain = transition->targetless ? transition->source :
		current_domain(machine, transition);

	/*
	 * Sources come in document order, so most transitions lie behind all
	 * that were added, and need no comparison.
	 */
	if (wf_machine_exits_something(chart, &added) &&
		added.domain <= scratch->enabled_last)
	{
		for (int i = 0; i < scratch->nenabled; i++)
		{
			const WfEnabled *other = &scratch->enabled[i];

			if (!conflict(chart, &added, other))
				continue;
			if (!wf_is_descendant(chart, transition->source,
								  other->transition->source))
				return;
			preempts = true;
		}
	}
	if (preempts)
	{
		int			kept = 0;

		for (int i = 0; i < scratch->nenabled; i++)
			if (!conflict(chart, &added, &scratch->enabled[i]))
				scratch->enabled[kept++] = scratch->enabled[i];
		scratch->nenabled = kept;
	}

	if (scratch->nenabled == scratch->enabled_size)
		scratch->enabled = wf_machine_grow(scratch, scratch->enabled,
										   &scratch->enabled_size,
										   sizeof(WfEnabled));
	scratch->enabled[scratch->nenabled++] = added;
	if (wf_machine_exits_something(chart, &added))
	{
		WfStateId	last = added.domain == WF_NO_STATE ?
			chart->states[0].last : chart->states[added.domain].last;

		scratch->enabled_last = Max(scratch->enabled_last, last);
	}
}

/* ----------------------------------------------------------------
 *						Which states are asked
 *
 * The search climbs from each active leaf, in document order, to the root.  In
 * a wide chart the states that have a matching handler, the candidates, are
 * looked up first, and the search starts only from leaves below one of them.
 * ----------------------------------------------------------------
 */

/* Add the active states among those that have a handler. */
static void
add_candidates(WfMachine *machine, const WfReaction *reaction)
{
	if (reaction == NULL)
		return;
	for (int i = 0; i < reaction->nstates; i++)
		if (wf_machine_is_active(machine, reaction->states[i]))
			wf_state_set_add(&machine->scratch->candidates, reaction->states[i]);
}

/*
 * Add the active states that handle an event: "a.b" is handled by "a.b",
 * "a.b.*", "a.*" and "*".
 */
static void
add_candidates_for(WfMachine *machine, const char *event)
{
	const WfChart *chart = machine->chart;
	int			len = strlen(event);

	add_candidates(machine, wf_chart_reaction(chart, event, len, ""));
	add_candidates(machine, wf_chart_reaction(chart, "", 0, "*"));
	for (int i = 0; i <= len; i++)
		if (event[i] == '.' || event[i] == '\0')
			add_candidates(machine,
						   wf_chart_reaction(chart, event, i, ".*"));
}

/*
 * Prepare a selection, and return the state from which on to look for
 * leaves.
 */
static int
begin_selection(WfMachine *machine, const WfEvent *event, bool eventless)
{
	WfMachineScratch *scratch = machine->scratch;
	int			first;

	wf_state_set_clear(&scratch->visited);
	if (machine->chart->reactions == NULL)
		return 0;
	wf_state_set_clear(&scratch->candidates);
	if (eventless)
		add_candidates(machine, &machine->chart->eventless);
	else
		add_candidates_for(machine, event->name);
	first = wf_state_set_next(&scratch->candidates, 0);
	return first < 0 ? machine->chart->nstates : first;
}

/* Return the state from which on the search after this leaf goes on. */
static int
next_place(const WfMachine *machine, WfStateId leaf)
{
	const WfMachineScratch *scratch = machine->scratch;
	const WfState *states = machine->chart->states;
	int			next;

	if (machine->chart->reactions == NULL)
		return leaf + 1;

	/* a neighbour may reach a candidate above that this leaf did not */
	for (WfStateId id = states[leaf].parent; id != WF_NO_STATE;
		 id = states[id].parent)
		if (wf_state_set_has(&scratch->candidates, id) &&
			!wf_state_set_has(&scratch->visited, id))
			return leaf + 1;
	next = wf_state_set_next(&scratch->candidates, leaf + 1);
	return next < 0 ? machine->chart->nstates : next;
}

/*
 * Climb from an active leaf to the first state with an enabled transition,
 * and return that, or NULL.  A state that was tried for another leaf is not
 * tried again: either its transition is in the list already, or neither it
 * nor a state above it has one.
 */
static const WfTransition *
climb(WfMachine *machine, WfStateId leaf, const WfEvent *event,
	  bool eventless)
{
	WfMachineScratch *scratch = machine->scratch;
	bool		all = machine->chart->reactions == NULL;

	for (WfStateId id = leaf; id != WF_NO_STATE;)
	{
		const WfState *state = &machine->chart->states[id];
		const WfTransition *found = NULL;

		if (wf_state_set_has(&scratch->visited, id))
			return NULL;
		wf_state_set_add(&scratch->visited, id);
		if (all || wf_state_set_has(&scratch->candidates, id))
			found = select_in_state(machine, state, event, eventless);
		if (found != NULL)
			return found;
		id = state->parent;
	}
	return NULL;
}

/*
 * Return the next transition that a leaf from *from on finds, or NULL, and
 * advance *from.
 */
static const WfTransition *
next_enabled(WfMachine *machine, const WfEvent *event, bool eventless,
			 int *from)
{
	const WfState *states = machine->chart->states;

	for (int id = wf_state_set_next(&machine->active, *from); id >= 0;
		 id = wf_state_set_next(&machine->active, *from))
	{
		const WfTransition *found;

		*from = id + 1;
		if (!wf_machine_is_leaf(&states[id]))
			continue;
		found = climb(machine, id, event, eventless);
		*from = next_place(machine, id);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/*
 * Select the transitions that are to be taken for an event, or without one
 * (eventless; then event is the one that was taken last, or NULL), into
 * scratch->enabled.  Returns false if there are none.  A host callback may
 * throw.
 */
bool
wf_select(WfMachine *machine, const WfEvent *event, bool eventless)
{
	WfMachineScratch *scratch = machine->scratch;
	int			from = begin_selection(machine, event, eventless);
	const WfTransition *found;

	scratch->nenabled = 0;
	scratch->enabled_last = WF_NO_STATE;
	while ((found = next_enabled(machine, event, eventless, &from)) != NULL)
		add_enabled(machine, found);
	return scratch->nenabled > 0;
}

/*
 * The first transition that this event would take now, or NULL if it would take
 * none.  This evaluates guards, which have no side effects by contract, takes no
 * transition, and does not look at `always`.  A host callback may throw.
 */
const WfTransition *
wf_select_would_take(WfMachine *machine, const WfEvent *event)
{
	int			from;

	if (!machine->running)
		return NULL;

	/* preemption never empties the list, so the first transition decides */
	from = begin_selection(machine, event, false);
	return next_enabled(machine, event, false, &from);
}

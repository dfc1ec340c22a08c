/*-------------------------------------------------------------------------
 *
 * entry.c
 *	  Which states a microstep enters, and what history remembers.
 *
 * This is computeEntrySet of SCXML, Appendix D, with rules R1 and R4 of
 * interpret.c.  The compiler has made sure that it ends: a history state's
 * default lies below its parent and is no history state itself.
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
#include "interpreter/state_set.h"

static void add_descendants(WfMachine *machine, WfStateId id);
static void add_ancestors(WfMachine *machine, WfStateId id, WfStateId top);

/* The slot of a history state, or NULL when it is none. */
static WfHistorySlot *
find_slot(const WfMachineScratch *scratch, WfStateId history)
{
	int			low = 0;
	int			high = scratch->nslots;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (scratch->slots[middle].history < history)
			low = middle + 1;
		else
			high = middle;
	}
	return low < scratch->nslots && scratch->slots[low].history == history ?
		&scratch->slots[low] : NULL;
}

/*
 * What a history state remembers, or NULL.  Our own array is where the slots
 * say; the host's has to be searched once.
 */
static WfHistoryValue *
find_memory(const WfMachine *machine, WfStateId history)
{
	WfMachineScratch *scratch = machine->scratch;
	WfHistorySlot	   *slot = find_slot(scratch, history);

	if (slot->at < machine->nhistory &&
		machine->history[slot->at].history == history)
		return &machine->history[slot->at];
	if (machine->history == scratch->values)
		return NULL;
	for (int i = 0; i < machine->nhistory; i++)
	{
		if (machine->history[i].history == history)
		{
			slot->at = i;
			return &machine->history[i];
		}
	}
	return NULL;
}

static void
add_target(WfMachine *machine, WfStateId target)
{
	WfMachineScratch *scratch = machine->scratch;

	if (scratch->ntargets == scratch->targets_size)
		scratch->targets = wf_machine_grow(scratch, scratch->targets,
										   &scratch->targets_size,
										   sizeof(WfStateId));
	scratch->targets[scratch->ntargets++] = target;
}

static void
add_effective(WfMachine *machine, WfStateId id)
{
	const WfState *state = &machine->chart->states[id];
	const WfHistoryValue *memory;
	const WfState *parent;
	const WfTransition *by_default;

	if (state->kind != WF_STATE_HISTORY)
	{
		add_target(machine, id);
		return;
	}
	memory = find_memory(machine, id);
	if (memory != NULL)
	{
		for (int i = 0; i < memory->n; i++)
			add_target(machine, memory->states[i]);
		return;
	}
	parent = &machine->chart->states[state->parent];
	by_default = state->initial ? state->initial : parent->initial;
	if (by_default != NULL)
	{
		for (int i = 0; i < by_default->ntargets; i++)
			add_effective(machine, by_default->targets[i]);
		return;
	}
	for (int i = 0; i < parent->nchildren; i++)
		if (machine->chart->states[parent->children[i]].kind !=
			WF_STATE_HISTORY)
			add_target(machine, parent->children[i]);
}

/*
 * The targets of a transition with history states replaced by what they stand
 * for; in scratch memory, good until the next call.
 */
const WfStateId *
wf_entry_targets(WfMachine *machine, const WfTransition *transition,
				 int *n)
{
	if (!transition->has_history)
	{
		*n = transition->ntargets;
		return transition->targets;
	}
	machine->scratch->ntargets = 0;
	for (int i = 0; i < transition->ntargets; i++)
		add_effective(machine, transition->targets[i]);
	*n = machine->scratch->ntargets;
	return machine->scratch->targets;
}

/* Enter those regions of a parallel state that nothing was entered of yet. */
static void
add_regions(WfMachine *machine, const WfState *parallel)
{
	const WfState *states = machine->chart->states;

	/* memory of a thousand regions comes by a thousand times */
	if (wf_state_set_has(&machine->scratch->defaults, parallel->id))
		return;
	wf_state_set_add(&machine->scratch->defaults, parallel->id);
	for (int i = 0; i < parallel->nchildren; i++)
	{
		const WfState *child = &states[parallel->children[i]];

		if (child->kind != WF_STATE_HISTORY &&
			!wf_state_set_any(&machine->scratch->entering, child->id, child->last))
			add_descendants(machine, child->id);
	}
}

/* Enter the targets of a default transition that belongs to `parent`. */
static void
add_default_targets(WfMachine *machine, const WfTransition *transition,
					WfStateId parent)
{
	for (int i = 0; i < transition->ntargets; i++)
		add_descendants(machine, transition->targets[i]);
	for (int i = 0; i < transition->ntargets; i++)
		add_ancestors(machine, transition->targets[i], parent);
}

static void
add_history(WfMachine *machine, const WfState *history)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *parent = &machine->chart->states[history->parent];
	const WfHistoryValue *memory = find_memory(machine, history->id);

	if (memory != NULL)
	{
		for (int i = 0; i < memory->n; i++)
			add_descendants(machine, memory->states[i]);
		for (int i = 0; i < memory->n; i++)
			add_ancestors(machine, memory->states[i], parent->id);
	}
	else if (history->initial != NULL)
	{
		if (scratch->ndefault_history == scratch->default_history_size)
			scratch->default_history =
				wf_machine_grow(scratch, scratch->default_history,
								&scratch->default_history_size,
								sizeof(WfStateId));
		scratch->default_history[scratch->ndefault_history++] = history->id;
		add_default_targets(machine, history->initial, parent->id);
	}
	else if (parent->initial != NULL)
	{
		wf_state_set_add(&scratch->defaults, parent->id);
		add_default_targets(machine, parent->initial, parent->id);
	}
	else
		add_regions(machine, parent);
}

/*
 * Enter a state and what comes with it below.  The domain of the transition
 * stays active whatever leads back to it, be it history: only its insides are
 * entered anew.
 */
static void
add_descendants(WfMachine *machine, WfStateId id)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *state = &machine->chart->states[id];

	if (state->kind == WF_STATE_HISTORY)
	{
		add_history(machine, state);
		return;
	}
	if (id != scratch->staying)
		wf_state_set_add(&scratch->entering, id);
	if (state->kind == WF_STATE_COMPOUND)
	{
		wf_state_set_add(&scratch->defaults, id);
		add_default_targets(machine, state->initial, id);
	}
	else if (state->kind == WF_STATE_PARALLEL)
		add_regions(machine, state);
}

/*
 * Enter the states between one and another above it, with their other regions.
 * A history state may stand outside of the domain and lead back into it; the
 * way from there passes the domain, which stays, and ends at it: what lies
 * around is active and is not entered twice (SCXML 3.13, "entry set").
 */
static void
add_ancestors(WfMachine *machine, WfStateId id, WfStateId top)
{
	const WfState *states = machine->chart->states;
	WfStateId	domain = machine->scratch->staying;

	if (id == domain)
		return;
	for (WfStateId above = states[id].parent;
		 above != top && above != domain && above != WF_NO_STATE;
		 above = states[above].parent)
	{
		wf_state_set_add(&machine->scratch->entering, above);
		if (states[above].kind == WF_STATE_PARALLEL)
			add_regions(machine, &states[above]);
	}
}

static void
add_transition(WfMachine *machine, const WfEnabled *enabled)
{
	const WfTransition *transition = enabled->transition;
	WfStateId	domain = enabled->domain;
	const WfStateId *effective;
	int			n;

	machine->scratch->staying = domain;
	for (int i = 0; i < transition->ntargets; i++)
		add_descendants(machine, transition->targets[i]);
	effective = wf_entry_targets(machine, transition, &n);
	for (int i = 0; i < n; i++)
		add_ancestors(machine, effective[i], domain);

	/* R1: the parallel state stays, what was left of it comes back */
	if (domain != WF_NO_STATE &&
		machine->chart->states[domain].kind == WF_STATE_PARALLEL)
		add_regions(machine, &machine->chart->states[domain]);
}

static void
clear_entry_set(WfMachineScratch *scratch)
{
	wf_state_set_clear(&scratch->entering);
	wf_state_set_clear(&scratch->defaults);
	scratch->ndefault_history = 0;
	scratch->final = WF_NO_STATE;
}

/*
 * Work out what the selected transitions enter: scratch->entering, and which
 * of those run the actions of a default transition.  False: nothing at all.
 */
bool
wf_entry_set(WfMachine *machine)
{
	WfMachineScratch *scratch = machine->scratch;
	bool		any = false;

	for (int i = 0; i < scratch->nenabled; i++)
	{
		/* what leaves nothing only leads back to where it comes from */
		if (!wf_machine_exits_something(machine->chart, &scratch->enabled[i]))
			continue;
		if (!any)
			clear_entry_set(scratch);
		any = true;
		add_transition(machine, &scratch->enabled[i]);
	}
	return any;
}

/* The same for a machine that starts. */
void
wf_entry_set_initial(WfMachine *machine)
{
	clear_entry_set(machine->scratch);
	machine->scratch->staying = WF_NO_STATE;
	add_descendants(machine, 0);
}

/*
 * The same for a machine that is put somewhere: the whole configuration that
 * the targets stand for, whatever is active now.
 */
void
wf_entry_set_targets(WfMachine *machine, const WfStateId *targets, int n)
{
	clear_entry_set(machine->scratch);
	machine->scratch->staying = WF_NO_STATE;
	for (int i = 0; i < n; i++)
		add_descendants(machine, targets[i]);
	for (int i = 0; i < n; i++)
		add_ancestors(machine, targets[i], WF_NO_STATE);
}

/*
 * Take the array over from the host before its first change; what belongs to
 * no history state of this chart stays behind.
 */
static void
own_values(WfMachine *machine)
{
	WfMachineScratch *scratch = machine->scratch;
	int			n = 0;

	if (machine->history == scratch->values)
		return;
	for (int i = 0; i < machine->nhistory; i++)
	{
		WfHistorySlot	   *slot = find_slot(scratch, machine->history[i].history);

		/* the host may say it twice: there is room for one */
		if (slot == NULL ||
			(slot->at < n && scratch->values[slot->at].history == slot->history))
			continue;
		slot->at = n;
		scratch->values[n++] = machine->history[i];
	}
	machine->history = scratch->values;
	machine->nhistory = n;
}

/* The entry of a history state, emptied, with room for n states. */
static WfHistoryValue *
fresh_memory(WfMachine *machine, WfStateId history, int n)
{
	WfMachineScratch *scratch = machine->scratch;
	WfHistorySlot	   *slot = find_slot(scratch, history);
	WfHistoryValue *value;

	own_values(machine);
	value = find_memory(machine, history);
	if (value == NULL)
	{
		slot->at = machine->nhistory++;
		value = &machine->history[slot->at];
	}
	while (slot->size < n)
		slot->states = wf_machine_grow(scratch, slot->states, &slot->size,
									   sizeof(WfStateId));
	value->history = history;
	value->states = slot->states;
	value->n = 0;
	return value;
}

/* Write down what one history state has to remember. */
static void
remember_one(WfMachine *machine, const WfState *history)
{
	const WfChart *chart = machine->chart;
	const WfState *parent = &chart->states[history->parent];
	WfHistoryValue *value;
	int			n = 0;

	for (int id = wf_state_set_next(&machine->active, parent->id + 1);
		 id >= 0 && id <= parent->last;
		 id = wf_state_set_next(&machine->active, id + 1))
		n++;
	value = fresh_memory(machine, history->id, n);
	for (int id = wf_state_set_next(&machine->active, parent->id + 1);
		 id >= 0 && id <= parent->last;
		 id = wf_state_set_next(&machine->active, id + 1))
	{
		const WfState *state = &chart->states[id];

		if (history->deep ? wf_machine_is_leaf(state) : state->parent == parent->id)
			value->states[value->n++] = id;
	}
	machine->history_changed = true;
}

/* Before states are left: record the history of those that have some. */
void
wf_entry_remember(WfMachine *machine, const WfStateSet *leaving)
{
	const WfState *states = machine->chart->states;

	for (int id = wf_state_set_next(leaving, 0); id >= 0;
		 id = wf_state_set_next(leaving, id + 1))
	{
		for (int i = 0; i < states[id].nhistory; i++)
			remember_one(machine, &states[states[id].history[i]]);
	}
}

/*-------------------------------------------------------------------------
 *
 * entry.c
 *	  Which states a microstep enters, and what history states remember.
 *
 * Pure C.  This is computeEntrySet of SCXML, Appendix D, with rules R1 and
 * R4 of interpret.c.  It always ends, because the compiler has checked that
 * the default of a history state lies below its parent and is not a history
 * state itself.
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

/* Return the slot of a history state, or NULL if the state is not one. */
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
 * Return what a history state remembers, or NULL.  In an array of our own
 * the slot says where it is; an array of the host has to be searched once.
 */
static WfHistoryValue *
find_memory(const WfMachine *machine, WfStateId history)
{
	WfMachineScratch *scratch = machine->scratch;
	WfHistorySlot *slot = find_slot(scratch, history);

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

/* Add a target, or what a history state stands for, to scratch->targets. */
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
 * Return the targets of a transition, in which history states are replaced
 * by the states they stand for now; *n is their number.  The array is the
 * transition's or scratch memory, which the next call overwrites.
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

/* Enter every region of a parallel state of which no state is entered yet. */
static void
add_regions(WfMachine *machine, const WfState *parallel)
{
	const WfState *states = machine->chart->states;

	/* a history state that remembers 1,000 regions leads here 1,000 times */
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

/* Enter the targets of a default transition of `parent`. */
static void
add_default_targets(WfMachine *machine, const WfTransition *transition,
					WfStateId parent)
{
	for (int i = 0; i < transition->ntargets; i++)
		add_descendants(machine, transition->targets[i]);
	for (int i = 0; i < transition->ntargets; i++)
		add_ancestors(machine, transition->targets[i], parent);
}

/*
 * Enter what a history state stands for: its memory, its default, or (R4)
 * the default of its parent.
 */
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
 * Enter a state, and below it what is entered by default.  The domain of the
 * transition stays active, also if a history state leads back to it: only
 * states inside of it are entered.
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
 * Enter the states between a state and `top`, an ancestor, with the other
 * regions of parallel ones.  A history state may lie outside of the domain
 * and lead back into it.  Then the way up meets the domain, which stays
 * active, and ends there: the states around it are active and must not be
 * entered twice (SCXML 3.13, "entry set").
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

	/* R1: the parallel state stays, and its exited regions are re-entered */
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
 * Compute the states that the selected transitions enter, into
 * scratch->entering, and those of them that run the actions of a default
 * transition, into scratch->defaults and default_history.  Returns false if
 * no transition exits anything; then nothing is entered, and the sets are
 * not set.
 */
bool
wf_entry_set(WfMachine *machine)
{
	WfMachineScratch *scratch = machine->scratch;
	bool		any = false;

	for (int i = 0; i < scratch->nenabled; i++)
	{
		/* a transition that exits nothing enters nothing either */
		if (!wf_machine_exits_something(machine->chart, &scratch->enabled[i]))
			continue;
		if (!any)
			clear_entry_set(scratch);
		any = true;
		add_transition(machine, &scratch->enabled[i]);
	}
	return any;
}

/* Compute the entry set, as wf_entry_set() does, of a machine that starts. */
void
wf_entry_set_initial(WfMachine *machine)
{
	clear_entry_set(machine->scratch);
	machine->scratch->staying = WF_NO_STATE;
	add_descendants(machine, 0);
}

/*
 * Compute the entry set, as wf_entry_set() does, of a machine that is moved
 * to n states: the whole configuration that they stand for, regardless of
 * what is active now.
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
 * Copy the host's array of history into our own before the first change.
 * Values of states that are not history states of this chart are dropped.
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
		WfHistorySlot *slot = find_slot(scratch, machine->history[i].history);

		/* a duplicate of the host's is dropped, there is room for one */
		if (slot == NULL ||
			(slot->at < n && scratch->values[slot->at].history == slot->history))
			continue;
		slot->at = n;
		scratch->values[n++] = machine->history[i];
	}
	machine->history = scratch->values;
	machine->nhistory = n;
}

/* Return the value of a history state, emptied, with room for n states. */
static WfHistoryValue *
fresh_memory(WfMachine *machine, WfStateId history, int n)
{
	WfMachineScratch *scratch = machine->scratch;
	WfHistorySlot *slot = find_slot(scratch, history);
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

/*
 * Record what one history state has to remember: the active leaves below its
 * parent if it is deep, else the active children.
 */
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

/*
 * Record what the history states of the states in `leaving` have to
 * remember.  Must be called before any of these states is exited.
 */
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

/*-------------------------------------------------------------------------
 *
 * machine.c
 *	  The memory of a machine, and its configuration.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#ifndef FRONTEND
#include "utils/memutils.h"
#endif

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "interpreter/state_set.h"

/*
 * Allocate zeroed memory that lives as long as the machine.  A macrostep
 * runs in whatever context its caller likes, and so do callbacks.
 */
static void *
scratch_alloc(WfMachineScratch *scratch, Size size)
{
#ifndef FRONTEND
	return MemoryContextAllocZero(scratch->context, size);
#else
	return palloc0(size);
#endif
}

/*
 * Double an array of the scratch space, or allocate it if it is NULL and
 * *size is 0.  width is the size of an element.  Returns the new array,
 * whose new part is zeroed; *size is its new size.
 */
void *
wf_machine_grow(WfMachineScratch *scratch, void *array, int *size, Size width)
{
	int			grown = *size ? *size * 2 : 8;
	void	   *result = scratch_alloc(scratch, grown * width);

	if (array != NULL)
	{
		memcpy(result, array, *size * width);
		pfree(array);
	}
	*size = grown;
	return result;
}

static void
make_set(WfMachineScratch *scratch, WfStateSet *set, int nstates)
{
	set->nwords = (nstates + 63) / 64;
	set->words = scratch_alloc(scratch, set->nwords * sizeof(uint64));
}

/* Allocate room for history, and note what the chart has at all. */
static void
look_at_chart(WfMachine *machine)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfChart *chart = machine->chart;
	int			n = 0;

	for (int i = 0; i < chart->nstates; i++)
	{
		scratch->has_invokes |= chart->states[i].ninvokes > 0;
		scratch->nslots += chart->states[i].kind == WF_STATE_HISTORY;
	}
	if (scratch->nslots == 0)
		return;
	scratch->values = scratch_alloc(scratch, scratch->nslots *
									   sizeof(WfHistoryValue));
	scratch->slots = scratch_alloc(scratch, scratch->nslots *
									  sizeof(WfHistorySlot));
	for (int i = 0; i < chart->nstates; i++)
		if (chart->states[i].kind == WF_STATE_HISTORY)
			scratch->slots[n++].history = i;
}

/*
 * Make a machine in the current memory context, which does not run.  To
 * restore a process, fill machine->history and call wf_machine_activate()
 * for each of its leaves; otherwise call wf_interpret_start().
 *
 * An array that the host assigns to machine->history stays the host's: the
 * machine copies the entries before the first change, and neither frees nor
 * writes to it.
 */
WfMachine *
wf_machine_new(const WfChart *chart, const WfHost *calls, void *host,
			   int max_microsteps)
{
	WfMachine  *machine = palloc0(sizeof(WfMachine));
	WfMachineScratch *scratch = palloc0(sizeof(WfMachineScratch));
	int			n = chart->nstates;

#ifndef FRONTEND
	scratch->context = CurrentMemoryContext;
#endif
	machine->chart = chart;
	machine->host_calls = calls;
	machine->max_microsteps = max_microsteps;
	machine->scratch = scratch;
	make_set(scratch, &machine->active, n);
	make_set(scratch, &scratch->visited, n);
	make_set(scratch, &scratch->leaving, n);
	make_set(scratch, &scratch->entering, n);
	make_set(scratch, &scratch->defaults, n);
	make_set(scratch, &scratch->completed, n);
	make_set(scratch, &scratch->examined, n);
	scratch->unfinished = scratch_alloc(scratch, n * sizeof(WfStateId));
	if (chart->reactions != NULL)
		make_set(scratch, &scratch->candidates, n);
	make_set(scratch, &scratch->invoked, n);
	look_at_chart(machine);
	wf_machine_reset(machine, host);
	return machine;
}

/*
 * Make a machine as new, for another process of the same chart.  This is
 * cheap.
 */
void
wf_machine_reset(WfMachine *machine, void *host)
{
	WfMachineScratch *scratch = machine->scratch;

	machine->host = host;
	machine->running = false;
	machine->taken = false;
	machine->microsteps = 0;
	machine->skip_block = false;
	machine->at = machine->cause = NULL;
	machine->at_state = WF_NO_STATE;
	machine->quiet = false;
	machine->nhistory = 0;
	machine->history = scratch->values;
	machine->history_changed = false;
	scratch->final = WF_NO_STATE;
	scratch->queue_head = scratch->queue_tail = 0;
	wf_state_set_clear(&machine->active);
	if (scratch->has_invokes)
		wf_state_set_clear(&scratch->invoked);
}

/*
 * Make an atomic or final state active, together with its ancestors, and let
 * the machine run.  Returns false if the chart has no such state.
 */
bool
wf_machine_activate(WfMachine *machine, WfStateId state)
{
	const WfChart *chart = machine->chart;

	if (state < 0 || state >= chart->nstates ||
		!wf_machine_is_leaf(&chart->states[state]))
		return false;
	for (WfStateId id = state; id != WF_NO_STATE;
		 id = chart->states[id].parent)
	{
		if (wf_machine_is_active(machine, id))
			break;
		wf_state_set_add(&machine->active, id);
	}
	machine->running = true;
	return true;
}

/*
 * Is exactly one child of a compound state active?  The numbers of
 * descendants follow that of their state, so the active children are found
 * without a look at all others.
 */
static bool
has_one_child(const WfMachine *machine, const WfState *state)
{
	const WfState *states = machine->chart->states;
	int			child = wf_state_set_next(&machine->active, state->id + 1);
	int			next;

	if (child < 0 || child > state->last || states[child].parent != state->id)
		return false;
	next = wf_state_set_next(&machine->active, states[child].last + 1);
	return next < 0 || next > state->last;
}

/* Are the active states a legal configuration? */
bool
wf_machine_legal(const WfMachine *machine)
{
	const WfState *states = machine->chart->states;

	if (!wf_machine_is_active(machine, 0))
		return false;
	for (int id = wf_state_set_next(&machine->active, 0); id >= 0;
		 id = wf_state_set_next(&machine->active, id + 1))
	{
		const WfState *state = &states[id];

		if (state->kind == WF_STATE_HISTORY ||
			(id > 0 && !wf_machine_is_active(machine, state->parent)))
			return false;
		if (state->kind == WF_STATE_COMPOUND && !has_one_child(machine, state))
			return false;
		for (int i = 0; state->kind == WF_STATE_PARALLEL &&
			 i < state->nchildren; i++)
		{
			/* an active history state is found when the loop comes to it */
			if (states[state->children[i]].kind != WF_STATE_HISTORY &&
				!wf_machine_is_active(machine, state->children[i]))
				return false;
		}
	}
	return true;
}

/*
 * Set *leaves to the active atomic and final states in document order, and
 * return their number.  The array is scratch memory, which the next call
 * overwrites.
 */
int
wf_machine_leaves(WfMachine *machine, const WfStateId **leaves)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *states = machine->chart->states;
	int			n = 0;

	for (int id = wf_state_set_next(&machine->active, 0); id >= 0;
		 id = wf_state_set_next(&machine->active, id + 1))
	{
		if (!wf_machine_is_leaf(&states[id]))
			continue;
		if (n == scratch->leaves_size)
			scratch->leaves = wf_machine_grow(scratch, scratch->leaves,
											  &scratch->leaves_size,
											  sizeof(WfStateId));
		scratch->leaves[n++] = id;
	}
	*leaves = scratch->leaves;
	return n;
}

/* Has an active state a handler of this event, whatever its guards say? */
bool
wf_machine_handles(const WfMachine *machine, const char *event)
{
	for (int i = 0; i < machine->chart->nstates; i++)
	{
		int			from = 0;

		if (wf_machine_is_active(machine, i) &&
			wf_chart_handler(&machine->chart->states[i], event, &from) != NULL)
			return true;
	}
	return false;
}

/*-------------------------------------------------------------------------
 *
 * machine.c
 *	  The memory of a machine, and its configuration.
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
 * Memory that lives as long as the machine.  A macrostep runs in whatever
 * context its caller likes, and so may callbacks.
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

/* Double an array of the scratch space; array may be NULL, *size 0. */
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

/* Room for history, and what the chart has at all. */
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
 * A machine at rest, its memory in the current context.  Restore the
 * configuration with wf_machine_activate() and the history by filling
 * machine->history before the first event; or wf_interpret_start() it.
 *
 * An array that the host puts there stays the host's: the machine copies the
 * entries before it changes any, and never frees or writes to it.
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

/* Make a machine as new, for another process of the same chart (cheap). */
void
wf_machine_reset(WfMachine *machine, void *host)
{
	WfMachineScratch *scratch = machine->scratch;

	machine->host = host;
	machine->running = false;
	machine->taken = false;
	machine->microsteps = 0;
	machine->skip_block = false;
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
 * Declare an atomic (or final) state active, its ancestors with it.
 * Returns false when it is no such state.
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
 * Is exactly one child of a compound state active?  Descendants follow their
 * state in the numbers, so the active children are found without a look at
 * all the others.
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

/* Do the active states make a legal configuration? */
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
			/* that no history state is active, its own turn finds */
			if (states[state->children[i]].kind != WF_STATE_HISTORY &&
				!wf_machine_is_active(machine, state->children[i]))
				return false;
		}
	}
	return true;
}

/*
 * The active atomic and final states in document order; the array is scratch
 * memory of the machine, good until the next call.
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

/* Has an active state a transition for this event, whatever its guard says? */
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

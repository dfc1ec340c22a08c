/*-------------------------------------------------------------------------
 *
 * interpret.c
 *	  One macrostep of a statechart, in memory.
 *
 * Pure C.  The algorithm is that of W3C SCXML, Appendix D, with four named
 * rules:
 *
 *	R1	the domain of a transition may be a parallel state: that stays, and
 *		all of its regions are re-entered;
 *	R2	transitions are internal unless they have `reenter`, whatever the kind
 *		of their source;
 *	R3	an invoked child has its identity and mailbox from entry on, and
 *		starts at the end of the macrostep if its state is still active;
 *	R4	a history state with neither memory nor default takes the initial
 *		transition of its parent.
 *
 * States are numbered in document order, so a set of states is a row of
 * bits, and "in document order" means a walk over it.  Nothing here looks at
 * states that are not concerned: the selection of transitions climbs from
 * the active leaves, and exit and entry walk through the words of a set.
 *
 * select.c works out which transitions are taken, entry.c which states they
 * enter.
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
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "interpreter/select.h"
#include "interpreter/state_set.h"

/* ----------------------------------------------------------------
 *						Actions
 * ----------------------------------------------------------------
 */

/* Run the first branch of a CHOOSE whose guard holds. */
static void
run_choose(WfMachine *machine, const WfAction *action, const WfEvent *event)
{
	for (int i = 0; i < action->nbranches; i++)
	{
		const WfBranch *branch = &action->branches[i];

		if (!wf_select_guard_holds(machine, branch->guard, event))
			continue;
		wf_interpret_actions(machine, &branch->actions, event);
		break;
	}
}

/*
 * Run a list of actions, the body of a FOREACH.  Only a host callback may
 * call this.
 */
void
wf_interpret_actions(WfMachine *machine, const WfActionList *actions,
					 const WfEvent *event)
{
	for (int i = 0; i < actions->n && !machine->skip_block; i++)
	{
		const WfAction *action = actions->items[i];

		if (action->kind == WF_ACTION_CHOOSE)
			run_choose(machine, action, event);
		else
			machine->host_calls->action(machine->host, action, event);
	}
}

/*
 * Run the actions of an entry, an exit or a transition.  An error that is
 * caught ends such a block, and the next block runs.
 */
static inline void
run_block(WfMachine *machine, const WfActionList *actions,
		  const WfEvent *event)
{
	if (actions->n == 0 || machine->quiet)
		return;
	machine->skip_block = false;
	wf_interpret_actions(machine, actions, event);
	machine->skip_block = false;
}

/*
 * Put an event on the internal queue.  Only a host callback may call this.
 * The struct is copied; its name and payload must live until the macrostep
 * ends.
 */
void
wf_interpret_raise(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;

	if (unlikely(machine->host_calls->watch != NULL))
		machine->host_calls->watch->raising(machine->host, event);
	if (scratch->queue_tail == scratch->queue_size)
		scratch->queue = wf_machine_grow(scratch, scratch->queue,
										 &scratch->queue_size,
										 sizeof(WfEvent));
	scratch->queue[scratch->queue_tail++] = *event;
}

/* ----------------------------------------------------------------
 *						A microstep
 * ----------------------------------------------------------------
 */

/*
 * Exit one state: run its actions, then disarm its timers and cancel its
 * children.
 */
static void
exit_state(WfMachine *machine, const WfState *state, const WfEvent *event)
{
	const WfHost *calls = machine->host_calls;

	if (unlikely(calls->watch != NULL))
		calls->watch->leaving(machine->host, state);
	machine->at_state = state->id;
	run_block(machine, &state->exit, event);
	if (wf_state_is_armed(state))
		calls->disarm(machine->host, state);
	if (state->ninvokes > 0)
	{
		wf_state_set_remove(&machine->scratch->invoked, state->id);
		calls->uninvoke(machine->host, state);
	}
	wf_state_set_remove(&machine->active, state->id);
}

/* Exit the states of a set in reverse document order. */
static void
exit_states(WfMachine *machine, const WfStateSet *set, const WfEvent *event)
{
	const WfState *states = machine->chart->states;

	for (int id = wf_state_set_previous(set, machine->chart->nstates - 1);
		 id >= 0; id = wf_state_set_previous(set, id - 1))
		exit_state(machine, &states[id], event);
}

/*
 * Exit the states that the enabled transitions leave.  History is recorded
 * before any exit action runs.
 */
static void
exit_for_enabled(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *states = machine->chart->states;
	WfStateSet *leaving = &scratch->leaving;
	bool		any = false;

	wf_state_set_clear(leaving);
	for (int i = 0; i < scratch->nenabled; i++)
	{
		const WfEnabled *enabled = &scratch->enabled[i];

		if (!wf_machine_exits_something(machine->chart, enabled))
			continue;
		any = true;
		if (enabled->domain == WF_NO_STATE)
			wf_state_set_add_range(leaving, &machine->active, 0, states[0].last);
		else
			wf_state_set_add_range(leaving, &machine->active, enabled->domain + 1,
								   states[enabled->domain].last);
	}
	if (!any)
		return;
	if (scratch->nslots > 0)
		wf_entry_remember(machine, leaving);
	exit_states(machine, leaving, event);
}

/* Raise "done.state.NAME" of a state. */
static void
raise_done(WfMachine *machine, const WfState *state, void *payload)
{
	WfEvent		done;

	done.name = state->done_event;
	done.payload = payload;
	wf_interpret_raise(machine, &done);
}

static bool is_finished(const WfMachine *machine, const WfState *state);

/*
 * Are all regions of a parallel state finished?  While states are entered,
 * what is finished stays so.  Therefore the next look goes on where the last
 * one ended; otherwise a thousand regions that finish together would cost a
 * million looks.
 */
static bool
regions_finished(const WfMachine *machine, const WfState *parallel)
{
	WfMachineScratch *scratch = machine->scratch;
	int			i = 0;

	if (wf_state_set_has(&scratch->examined, parallel->id))
		i = scratch->unfinished[parallel->id];
	wf_state_set_add(&scratch->examined, parallel->id);
	for (; i < parallel->nchildren; i++)
	{
		const WfState *child = &machine->chart->states[parallel->children[i]];

		if (child->kind != WF_STATE_HISTORY && !is_finished(machine, child))
			break;
	}
	scratch->unfinished[parallel->id] = i;
	return i == parallel->nchildren;
}

/*
 * Is a state finished: a final state, a compound one with an active final
 * child, or a parallel one whose regions are all finished?
 */
static bool
is_finished(const WfMachine *machine, const WfState *state)
{
	const WfState *states = machine->chart->states;

	switch (state->kind)
	{
		case WF_STATE_FINAL:
			return wf_machine_is_active(machine, state->id);
		case WF_STATE_COMPOUND:
			{
				/* the first active state inside is the active child */
				int			child = wf_state_set_next(&machine->active,
													  state->id + 1);

				return child >= 0 && child <= state->last &&
					states[child].kind == WF_STATE_FINAL;
			}
		case WF_STATE_PARALLEL:
			return regions_finished(machine, state);
		default:
			return false;
	}
}

/*
 * A final state was entered: raise "done.state" of its parent, and of every
 * parallel state above whose last region this has finished.  Sets
 * scratch->final if that ends the machine.
 */
static void
finish(WfMachine *machine, const WfState *final, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *states = machine->chart->states;
	WfStateId	above = final->parent;

	if (above != WF_NO_STATE && states[above].kind == WF_STATE_COMPOUND)
	{
		const WfState *parent = &states[above];

		above = parent->parent;
		if (above != WF_NO_STATE && !machine->quiet)
			raise_done(machine, parent,
					   machine->host_calls->done_payload(machine->host, final,
														 event));
	}
	while (above != WF_NO_STATE && states[above].kind == WF_STATE_PARALLEL &&
		   !wf_state_set_has(&scratch->completed, above) &&
		   is_finished(machine, &states[above]))
	{
		wf_state_set_add(&scratch->completed, above);
		if (above != 0 && !machine->quiet)
			raise_done(machine, &states[above], NULL);
		above = states[above].parent;
	}
	if (above == WF_NO_STATE)
		scratch->final = final->id;
}

/*
 * Enter one state: give its children their identity, run its actions, arm
 * its timers, then run the actions of the default transition that leads
 * inside.
 */
static void
enter_state(WfMachine *machine, const WfState *state, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfHost *calls = machine->host_calls;

	if (unlikely(calls->watch != NULL))
		calls->watch->entering(machine->host, state);
	machine->at_state = state->id;
	wf_state_set_add(&machine->active, state->id);
	if (state->ninvokes > 0)
	{
		wf_state_set_add(&scratch->invoked, state->id);
		calls->invoke(machine->host, state, event);
	}
	run_block(machine, &state->entry, event);
	if (wf_state_is_armed(state))
		calls->arm(machine->host, state, event);
	if (state->initial != NULL && wf_state_set_has(&scratch->defaults, state->id))
		run_block(machine, &state->initial->actions, event);
	for (int i = 0; i < scratch->ndefault_history; i++)
	{
		const WfState *history =
			&machine->chart->states[scratch->default_history[i]];

		if (history->parent == state->id)
			run_block(machine, &history->initial->actions, event);
	}
	if (state->kind == WF_STATE_FINAL)
		finish(machine, state, event);
}

/* Enter the states of the entry set in document order. */
static void
enter_states(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *states = machine->chart->states;

	wf_state_set_clear(&scratch->completed);
	wf_state_set_clear(&scratch->examined);
	for (int id = wf_state_set_next(&scratch->entering, 0); id >= 0;
		 id = wf_state_set_next(&scratch->entering, id + 1))
		enter_state(machine, &states[id], event);
}

/* Take the selected transitions. */
static void
microstep(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;

	machine->taken = true;
	if (++machine->microsteps > machine->max_microsteps)
		machine->host_calls->too_many_microsteps(machine->host,
												 machine->max_microsteps);
	if (unlikely(machine->host_calls->watch != NULL))
		for (int i = 0; i < scratch->nenabled; i++)
			machine->host_calls->watch->taking(machine->host,
											   scratch->enabled[i].transition);
	machine->at = NULL;
	exit_for_enabled(machine, event);
	for (int i = 0; i < scratch->nenabled; i++)
	{
		machine->at = scratch->enabled[i].transition;
		run_block(machine, &scratch->enabled[i].transition->actions, event);
	}
	machine->at = NULL;
	if (wf_entry_set(machine))
		enter_states(machine, event);
}

/* ----------------------------------------------------------------
 *						A macrostep
 * ----------------------------------------------------------------
 */

/*
 * Start the children of states that were entered in this macrostep and are
 * still active (R3).  Returns whether there were any.
 */
static bool
start_invoked(WfMachine *machine)
{
	WfStateSet *invoked = &machine->scratch->invoked;
	bool		any = false;

	if (!machine->scratch->has_invokes)
		return false;
	for (int id = wf_state_set_next(invoked, 0); id >= 0;
		 id = wf_state_set_next(invoked, id + 1))
	{
		wf_state_set_remove(invoked, id);
		machine->host_calls->invoke_start(machine->host,
										  &machine->chart->states[id]);
		any = true;
	}
	return any;
}

/*
 * Empty the internal queue, and tell the host of each event, which no
 * transition will take.  A host may call this when a machine ended or was
 * moved quietly.
 */
void
wf_interpret_drop_raised(WfMachine *machine)
{
	WfMachineScratch *scratch = machine->scratch;

	while (scratch->queue_head < scratch->queue_tail)
	{
		WfEvent		event = scratch->queue[scratch->queue_head++];

		if (machine->host_calls->unheard != NULL)
			machine->host_calls->unheard(machine->host, &event);
	}
	scratch->queue_head = scratch->queue_tail = 0;
}

/*
 * The machine has reached a final state of the root: exit all states, then
 * tell the host.  `active` keeps the configuration in which it ended.
 */
static void
end_machine(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;
	const WfState *final = &machine->chart->states[scratch->final];

	wf_state_set_copy(&scratch->leaving, &machine->active);
	exit_states(machine, &scratch->leaving, event);
	wf_state_set_copy(&machine->active, &scratch->leaving);
	machine->running = false;
	wf_interpret_drop_raised(machine);
	machine->host_calls->done(machine->host, final, event);
}

/*
 * Run until nothing is left to do: eventless transitions first, then one
 * internal event, then eventless transitions again.  At last children start,
 * which may raise further internal events.  event is the last one that was
 * taken, or NULL.
 */
static void
run_to_rest(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;

	while (scratch->final == WF_NO_STATE)
	{
		if (machine->chart->has_always &&
			wf_select(machine, event, true))
		{
			microstep(machine, event);
			continue;
		}
		if (scratch->queue_head < scratch->queue_tail)
		{
			/* a copy, because raising an event may move the queue */
			scratch->current = scratch->queue[scratch->queue_head++];
			event = &scratch->current;
			if (scratch->queue_head == scratch->queue_tail)
				scratch->queue_head = scratch->queue_tail = 0;
			if (wf_select(machine, event, false))
				microstep(machine, event);
			else if (machine->host_calls->unheard != NULL)
				machine->host_calls->unheard(machine->host, event);
			continue;
		}
		if (!start_invoked(machine))
			return;
	}
	end_machine(machine, event);
}

static void
begin_macrostep(WfMachine *machine)
{
	machine->taken = false;
	machine->microsteps = 0;
	machine->skip_block = false;
	machine->at = machine->cause = NULL;
	machine->at_state = WF_NO_STATE;
}

/*
 * Enter the initial configuration, and run until no internal event is left.
 * The machine must not be running.  A host callback may throw.
 */
void
wf_interpret_start(WfMachine *machine)
{
	Assert(!machine->running);
	begin_macrostep(machine);
	machine->running = true;
	wf_entry_set_initial(machine);
	enter_states(machine, NULL);
	run_to_rest(machine, NULL);
}

/*
 * Process one external event in a macrostep: take its transitions, then run
 * until no internal event is left.  Returns whether any transition was
 * taken; false means that the event was ignored, for example because the
 * machine does not run.  The event must live until this returns.  A host
 * callback may throw.
 */
bool
wf_interpret_event(WfMachine *machine, const WfEvent *event)
{
	begin_macrostep(machine);
	if (!machine->running)
		return false;
	if (wf_select(machine, event, false))
	{
		machine->cause = machine->scratch->enabled[0].transition;
		microstep(machine, event);
	}
	run_to_rest(machine, event);
	return machine->taken;
}

/*
 * Exit every active state in reverse document order: run exit actions,
 * disarm timers, cancel children.  The machine does not run afterwards.
 * event is what the actions see, or NULL.  A host callback may throw.
 */
void
wf_interpret_stop(WfMachine *machine, const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;

	if (!machine->running)
		return;
	machine->skip_block = false;
	wf_state_set_copy(&scratch->leaving, &machine->active);
	exit_states(machine, &scratch->leaving, event);
	machine->running = false;
	wf_interpret_drop_raised(machine);
}

/*
 * The transition whose code runs, or, where a state is left or entered, the one
 * that does so.  NULL if there is none, as while a machine starts.
 */
const WfTransition *
wf_interpret_at(const WfMachine *machine)
{
	const WfMachineScratch *scratch = machine->scratch;

	if (machine->at != NULL)
		return machine->at;
	if (machine->cause == NULL || machine->at_state == WF_NO_STATE)
		return NULL;
	for (int i = 0; i < scratch->nenabled; i++)
		if (scratch->enabled[i].domain == WF_NO_STATE ||
			wf_is_descendant(machine->chart, machine->at_state, scratch->enabled[i].domain))
			return scratch->enabled[i].transition;
	return machine->cause;
}

/*
 * Move to the configuration that n states stand for, whatever transitions
 * there are, and run until no internal event is left.  The states have
 * passed wf_chart_settle() and are not history states; what they leave open
 * is entered by default.  States that are active before and after stay
 * untouched: they are neither exited nor entered.  A machine that does not
 * run enters everything.
 *
 * quiet: no action runs, no transition is taken and nothing is raised; the
 * host is asked for timers and invokes only, and told if the machine ends.
 * A host callback may throw.
 */
void
wf_interpret_move(WfMachine *machine, const WfStateId *targets, int n, bool quiet,
				  const WfEvent *event)
{
	WfMachineScratch *scratch = machine->scratch;

	begin_macrostep(machine);
	machine->taken = true;
	machine->running = true;
	machine->quiet = quiet;
	wf_entry_set_targets(machine, targets, n);
	for (int i = 0; i < machine->active.nwords; i++)
	{
		uint64		before = machine->active.words[i];
		uint64		after = scratch->entering.words[i];

		scratch->leaving.words[i] = before & ~after;
		scratch->entering.words[i] = after & ~before;
	}
	if (scratch->nslots > 0)
		wf_entry_remember(machine, &scratch->leaving);
	exit_states(machine, &scratch->leaving, event);
	enter_states(machine, event);

	if (!quiet)
		run_to_rest(machine, event);
	else if (scratch->final != WF_NO_STATE)
		end_machine(machine, event);
	else
	{
		(void) start_invoked(machine);
		wf_interpret_drop_raised(machine);
	}
	machine->quiet = false;
}

/*
 * Make the configuration active that n states stand for, without calling the
 * host.  The states are as for wf_interpret_move(); machine->history must
 * have its final values.  Returns false if the machine would be at its end
 * there; then it does not run.
 */
bool
wf_interpret_configure(WfMachine *machine, const WfStateId *targets, int n)
{
	wf_entry_set_targets(machine, targets, n);
	wf_state_set_copy(&machine->active, &machine->scratch->entering);
	wf_state_set_clear(&machine->scratch->examined);
	machine->running = !is_finished(machine, &machine->chart->states[0]);
	return machine->running;
}

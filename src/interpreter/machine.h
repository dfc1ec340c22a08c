/*
 * machine.h
 *	  A machine: a chart, its configuration, and what it asks of its host.
 *
 * Pure, like chart.h.
 */
#ifndef WF_MACHINE_H
#define WF_MACHINE_H

#include "chart/chart.h"
#include "interpreter/state_set.h"

/*
 * An event.  The interpreter reads its name only; payload belongs to the host
 * (which may leave it NULL and build it when somebody looks).
 */
typedef struct WfEvent
{
	const char *name;
	void	   *payload;
} WfEvent;

typedef struct WfMachine WfMachine;

/*
 * What somebody who watches a machine is told, before it happens.  A host
 * without a watch, that is every process in earnest, pays a look at a pointer.
 */
typedef struct WfMachineObserver
{
	void		(*taking) (void *self, const WfTransition *transition);
	void		(*leaving) (void *self, const WfState *state);
	void		(*entering) (void *self, const WfState *state);
	void		(*raising) (void *self, const WfEvent *event);
} WfMachineObserver;

/*
 * What the interpreter asks of its host, in the order in which the algorithm
 * needs it.  `self` is WfMachine.host.  event is NULL while a machine starts
 * or stops and for eventless microsteps keeps the event of the macrostep.
 */
typedef struct WfHost
{
	/* Evaluate a guard's expression. */
	bool		(*guard) (void *self, const WfExpr *expr,
						  const WfEvent *event);

	/*
	 * Execute one action: CALL, ASSIGN, SEND, CANCEL, LOG, RAISE, FOREACH (the
	 * host iterates and calls wf_interpret_actions() for the body).  CHOOSE is
	 * resolved by the interpreter.  RAISE without delay ends in wf_interpret_raise().
	 */
	void		(*action) (void *self, const WfAction *action,
						   const WfEvent *event);

	/* A state with timers was entered / is exited (after its actions). */
	void		(*arm) (void *self, const WfState *state,
						const WfEvent *event);
	void		(*disarm) (void *self, const WfState *state);

	/*
	 * A state with invokes was entered (the child gets its id and mailbox),
	 * is still active at the end of the macrostep (the child starts), is
	 * being exited (cancel it).
	 */
	void		(*invoke) (void *self, const WfState *state,
						   const WfEvent *event);
	void		(*invoke_start) (void *self, const WfState *state);
	void		(*uninvoke) (void *self, const WfState *state);

	/*
	 * A final state was entered whose parent has something to tell: gives the
	 * payload of "done.state.PARENT" (evaluate final->output), or NULL.
	 */
	void	   *(*done_payload) (void *self, const WfState *final,
								 const WfEvent *event);

	/* The machine reached a final child of the root. final is that child. */
	void		(*done) (void *self, const WfState *final,
						 const WfEvent *event);

	/* The limit on microsteps was reached: must throw. */
	void		(*too_many_microsteps) (void *self, int limit);

	/*
	 * May this event take this transition, which has an `allow`?  Asked before
	 * the guard; "no" counts as a guard that does not hold.  NULL: always.
	 */
	bool		(*allowed) (void *self, const WfTransition *transition,
							const WfEvent *event);

	/*
	 * No transition took this internal event, or the machine came to its end
	 * before it could be worked.  May throw.  NULL: nobody cares.
	 */
	void		(*unheard) (void *self, const WfEvent *event);

	const WfMachineObserver *watch;		/* or NULL */
} WfHost;

/* The remembered configuration of one history state. */
typedef struct WfHistoryValue
{
	WfStateId	history;		/* the history state */
	int			n;				/* states, in document order */
	WfStateId  *states;
} WfHistoryValue;

/*
 * When a machine reaches its end, `running` turns false and `active` keeps the
 * configuration in which it ended; wf_interpret_stop() leaves it empty.
 */
struct WfMachine
{
	const WfChart *chart;
	const WfHost *host_calls;
	void	   *host;
	int			max_microsteps; /* per macrostep */

	/* The configuration: all active states, ancestors included. */
	WfStateSet	active;
	bool		running;		/* false before start and after the end */

	int			nhistory;
	WfHistoryValue *history;
	bool		history_changed;

	/* Of the last macrostep. */
	bool		taken;			/* some transition was taken */
	int			microsteps;

	/*
	 * Set by an action callback that failed softly (it has raised an error
	 * event): the rest of this block is left out, be it an entry, an exit or
	 * a transition's list, loops and branches around the action included.
	 */
	bool		skip_block;

	/*
	 * Set by a guard callback that failed softly: the guard as a whole does
	 * not hold, whatever it makes of this part.
	 */
	bool		guard_failed;

	/*
	 * Moved without actions: what the host raises now will not be worked, and
	 * had better be an error.
	 */
	bool		quiet;

	/* internal queue and scratch space: interpret.c only */
	struct WfMachineScratch *scratch;
};

static inline bool
wf_machine_is_active(const WfMachine *machine, WfStateId state)
{
	return (machine->active.words[state >> 6] >> (state & 63)) & 1;
}

/* A transition that was selected, and the domain in which it moves. */
typedef struct WfEnabled
{
	const WfTransition *transition;
	WfStateId	domain;			/* WF_NO_STATE: above the root */
} WfEnabled;

/* Room for what one history state remembers; slots are in document order. */
typedef struct WfHistorySlot
{
	WfStateId	history;
	int			at;				/* where in machine->history it was seen last;
								 * may have been another machine's */
	int			size;
	WfStateId  *states;
} WfHistorySlot;

/* All of it keeps its memory from one macrostep to the next. */
typedef struct WfMachineScratch
{
#ifndef FRONTEND
	MemoryContext context;
#endif
	bool		has_invokes;	/* some state of the chart has invokes */

	/* sets of states */
	WfStateSet	visited;		/* selection: states that were tried */
	WfStateSet	candidates;		/* selection in wide charts: active states
								 * that have a matching handler */
	WfStateSet	leaving;
	WfStateSet	entering;
	WfStateSet	defaults;		/* entering: compound states by their initial
								 * transition, parallel ones with all of their
								 * regions */
	WfStateId	staying;		/* entering: domain of the transition at hand */
	WfStateSet	completed;		/* parallel states that said done */
	WfStateSet	examined;		/* those whose `unfinished` is known */
	WfStateId  *unfinished;		/* how many first children of a parallel state
								 * were seen to be finished */
	WfStateSet	invoked;		/* children have not started yet */

	WfStateId	final;			/* the final state that ended the machine */

	/* history states without memory, entered by their default transition */
	int			ndefault_history;
	int			default_history_size;
	WfStateId  *default_history;

	/* selected transitions, in the order of their leaves */
	int			nenabled;
	int			enabled_size;
	WfEnabled  *enabled;
	WfStateId	enabled_last;	/* last state that any of them may exit */

	/* the internal queue */
	int			queue_head;
	int			queue_tail;
	int			queue_size;
	WfEvent    *queue;
	WfEvent		current;

	int			ntargets;
	int			targets_size;
	WfStateId  *targets;

	/* history: our own array behind machine->history, and room for values */
	WfHistoryValue *values;
	int			nslots;
	WfHistorySlot	   *slots;

	int			leaves_size;
	WfStateId  *leaves;
} WfMachineScratch;

/* Does taking it exit anything? */
static inline bool
wf_machine_exits_something(const WfChart *chart, const WfEnabled *enabled)
{
	if (enabled->transition->targetless)
		return false;

	/* an active state has active descendants unless it is a leaf */
	return enabled->domain == WF_NO_STATE ||
		chart->states[enabled->domain].last > enabled->domain;
}

/* Is it a state that stands for itself in a configuration? */
static inline bool
wf_machine_is_leaf(const WfState *state)
{
	return state->kind == WF_STATE_ATOMIC || state->kind == WF_STATE_FINAL;
}

extern WfMachine *wf_machine_new(const WfChart *chart, const WfHost *calls,
								 void *host, int max_microsteps);
extern void wf_machine_reset(WfMachine *machine, void *host);
extern bool wf_machine_activate(WfMachine *machine, WfStateId state);
extern bool wf_machine_legal(const WfMachine *machine);
extern int	wf_machine_leaves(WfMachine *machine, const WfStateId **leaves);
extern bool wf_machine_handles(const WfMachine *machine, const char *event);
extern void *wf_machine_grow(WfMachineScratch *scratch, void *array,
							 int *size, Size width);

#endif							/* WF_MACHINE_H */

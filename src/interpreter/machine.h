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
 * An event.  The interpreter reads its name only.  The payload belongs to
 * the host, which may leave it NULL and build it when an expression asks for
 * it.
 */
typedef struct WfEvent
{
	const char *name;
	void	   *payload;
} WfEvent;

typedef struct WfMachine WfMachine;

/*
 * What an observer of a machine is told, before it happens.  A host without
 * an observer, as every real process is, pays a look at a pointer.
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
 * needs it.  `self` is WfMachine.host.  event is NULL while a machine
 * starts, and may be while it stops; eventless microsteps have the event
 * that was taken last.
 */
typedef struct WfHost
{
	/* Evaluate a guard's expression. */
	bool		(*guard) (void *self, const WfExpr *expr,
						  const WfEvent *event);

	/*
	 * Execute one action: CALL, ASSIGN, SEND, CANCEL, LOG, RAISE, or FOREACH,
	 * for which the host iterates and calls wf_interpret_actions() for the
	 * body.  The interpreter itself executes CHOOSE.  The host calls
	 * wf_interpret_raise() for a RAISE without delay.
	 */
	void		(*action) (void *self, const WfAction *action,
						   const WfEvent *event);

	/*
	 * A state with timers, or that waits for what is published, was entered, or is
	 * exited, after its actions.
	 */
	void		(*arm) (void *self, const WfState *state,
						const WfEvent *event);
	void		(*disarm) (void *self, const WfState *state);

	/*
	 * A state with invokes was entered: the child gets its id and mailbox.
	 * The state is still active at the end of the macrostep: the child
	 * starts.  The state is exited: the child is cancelled.
	 */
	void		(*invoke) (void *self, const WfState *state,
						   const WfEvent *event);
	void		(*invoke_start) (void *self, const WfState *state);
	void		(*uninvoke) (void *self, const WfState *state);

	/*
	 * A final state was entered.  Returns the payload of "done.state.PARENT",
	 * which is the evaluated final->output, or NULL.
	 */
	void	   *(*done_payload) (void *self, const WfState *final,
								 const WfEvent *event);

	/* The machine ended with this final state. */
	void		(*done) (void *self, const WfState *final,
						 const WfEvent *event);

	/* The limit on microsteps was reached: must throw. */
	void		(*too_many_microsteps) (void *self, int limit);

	/*
	 * May this event take this transition, which has an `allow`?  This is
	 * asked before the guard, and "no" counts as a guard that does not hold.
	 * NULL: always.
	 */
	bool		(*allowed) (void *self, const WfTransition *transition,
							const WfEvent *event);

	/*
	 * No transition took this internal event, or the machine ended before it
	 * was processed.  May throw.  NULL: the host does not need to know.
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
 * A machine.  When it reaches its end, `running` becomes false, and `active`
 * keeps the configuration in which it ended; wf_interpret_stop() empties it.
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

	/* about the last macrostep */
	bool		taken;			/* some transition was taken */
	int			microsteps;

	/*
	 * Where the macrostep is, for the host to look at from a callback: the
	 * transition whose guard or actions run, or NULL and the state whose
	 * actions run; and what the event itself took, NULL until then.
	 */
	const WfTransition *at;
	WfStateId	at_state;
	const WfTransition *cause;

	/*
	 * Set by an action callback whose error was caught, and raised as an
	 * event: the rest of the block is skipped, be it an entry, an exit or a
	 * transition's list, including the loops and branches around the action.
	 */
	bool		skip_block;

	/*
	 * Set by a guard callback whose error was caught: the guard as a whole
	 * does not hold, even if this part of it is negated.
	 */
	bool		guard_failed;

	/*
	 * The machine is moved without actions.  An event that the host raises
	 * meanwhile is dropped, so the host should throw instead.
	 */
	bool		quiet;

	/* internal queue and scratch space, for the files of this folder only */
	struct WfMachineScratch *scratch;
};

/* Is a state active? */
static inline bool
wf_machine_is_active(const WfMachine *machine, WfStateId state)
{
	return (machine->active.words[state >> 6] >> (state & 63)) & 1;
}

/* A transition that was selected, and its domain. */
typedef struct WfEnabled
{
	const WfTransition *transition;
	WfStateId	domain;			/* WF_NO_STATE: above the root */
} WfEnabled;

/* What one history state needs to remember.  Slots are in document order. */
typedef struct WfHistorySlot
{
	WfStateId	history;
	int			at;				/* index into machine->history where it was
								 * found last, maybe for another process */
	int			size;			/* of states */
	WfStateId  *states;
} WfHistorySlot;

/*
 * Memory that is kept from one macrostep to the next, and from one process
 * to the next.
 */
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
								 * transition, parallel states with all of
								 * their regions */
	WfStateId	staying;		/* entering: domain of the current transition */
	WfStateSet	completed;		/* parallel states that raised done.state */
	WfStateSet	examined;		/* parallel states with a valid `unfinished` */
	WfStateId  *unfinished;		/* by parallel state: how many of its first
								 * children are known to be finished */
	WfStateSet	invoked;		/* states whose children start at the end of
								 * the macrostep */

	WfStateId	final;			/* the final state that ended the machine */

	/* history states without memory, entered by their default transition */
	int			ndefault_history;
	int			default_history_size;
	WfStateId  *default_history;

	/* selected transitions, in the order of their leaves */
	int			nenabled;
	int			enabled_size;
	WfEnabled  *enabled;
	WfStateId	enabled_last;	/* the last state that one of them may exit */

	/* the internal queue; `current` is the event that was taken from it */
	int			queue_head;
	int			queue_tail;
	int			queue_size;
	WfEvent    *queue;
	WfEvent		current;

	/* result of wf_entry_targets() */
	int			ntargets;
	int			targets_size;
	WfStateId  *targets;

	/* our own array for machine->history, and what each value needs */
	WfHistoryValue *values;
	int			nslots;
	WfHistorySlot *slots;

	/* result of wf_machine_leaves() */
	int			leaves_size;
	WfStateId  *leaves;
} WfMachineScratch;

/* Does a transition that was selected exit any state? */
static inline bool
wf_machine_exits_something(const WfChart *chart, const WfEnabled *enabled)
{
	if (enabled->transition->targetless)
		return false;

	/* every active state but a leaf has active descendants */
	return enabled->domain == WF_NO_STATE ||
		chart->states[enabled->domain].last > enabled->domain;
}

/* Is a state atomic or final, so that it alone can stand for a configuration? */
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

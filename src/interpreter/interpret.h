/*
 * interpret.h
 *	  One macrostep of a statechart, in memory: W3C SCXML Appendix D with the
 *	  four named rules of doc/language.md.
 *
 * Pure: knows charts, configurations and queues; asks its host for everything
 * else.  A host callback may throw (ereport) out of any function here: a
 * machine holds nothing but memory of the context it was made in, and one
 * that was thrown out of is not used again.
 */
#ifndef WF_INTERPRET_H
#define WF_INTERPRET_H

#include "chart/chart.h"

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
typedef struct WfWatch
{
	void		(*taking) (void *self, const WfTransition *transition);
	void		(*leaving) (void *self, const WfState *state);
	void		(*entering) (void *self, const WfState *state);
	void		(*raising) (void *self, const WfEvent *event);
} WfWatch;

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
	 * host iterates and calls wf_run_actions() for the body).  CHOOSE is
	 * resolved by the interpreter.  RAISE without delay ends in wf_raise().
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

	const WfWatch *watch;		/* or NULL */
} WfHost;

/* A set of states as bits. */
typedef struct WfStateSet
{
	int			nwords;
	uint64	   *words;
} WfStateSet;

/* The remembered configuration of one history state. */
typedef struct WfHistoryValue
{
	WfStateId	history;		/* the history state */
	int			n;				/* states, in document order */
	WfStateId  *states;
} WfHistoryValue;

/*
 * When a machine reaches its end, `running` turns false and `active` keeps the
 * configuration in which it ended; wf_stop() leaves it empty.
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

/*
 * A machine at rest, its memory in the current context.  Restore the
 * configuration with wf_machine_activate() and the history by filling
 * machine->history before the first event; or wf_start() it.
 *
 * An array that the host puts there stays the host's: the machine copies the
 * entries before it changes any, and never frees or writes to it.
 */
extern WfMachine *wf_machine_new(const WfChart *chart, const WfHost *calls,
								 void *host, int max_microsteps);

/* Make a machine as new, for another process of the same chart (cheap). */
extern void wf_machine_reset(WfMachine *machine, void *host);

/*
 * Declare an atomic (or final) state active, its ancestors with it.
 * Returns false when it is no such state.
 */
extern bool wf_machine_activate(WfMachine *machine, WfStateId state);

/* Do the active states make a legal configuration? */
extern bool wf_machine_legal(const WfMachine *machine);

/*
 * The active atomic and final states in document order; the array is scratch
 * memory of the machine, good until the next call.
 */
extern int	wf_machine_leaves(WfMachine *machine, const WfStateId **leaves);

static inline bool
wf_is_active(const WfMachine *machine, WfStateId state)
{
	return (machine->active.words[state >> 6] >> (state & 63)) & 1;
}

/* Has an active state a transition for this event, whatever its guard says? */
extern bool wf_machine_handles(const WfMachine *machine, const char *event);

/* Enter the initial configuration and run to rest. */
extern void wf_start(WfMachine *machine);

/*
 * Take one external event and run to rest (a macrostep).  Returns whether any
 * transition was taken; false means that the event was ignored.
 */
extern bool wf_dispatch(WfMachine *machine, const WfEvent *event);

/*
 * Leave every active state in reverse document order, running exit actions,
 * disarming and uninvoking; the machine is not running afterwards.  event may
 * be NULL.
 */
extern void wf_stop(WfMachine *machine, const WfEvent *event);

/*
 * Move to the configuration that `targets` stand for, whatever transitions
 * there are, and run to rest.  The targets have passed wf_chart_settle() and
 * are no history states; what they leave open is entered by default.  States
 * that are active before and after stay as they are: neither left nor entered.
 * A machine that is not running enters everything.
 *
 * quiet: no action is run, no transition is taken and nothing is raised; the
 * host is asked for timers and invokes only, and told of the end.
 */
extern void wf_move(WfMachine *machine, const WfStateId *targets, int n,
					bool quiet, const WfEvent *event);

/*
 * Declare that configuration active, without calling the host at all.  The
 * targets as for wf_move(), machine->history as it shall be.  Returns false
 * when the machine would be at its end there; it is not running then.
 */
extern bool wf_configure(WfMachine *machine, const WfStateId *targets, int n);

/*
 * Put an event on the internal queue; only from within a host callback.  The
 * struct is copied; its name and payload must live until the macrostep ends.
 */
extern void wf_raise(WfMachine *machine, const WfEvent *event);

/* What is left on the internal queue will not be worked: tell the host. */
extern void wf_drop_raised(WfMachine *machine);

/* Run a list of actions (the body of a FOREACH); only from a host callback. */
extern void wf_run_actions(WfMachine *machine, const WfActionList *actions,
						   const WfEvent *event);

/* Evaluate a guard against the machine; NULL holds. */
extern bool wf_guard_holds(WfMachine *machine, const WfGuard *guard,
						   const WfEvent *event);

/*
 * Would this event be taken now?  Tries guards (side-effect free by contract),
 * takes nothing, and does not look at `always`.
 */
extern bool wf_would_take(WfMachine *machine, const WfEvent *event);

#endif							/* WF_INTERPRET_H */

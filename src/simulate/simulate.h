/*
 * simulate.h
 *	  Steps that are looked at and forgotten.
 *
 * A simulation is a process in memory: it is stepped by the same code as any
 * other, but what a step would write stays here.  What the author's code does
 * is done for real, in a subtransaction that is rolled back, see
 * wf_forgotten().
 */
#ifndef WF_SIMULATE_H
#define WF_SIMULATE_H

#include "process/process.h"

typedef enum WfStimulusKind
{
	WF_STIMULUS_START,
	WF_STIMULUS_COMMAND,
	WF_STIMULUS_TIMER,
	WF_STIMULUS_REPLY			/* of a child that the caller plays */
} WfStimulusKind;

/* What reaches the process. */
typedef struct WfStimulus
{
	WfStimulusKind kind;
	const char *event;
	Jsonb	   *data;			/* START: the input; of a child: its output; or
								 * NULL */
	const char *actor;
	const WfTimerRow *timer;	/* TIMER */
} WfStimulus;

/* A step that came of it. */
typedef struct WfSimulatedStep
{
	const char *event;
	bool		taken;
	bool		deferred;		/* not taken yet: kept for later */
	Datum		from_states;
	Datum		to_states;
	WfStatus	status;
	Jsonb	   *context;
	List	   *effects;		/* of Jsonb */
} WfSimulatedStep;

/* A timer that a step would take away: name NULL, all of them. */
typedef struct WfForgottenTimer
{
	const char *state;
	const char *name;
} WfForgottenTimer;

/* One that it would write. */
typedef struct WfNewTimer
{
	WfTimerRow	timer;
	bool		if_absent;
} WfNewTimer;

typedef struct WfSimulation
{
	WfOnlooker	onlooker;		/* first: the stepper's callbacks find us by it */
	MemoryContext context;		/* of all of this */
	WfDefinition *definition;
	bool		stored;			/* a picture of a process that exists */
	bool		names_only;		/* for one who may not read the definition */

	/* The process as it stands; remade after each event in memory of its own. */
	MemoryContext kept;
	MemoryContext passed;		/* the one before, which the last steps point into */
	WfRow		row;
	bool		exists;			/* it has started */
	List	   *timers;			/* of WfTimerRow */
	List	   *deferred;		/* of WfTimerRow: kept for later */
	List	   *children;		/* of char *: ids of invokes that are played */
	int64		last_seq;

	/* The event at hand. */
	MemoryContext now;
	WfProcess  *process;
	const char *path;			/* of the action that runs, or NULL */
	List	   *effects;		/* of Jsonb: since the last step ended */
	List	   *steps;			/* of WfSimulatedStep */
	List	   *gone;			/* of WfForgottenTimer */
	List	   *armed;			/* of WfNewTimer */
	List	   *living;			/* children, as the event leaves them */
	bool		refusing;		/* nothing of the author's has run yet */

	/* How it ended. */
	ErrorData  *error;			/* or NULL */
	bool		refused;		/* it is a refusal, nothing has run */
} WfSimulation;

/* --- trace.c: what a step does, written down ---------------------------- */

/* The onlooker of a simulation. */
extern void wf_trace_init(WfSimulation *sim);

/* {"effect": kind, key: value, ...}; values NULL are left out.  Ends with NULL. */
extern Jsonb *wf_effect(const char *kind,...);

/* sqlstate, message, detail, hint and context of an error. */
extern Jsonb *wf_error_jsonb(const char *kind, const ErrorData *error);

/* --- simulate.c ---------------------------------------------------------- */

/* A process that has still to start; memory in the current context.  SPI is connected. */
extern WfSimulation *wf_simulation_new(WfDefinition *definition);

/* A process that exists, its timers with it.  Takes no lock.  SPI is connected. */
extern WfSimulation *wf_simulation_of(WfDefinition *definition, const WfRow *row);

/*
 * Let something reach the process, in a subtransaction of its own.  Returns
 * whether it went well; sim->steps tells what it came to, sim->error and
 * sim->effects what went wrong and what came before it, until the next call.
 * Only what would be an error of anything at all is thrown: cancelled,
 * deadlock, out of memory and the like.
 */
extern bool wf_simulate(WfSimulation *sim, const WfStimulus *stimulus);

/* The timer that is due first, or NULL; none for a process that takes none. */
extern const WfTimerRow *wf_simulation_next(const WfSimulation *sim);

/*
 * Run code that leaves nothing: its subtransaction is rolled back however it
 * ends, the clock is set back, nobody is woken.  Errors are thrown on.
 * Refuses read-only transactions and standbys, naming `what`.
 */
extern void wf_forgotten(const char *what, void (*code) (void *arg), void *arg);

#endif							/* WF_SIMULATE_H */

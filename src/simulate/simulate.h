/*
 * simulate.h
 *	  Steps of a process in memory that leave nothing behind.
 */
#ifndef WF_SIMULATE_H
#define WF_SIMULATE_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "definition/definition.h"
#include "process/observer.h"
#include "process/process.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* How an event reaches a simulated process. */
typedef enum WfStimulusKind
{
	WF_STIMULUS_START,
	WF_STIMULUS_COMMAND,
	WF_STIMULUS_TIMER,
	WF_STIMULUS_REPLY			/* of a child that the caller simulates */
} WfStimulusKind;

/* An event for a simulated process. */
typedef struct WfStimulus
{
	WfStimulusKind kind;
	const char *event;
	Jsonb	   *data;			/* START: the input; REPLY: the output; or NULL */
	const char *actor;			/* or NULL */
	const WfTimerRow *timer;	/* TIMER: one that wf_simulate_next() gave */
} WfStimulus;

/* One of the steps that an event has caused. */
typedef struct WfSimulatedStep
{
	const char *event;
	bool		taken;
	bool		deferred;		/* not taken yet, but kept for later */
	Datum		from_states;
	Datum		to_states;
	WfStatus	status;
	Jsonb	   *context;
	List	   *effects;		/* of Jsonb, see wf_trace_effect() */
} WfSimulatedStep;

/* A timer that a step would delete. */
typedef struct WfForgottenTimer
{
	const char *state;			/* NULL: an event that was sent with an id */
	const char *name;			/* NULL: all timers of the process */
} WfForgottenTimer;

/* A timer that a step would insert. */
typedef struct WfNewTimer
{
	WfTimerRow	timer;
	bool		if_absent;		/* only if there is none of its state and name */
} WfNewTimer;

/* A failure of which the process was told. */
typedef struct WfSimulatedTelling
{
	const char *handler;		/* as wf_hearing_handler() says */
	int64		seq;			/* of the event that told */
} WfSimulatedTelling;

/*
 * A simulated process.  Between events it is kept as a row with timers and
 * children; for each event it becomes a WfProcess of a stepper.
 */
typedef struct WfSimulation
{
	WfObserver	observer;		/* first, so that callbacks can cast it to this */
	MemoryContext context;		/* of the simulation */
	WfDefinition *definition;
	bool		stored;			/* a copy of a process that is in the table */
	bool		names_only;		/* the user may not read the definition: effects
								 * do not show expressions and functions */

	/* The process between events, copied after each one into new memory. */
	MemoryContext kept;			/* of the copy */
	MemoryContext passed;		/* of the copy before, to which sim->steps point */
	WfRow		row;
	bool		exists;			/* it has started */
	List	   *timers;			/* of WfTimerRow */
	List	   *deferred;		/* of WfTimerRow */
	List	   *children;		/* of char *: invoke ids of simulated children */
	int64		last_seq;		/* of its timers */

	/* The event that is delivered, or was last. */
	MemoryContext now;			/* reset before each event */
	WfProcess  *process;
	const char *path;			/* of the action that runs, or NULL */
	List	   *effects;		/* of Jsonb: since the last step ended */
	List	   *steps;			/* of WfSimulatedStep */
	List	   *gone;			/* of WfForgottenTimer */
	List	   *armed;			/* of WfNewTimer */
	List	   *living;			/* of char *: children after the event */
	bool		refusing;		/* none of the author's code has run yet */

	/* How it ended. */
	ErrorData  *error;			/* or NULL */
	TimestampTz again;			/* an event that failed is tried again; DT_NOEND: not */
	List	   *told;			/* of WfSimulatedTelling: since it has got on */
	TimestampTz at;				/* when its last step was */
	bool		refused;		/* the error came before any of the author's code */
} WfSimulation;

extern WfSimulation *wf_simulate_new(WfDefinition *definition);
extern WfSimulation *wf_simulate_of(WfDefinition *definition, const WfRow *row);
extern bool wf_simulate(WfSimulation *sim, const WfStimulus *stimulus);
extern const WfTimerRow *wf_simulate_next(const WfSimulation *sim);
extern void wf_simulate_forgotten(const char *what, void (*code) (void *arg), void *arg);

#endif							/* WF_SIMULATE_H */

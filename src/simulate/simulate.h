/*
 * simulate.h
 *	  Steps that are looked at and forgotten.
 *
 * A simulation is a process in memory: it is stepped by the same code as any
 * other, but what a step would write stays here.  What the author's code does
 * is done for real, in a subtransaction that is rolled back, see
 * wf_simulate_forgotten().
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
	WfObserver	observer;		/* first: the stepper's callbacks find us by it */
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

extern WfSimulation *wf_simulate_new(WfDefinition *definition);
extern WfSimulation *wf_simulate_of(WfDefinition *definition, const WfRow *row);
extern bool wf_simulate(WfSimulation *sim, const WfStimulus *stimulus);
extern const WfTimerRow *wf_simulate_next(const WfSimulation *sim);
extern void wf_simulate_forgotten(const char *what, void (*code) (void *arg), void *arg);

#endif							/* WF_SIMULATE_H */

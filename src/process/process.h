/*
 * process.h
 *	  A process in memory, as the rooms that take part in a step share it.
 */
#ifndef WF_PROCESS_H
#define WF_PROCESS_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "eval/user_context.h"
#include "interpreter/machine.h"
#include "process/observer.h"
#include "store/change_sets.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

typedef struct WfStepper WfStepper;

typedef struct WfProcess WfProcess;

/* What an event carries; WfEvent.payload. */
typedef struct WfPayload
{
	Jsonb	   *data;
	Jsonb	   *output;			/* of done events */
	const char *actor;
	ErrorData  *error;			/* what this error event is about, or NULL */
	bool		raised;			/* by the process itself, on the internal queue */
	Jsonb	   *built;			/* the event as user code sees it, when made */
} WfPayload;

/* An event in the process's external queue. */
typedef struct WfQueued
{
	WfTimerRow	timer;			/* seq 0: sent by the process to itself */
	bool		dead;			/* cancelled, or its state was left */
} WfQueued;

/* A timer that a step armed. */
typedef struct WfArmed
{
	WfTimerRow	timer;
	bool		dead;
	bool		if_absent;
} WfArmed;

/* A timer that is not wanted in the table any more. */
typedef struct WfDisarmed
{
	const char *state;			/* NULL: an event sent with an id */
	const char *name;
	bool		keep;			/* taken back when its state is entered again */
	bool		known_absent;	/* was claimed or never stored: nothing to delete */
	TimestampTz due;			/* known_absent and keep: what it was due, or
								 * DT_NOBEGIN */
} WfDisarmed;

/* A process that a state of this one invokes. */
typedef struct WfChild
{
	const char *invoke;			/* its id here */
	pg_uuid_t	id;
	bool		started;		/* false: has its id so far, and mail */
	WfDefinition *definition;	/* of one made by this step, else NULL */
	Jsonb	   *input;			/* or NULL */
	const char *actor;			/* or NULL */
	WfTimerRow *mail;
	int			nmail;
	int			mail_size;
} WfChild;

/* An event that waits until the states which defer it are left. */
typedef struct WfDeferred
{
	WfTimerRow	timer;			/* seq 0: not in the table yet */
	const char *state;			/* of a new one: which defers it */
	bool		gone;			/* worked, or cancelled */
} WfDeferred;

/* The machine of a definition, lent to one process after the other. */
typedef struct WfMachineOf
{
	WfDefinition *definition;
	WfMachine  *machine;
	struct WfMachineOf *next;
} WfMachineOf;

struct WfStepper
{
	uint64		made_after;		/* so many writes of steppers of this session */
	WfObserver *onlooker;		/* or NULL */
	WfChanges   *out;
	List	   *processes;
	WfMachineOf  *machines;
	bool		deferred_known; /* of each process is known if it has deferred events */
	bool		is_batch;		/* of timers that were claimed together */
	WfProcess  *stepping;		/* whose step is under way, or was the last one */
};

struct WfProcess
{
	WfRow		row;			/* as it will be written */
	WfStepper  *stepper;
	WfDefinition *definition;
	WfMachine  *machine;		/* set while it runs */
	Jsonb	   *context;		/* detoasted row.context, or NULL */
	Jsonb	   *own_context;	/* the same, if this step made it and nobody else
								 * points to it: freed when it changes */
	bool		is_new;			/* no row yet */
	Datum		loaded;			/* row.context as it was read */
	bool		unstarted;		/* when it was read */
	bool		search_anew;	/* what is stored to search by is of another
								 * version: write all of it */
	bool		changed;		/* row is to be written */
	bool		unpark;			/* started just now: what waited for it goes on */
	const char *key;
	Oid			starter;		/* of a new one */

	bool		disowned;		/* its parent let it go: tells it nothing more */

	WfEvent		boundary;		/* what starts or cancels it */
	WfUserContext	bracket;
	bool		asking;			/* guards are tried, nothing is taken */
	List	   *refused;		/* transitions that `allow` kept the event from */
	const WfTransition *refusal;	/* the one it would have caused */
	const char *reason;			/* why the event was not taken, for the history */
	WfTimerRow *current;		/* the timer being delivered, or NULL */
	int64		self_left;		/* events it may still send itself: so many for
								 * each one from outside */

	WfQueued   *queue;
	int			nqueue;
	int			queue_size;
	int			head;
	WfArmed    *armed;
	int			narmed;
	int			armed_size;
	WfDisarmed *disarmed;
	int			ndisarmed;
	int			disarmed_size;

	WfDeferred *deferred;
	int			ndeferred;
	int			deferred_size;
	bool		deferred_loaded;	/* those of the table are among them */
	bool		deferred_counted;	/* those of the table, at most: */
	int64		deferred_stored;

	WfChild    *children;
	int			nchildren;
	int			children_size;
	bool		children_known; /* loaded from the row */
	bool		children_changed;
};

extern bool wf_process_would_take(WfProcess *process, const WfTimerRow *timer);

/* Errors say which event of which process they happened in. */
typedef struct WfStepContext
{
	WfProcess  *process;
	const char *event;
} WfStepContext;

extern void wf_process_error_context(void *arg);

#define WF_PUSH_STEP(p, e) \
	WfStepContext step_arg = {(p), (e)}; \
	ErrorContextCallback step_callback = {error_context_stack, wf_process_error_context, &step_arg}; \
	step_arg.process->stepper->stepping = step_arg.process; \
	error_context_stack = &step_callback

#define WF_POP_STEP() \
	error_context_stack = step_callback.previous

/* A scope for evaluating on behalf of a process. */
typedef struct WfProcessScope
{
	WfScope		scope;
	WfProcess  *process;
	const WfEvent *event;
} WfProcessScope;

extern WfDefinition *wf_process_definition(const WfProcess *process);
extern const WfRow *wf_process_as_row(const WfProcess *process);
extern void wf_process_set(WfProcess *process, WfStatus status, bool suspended);
extern TimestampTz wf_process_set_timer(WfStepper *stepper, WfProcess *process,
										const char *name, TimestampTz due);
extern void wf_process_events(WfStepper *stepper, WfProcess *process, const char *actor,
							  void (*found) (void *arg, const char *event, bool enabled),
							  void *arg);
extern ArrayType *wf_process_active(WfProcess *process);
extern bool wf_process_handles(WfProcess *process, const char *event);
extern bool wf_process_has_exit(WfProcess *process);
pg_noreturn extern void wf_process_refuse_missing(const pg_uuid_t *id);
pg_noreturn extern void wf_process_refuse_over(const pg_uuid_t *id);
extern void wf_process_refuse_command(const WfRow *row);

#endif							/* WF_PROCESS_H */

/*
 * process.h
 *	  A process in memory, as the rooms that take part in a step share it.
 */
#ifndef WF_PROCESS_H
#define WF_PROCESS_H

#include "interpreter/interpret.h"
#include "process/step.h"

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

/*
 * Who looks on while a stepper works, and keeps what it would write from being
 * written: trace.c.  NULL for every step in earnest.
 */
typedef struct WfOnlooker
{
	const WfHost *host;			/* instead of wf_process_host */
	WfOutputSink sink;			/* instead of the tables */
	/* Sent, to be delivered at `due` (DT_NOBEGIN: now); target NULL: to itself. */
	void		(*sent) (struct WfOnlooker *self, const char *target,
						 const char *event, Jsonb *data, const char *id,
						 TimestampTz due);
	/* Is this a child that is not there but played? */
	bool		(*plays) (struct WfOnlooker *self, const char *invoke);
	void		(*cancelled) (struct WfOnlooker *self, const char *id);
	/* The action "log", told to nobody else. */
	void		(*logged) (struct WfOnlooker *self, const WfAction *action, Jsonb *value);
	/* A step has ended; the process is as the step left it. */
	void		(*stepped) (struct WfOnlooker *self, const char *event,
							TimestampTz due, bool taken, Datum from_states);
} WfOnlooker;

struct WfStepper
{
	uint64		made_after;		/* so many writes of steppers of this session */
	WfOnlooker *onlooker;		/* or NULL */
	WfOutput   *out;
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
	WfBracket	bracket;
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

/*
 * stepper.c: have the steps of this stepper looked at and not written.  Before
 * the first process is added.
 */
extern void wf_stepper_watch(WfStepper *stepper, WfOnlooker *onlooker);
/* A row that is in no table, or not locked; as wf_stepper_add(). */
extern WfProcess *wf_stepper_add_row(WfStepper *stepper, const WfRow *row,
									 WfDefinition *definition);

/*
 * restore.c: the machine of its definition, set up as the process stands.
 * Error XX001 when that is nothing that the engine could have stored.
 */
extern void wf_process_load(WfProcess *process);
/* Could it be loaded? */
extern bool wf_process_is_sound(WfProcess *process);
/* {"history state": ["state", ...], ...} */
extern Jsonb *wf_history_jsonb(const WfMachine *machine);

/*
 * process.c: would the process take this now?  Its machine is set up.  Guards
 * are tried; nothing is taken or raised.
 */
extern bool wf_process_would_take(WfProcess *process, const WfTimerRow *timer);

/* Errors say which event of which process they happened in. */
typedef struct WfStepContext
{
	WfProcess  *process;
	const char *event;
} WfStepContext;

extern void wf_step_context(void *arg);

#define WF_PUSH_STEP(p, e) \
	WfStepContext step_arg = {(p), (e)}; \
	ErrorContextCallback step_callback = {error_context_stack, wf_step_context, &step_arg}; \
	step_arg.process->stepper->stepping = step_arg.process; \
	error_context_stack = &step_callback

#define WF_POP_STEP() \
	error_context_stack = step_callback.previous

/* host.c: what the interpreter asks for. */
extern const WfHost wf_process_host;

/* scope.c: what came with an event; never NULL. */
extern const WfPayload *wf_payload(const WfEvent *event);
/* On whose behalf it came, or NULL.  Event NULL: what starts or cancels it. */
extern const char *wf_process_actor(WfProcess *process, const WfEvent *event);
/*
 * Evaluate with the process and the event in scope, in the step's bracket.
 * NULL for no value.  Throws what the author's code throws.
 */
extern Jsonb *wf_process_value(WfProcess *process, const WfValue *value,
							   const WfEvent *event);
/*
 * The same where it has to be a string that is not empty, or null; else error
 * 22023, which says `what` it is.
 */
extern char *wf_process_string(WfProcess *process, const WfValue *value,
							   const WfEvent *event, const WfAction *action,
							   const char *what);

/*
 * context.c: make it the context of the process.  Error 22023 when it is no
 * object, 54000 when it is too large.
 */
extern void wf_set_context(WfProcess *process, Jsonb *context);
/* Members get new values (NULL: none); the rest stays. */
extern void wf_change_context(WfProcess *process, int n, const char **keys, Jsonb **values);

/* allow.c: may the actor of this event cause it?  If not, that is noted. */
extern bool wf_process_allowed(WfProcess *process, const WfTransition *transition,
							   const WfEvent *event);
/* What the event would have caused but for `allow`, or NULL. */
extern const WfTransition *wf_process_refusal(WfProcess *process, const WfEvent *event);
/* Error WF002 that says what is needed. */
pg_noreturn extern void wf_refuse(const WfTransition *transition, const char *event,
								  const char *actor);

/* deferred.c: does an active state defer anything?  And this: its name, or NULL. */
extern bool wf_is_deferring(const WfProcess *process);
extern const char *wf_deferred_by(const WfProcess *process, const char *event);
/* Keep it.  Error 54000 when that would be too many. */
extern void wf_defer(WfProcess *process, const WfTimerRow *timer, const char *state);
/*
 * Take the first one that need not wait any longer: no active state defers it,
 * or one would take it now.
 */
extern bool wf_deferred_next(WfProcess *process, WfTimerRow *timer,
							 bool (*would_take) (WfProcess *process, const WfTimerRow *timer));
/* Read what the table has, before the process gets another definition. */
extern void wf_deferred_load(WfProcess *process);
/*
 * After it was put into its states without a step: what none of them defers is
 * delivered as if it had been posted now, in its order.  Looks at those that
 * were loaded.
 */
extern void wf_deferred_release(WfProcess *process, bool parked);
/* Take back those with this id. */
extern void wf_deferred_cancel(WfProcess *process, const char *id);
extern void wf_deferred_write(WfProcess *process, WfOutput *out);

/* armed.c: timers of a process, in memory. */
extern void wf_timers_arm(WfProcess *process, const WfState *state,
						  const WfEvent *event);
extern void wf_timers_disarm(WfProcess *process, const WfState *state);
extern void wf_timers_send(WfProcess *process, const char *event, Jsonb *data,
						   const char *id, TimestampTz due, const char *actor);
extern void wf_timers_cancel(WfProcess *process, const char *id);
/* Start one of an active state anew: see wf_process_set_timer(). */
extern TimestampTz wf_timers_reset(WfProcess *process, const WfState *state,
								   const WfTimer *timer, TimestampTz due);
extern void wf_timers_write(WfProcess *process, WfOutput *out);
/* Sent without delay: delivered already as far as cancel is concerned. */
extern void wf_queue_self(WfProcess *process, const char *event, Jsonb *data,
						  const char *actor);

/* stepper.c: a stepper of this session writes: see wf_stepper_is_late(). */
extern void wf_stepper_written(void);

/* stepper.c: if this stepper has the process, it is nobody's child any more. */
extern void wf_stepper_disown(WfStepper *stepper, const pg_uuid_t *id);

/* A scope for evaluating on behalf of a process. */
typedef struct WfProcessScope
{
	WfScope		scope;
	WfProcess  *process;
	const WfEvent *event;
} WfProcessScope;

extern WfScope *wf_process_scope(WfProcessScope *scope, WfProcess *process,
								 const WfEvent *event);

#endif							/* WF_PROCESS_H */

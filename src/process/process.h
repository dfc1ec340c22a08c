/*
 * process.h
 *	  A process in memory, as the files that take part in its steps share it.
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
#include "eval/user_context.h"
#include "interpreter/machine.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

typedef struct WfStepper WfStepper;

/*
 * A process that is loaded by a stepper.  It lives in the memory context that
 * was current when the stepper was made.  The types of its lists are in the
 * headers of the files that keep them.
 */
typedef struct WfProcess
{
	WfRow		row;			/* as it will be written */
	WfStepper  *stepper;
	WfDefinition *definition;
	WfMachine  *machine;		/* NULL until wf_restore(); other processes of
								 * the definition use it, too */
	Jsonb	   *context;		/* detoasted row.context, or NULL */
	Jsonb	   *own_context;	/* equal to context if this step built it and
								 * nothing else points to it, so that it can be
								 * freed when the context changes; else NULL */
	bool		is_new;			/* has no row in the table yet */
	Datum		loaded;			/* row.context as it was read */
	bool		unstarted;		/* row.step was 0 when the row was read */
	int			loaded_step;	/* row.step as it was read, */
	WfStatus	loaded_status;	/* and row.status */
	double		lag;			/* s by which events came late that were due at a
								 * time, */
	int			lags;			/* and how many these were */
	bool		search_anew;	/* the stored attributes are those of another
								 * version: write all of them */
	bool		changed;		/* row has to be written */
	bool		unpark;			/* started in this transaction: timers that were
								 * parked until then have to be unparked */
	bool		parked;			/* an event of it was parked in this transaction */
	const char *key;			/* business key of a new process, or NULL */
	Oid			starter;		/* role that made a new process */
	bool		disowned;		/* the parent has let go of it and must not be
								 * sent anything */

	/* The step under way. */
	TimestampTz at;				/* its time, once code has asked; 0: not yet */
	WfEvent		boundary;		/* the event that starts or cancels the process;
								 * its payload is NULL at any other time */
	WfUserContext user_context; /* of the author's code in this step */
	WfTraced	traced;			/* the span that this step is: see step_trace.h */
	bool		asking;			/* guards are evaluated, but no transition will
								 * be taken: raise and note nothing */
	List	   *refused;		/* of WfTransition: kept from the event by
								 * `allow` */
	const WfTransition *refusal;	/* the one of them that would have been taken */
	const char *reason;			/* why the event was not taken, for the history,
								 * or NULL */
	const char *remark;			/* an operator's note on the next row of the
								 * history, or NULL */
	WfTimerRow *current;		/* the timer being delivered, or NULL */
	int64		self_left;		/* events that the process may still send to
								 * itself: workflow.max_microsteps for each
								 * event from outside */

	/* Events to be delivered by this stepper, in order: see process_timer.h. */
	struct WfMail *mailbox;
	int			nmailbox;
	int			mailbox_size;
	int			mailbox_head;	/* the first one that was not delivered yet */

	/* Timers to be inserted and to be deleted: see process_timer.h. */
	struct WfArmed *armed;
	int			narmed;
	int			armed_size;
	struct WfDisarmed *disarmed;
	int			ndisarmed;
	int			disarmed_size;

	/* Events kept for later: see deferred.h. */
	struct WfDeferred *deferred;
	int			ndeferred;
	int			deferred_size;
	bool		was_deferring;	/* a state that defers was active when the last
								 * event from outside or from itself came */
	bool		deferred_loaded;	/* the rows of the table are among them */
	bool		deferred_counted;	/* deferred_stored is set */
	int64		deferred_stored;	/* rows of the table: at most that many */

	/* What its states wait for that is published: see correlation.h. */
	List	   *awaited;		/* of WfAwaited: to be inserted */
	List	   *unawaited;		/* of char *: states that were left */
	bool		awaits_anew;	/* what is stored is that of another version */

	/* What people are asked to do: see task.h. */
	List	   *tasks;			/* of WfTaskRow: to be inserted */
	List	   *closings;		/* states with a task that were left */
	Jsonb	   *votes;			/* for the event that is delivered, or NULL */

	/* Processes and runs that its states invoke: see child_list.h, child_run.h. */
	struct WfChild *children;
	int			nchildren;
	int			children_size;
	bool		children_known; /* row.children has been read */
	bool		children_changed;	/* row.children has to be written */
	Jsonb	   *failures;		/* of the elements of the map whose end is worked, or
								 * NULL */
	List	   *new_runs;		/* of WfRunRow: to be inserted */
	List	   *unwanted_runs;	/* of pg_uuid_t: to be cancelled */
} WfProcess;

/* The event that an error is reported for; see WF_PUSH_STEP(). */
typedef struct WfStepContext
{
	WfProcess  *process;
	const char *event;
} WfStepContext;

/*
 * Between the two, an error has a line of context that names the event and the
 * process, and the stepper of the process knows that this is the one which is
 * stepped.  Both stand in the same block; the file includes
 * process/stepper.h.
 */
#define WF_PUSH_STEP(p, e) \
	WfStepContext step_arg = {(p), (e)}; \
	ErrorContextCallback step_callback = {error_context_stack, wf_process_error_context, &step_arg}; \
	step_arg.process->stepper->stepping = step_arg.process; \
	step_arg.process->at = 0; \
	error_context_stack = &step_callback

#define WF_POP_STEP() \
	error_context_stack = step_callback.previous

extern WfDefinition *wf_process_definition(const WfProcess *process);
extern const WfRow *wf_process_as_row(const WfProcess *process);
extern void wf_process_set(WfProcess *process, WfStatus status, bool suspended);
extern ArrayType *wf_process_active(WfProcess *process);
extern bool wf_process_handles(WfProcess *process, const char *event);
extern bool wf_process_has_exit(WfProcess *process);
extern bool wf_process_would_take(WfProcess *process, const WfTimerRow *timer);
extern const char *wf_process_taker(WfProcess *process, const WfTimerRow *timer);
extern const WfTransition *wf_process_would_take_event(WfProcess *process, const WfEvent *event);
extern bool wf_process_is_command(const char *descriptor);
extern TimestampTz wf_process_set_timer(WfStepper *stepper, WfProcess *process,
										const char *name, TimestampTz due);
extern void wf_process_error_context(void *arg);
pg_noreturn extern void wf_process_refuse_missing(const pg_uuid_t *id);
pg_noreturn extern void wf_process_refuse_over(const pg_uuid_t *id);
extern void wf_process_refuse_command(const WfRow *row);

#endif							/* WF_PROCESS_H */

/*
 * bgworker.h
 *	  Background workers: how they are started, and how they begin.
 */
#ifndef WF_WORKER_H
#define WF_WORKER_H

#include "datatype/timestamp.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"

typedef enum WfWorkerKind
{
	WF_WORKER_LAUNCHER,
	WF_WORKER_RUNTIME,
	WF_WORKER_EXECUTOR
} WfWorkerKind;

/* What a worker is told by who starts it; travels in bgw_extra. */
typedef struct WfWorkerArgs
{
	WfWorkerKind kind;
	int			slot;			/* entry in shared memory: databases for a
								 * runtime, executors for an executor */
	uint32		generation;		/* of that entry: a late worker must not take
								 * what was given to another one */
	Oid			dbid;
	Oid			role;			/* executor */
	Oid			extension;		/* executor */
	int32		owner;			/* executor */
} WfWorkerArgs;

/* _PG_init's part: ask the postmaster for the launcher. */
extern void wf_worker_register(void);

/*
 * Ask the postmaster for a worker that is not restarted by itself, and to be
 * told when it starts or ends.  Gives a handle (in TopMemoryContext), or NULL
 * when max_worker_processes is exhausted.
 */
extern BackgroundWorkerHandle *wf_worker_start(const WfWorkerArgs *args);

/* What this worker was told. */
extern const WfWorkerArgs *wf_worker_args(void);

/*
 * First thing in a worker: `leave` runs when it exits, whatever the reason,
 * after its transaction was aborted; then signals are let in.
 */
extern void wf_worker_prepare(pg_on_exit_callback leave);

/*
 * Connect to the database and role of the arguments (none for the launcher)
 * and settle the session: settings that ALTER ROLE or ALTER DATABASE must not
 * bend, names for activity and log lines.
 */
extern void wf_worker_connect(void);

/*
 * Undo what user code did to settings and role of the session; outside of
 * transactions, before each one.  Cheap.
 */
extern void wf_worker_pin(void);

/* Was the role a superuser when this worker logged in? */
extern bool wf_worker_superuser(void);

/* Was this worker told to go (SIGTERM)? */
extern bool wf_worker_terminated(void);

/* Answer interrupts and reload the configuration; outside of transactions. */
extern void wf_worker_interrupts(void);

/*
 * May somebody work in that database?  Not in templates, for instance.  Needs
 * a transaction of its own, begun after whoever asks for the look was heard.
 */
extern bool wf_worker_welcome(Oid dbid, bool *exists);

/*
 * The real time before which what failed `failures` times in a row is not to
 * be tried again: now + 1 s, 2 s, 4 s up to a minute.
 */
extern TimestampTz wf_worker_back_off(int failures);

/* Is a back-off over?  (One beyond any back-off: the clock was set back.) */
extern bool wf_worker_may_start(TimestampTz not_before, TimestampTz now);

#endif							/* WF_WORKER_H */

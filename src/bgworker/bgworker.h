/*
 * bgworker.h
 *	  Background workers: how they are started, and how they begin.
 */
#ifndef WF_BGWORKER_H
#define WF_BGWORKER_H

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

extern void wf_worker_register(void);
extern BackgroundWorkerHandle *wf_worker_start(const WfWorkerArgs *args);
extern const WfWorkerArgs *wf_worker_args(void);
extern void wf_worker_prepare(pg_on_exit_callback leave);
extern void wf_worker_connect(void);
extern void wf_worker_pin(void);
extern bool wf_worker_superuser(void);
extern bool wf_worker_terminated(void);
extern void wf_worker_interrupts(void);
extern bool wf_worker_welcome(Oid dbid, bool *exists);
extern TimestampTz wf_worker_back_off(int failures);
extern bool wf_worker_may_start(TimestampTz not_before, TimestampTz now);

#endif							/* WF_BGWORKER_H */

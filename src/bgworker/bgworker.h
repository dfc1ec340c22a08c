/*
 * bgworker.h
 *	  Background workers: how they are started, and how they begin.
 */
#ifndef WF_BGWORKER_H
#define WF_BGWORKER_H

#include "datatype/timestamp.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"

typedef enum WfBgworkerKind
{
	WF_BGWORKER_LAUNCHER,
	WF_BGWORKER_RUNTIME,
	WF_BGWORKER_EXECUTOR,
	WF_BGWORKER_LINK,			/* a member of another server's cluster */
	WF_BGWORKER_COURIER,		/* claims runs of that server */
	WF_BGWORKER_PLACED,			/* an executor of those */
	WF_BGWORKER_FILES,			/* writes files */
	WF_BGWORKER_FETCH,			/* writes those of that server */
	WF_BGWORKER_WATCHER			/* looks for files that make runs */
} WfBgworkerKind;

/* What a worker is told by who starts it; travels in bgw_extra. */
typedef struct WfBgworkerArgs
{
	WfBgworkerKind kind;
	int			slot;			/* entry in shared memory: databases for a
								 * runtime, executors for an executor,
								 * errands for one of placed runs */
	uint32		generation;		/* of that entry: a late worker must not take
								 * what was given to another one */
	Oid			dbid;
	Oid			role;			/* executors */
	Oid			extension;		/* executor, files, watcher */
	int32		owner;			/* executor */
	bool		reads_only;		/* of placed runs, and of who fetches files: on a standby */
} WfBgworkerArgs;

extern void wf_bgworker_register(void);
extern bool wf_bgworker_is_registered(void);
extern BackgroundWorkerHandle *wf_bgworker_start(const WfBgworkerArgs *args);
extern bool wf_bgworker_is_there(BackgroundWorkerHandle **handle);
extern const WfBgworkerArgs *wf_bgworker_args(void);
extern void wf_bgworker_prepare(pg_on_exit_callback leave);
extern void wf_bgworker_connect(void);
extern void wf_bgworker_pin(void);
extern const char *wf_bgworker_own_path(void);
extern bool wf_bgworker_superuser(void);
extern bool wf_bgworker_terminated(void);
extern int64 wf_bgworker_told_to_end(void);
extern void wf_bgworker_interrupts(void);
extern bool wf_bgworker_welcome(Oid dbid, bool *exists);
extern bool wf_bgworker_finds(const char *database);
extern TimestampTz wf_bgworker_back_off(int failures);

#endif							/* WF_BGWORKER_H */

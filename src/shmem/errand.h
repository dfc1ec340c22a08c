/*
 * errand.h
 *	  Errands: runs of another server, and the executors of this one that do them.
 */
#ifndef WF_ERRAND_H
#define WF_ERRAND_H

#include "storage/dsm.h"

#include "shmem/progress.h"

typedef enum WfErrandState
{
	WF_ERRAND_FREE,				/* nobody is there */
	WF_ERRAND_GIVEN,			/* there is a run; its executor may not have begun */
	WF_ERRAND_BUSY,				/* the executor is at it */
	WF_ERRAND_DONE,				/* it has ended, its outcome is known */
	WF_ERRAND_IDLE,				/* the executor waits for another one */
	WF_ERRAND_LEAVING			/* the executor is to end */
} WfErrandState;

/* A place of an executor. */
typedef struct WfErrand
{
	WfErrandState state;
	uint32		generation;		/* of who is started for this place */
	Oid			role;			/* as whom it works */
	dsm_handle	run;			/* what is to be done */
	dsm_handle	outcome;		/* on a standby: what has become of it; DSM_HANDLE_INVALID: nothing */
	bool		conflict;		/* on a standby: the recovery of that did not let it be done */
	WfProgress	progress;		/* of the run */
	pid_t		pid;			/* 0: not there yet */
	struct Latch *latch;
} WfErrand;

extern Size wf_errand_shmem_size(void);
extern void wf_errand_shmem_attach(void *segment, bool created);
extern WfErrandState wf_errand_look(int place, Oid *role);
extern uint32 wf_errand_give_new(int place, Oid role, dsm_handle run);
extern bool wf_errand_give(int place, dsm_handle run);
extern void wf_errand_dismiss(int place);
extern void wf_errand_take_back(int place);
extern bool wf_errand_settled(int place);
extern dsm_handle wf_errand_take_outcome(int place);
extern bool wf_errand_take_conflict(int place);
extern bool wf_errand_progress_read(int place, const pg_uuid_t *run, WfProgress *progress);
extern void wf_errand_signal(int place, int signal);
extern void wf_errand_signal_all(int signal);
extern int	wf_errand_count(void);
extern bool wf_errand_attach(int place, uint32 generation);
extern void wf_errand_detach(void);
extern bool wf_errand_begin(dsm_handle *run);
extern void wf_errand_progress(const pg_uuid_t *run, int64 done, const int64 *total, const char *note);
extern bool wf_errand_leave_outcome(dsm_handle outcome);
extern void wf_errand_conflict(void);
extern void wf_errand_done(void);
extern bool wf_errand_is_dismissed(void);
extern bool wf_errand_leave(void);

#endif							/* WF_ERRAND_H */

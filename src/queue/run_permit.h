/*
 * run_permit.h
 *	  The permits that runs need.
 */
#ifndef WF_RUN_PERMIT_H
#define WF_RUN_PERMIT_H

#include "utils/jsonb.h"

#include "queue/queue.h"
#include "shmem/permit.h"

/* Named limits of one job. */
#define WF_RUN_PERMIT_LIMITS	8

/* What a run of one job in one partition of a queue takes. */
typedef struct WfRunPermit
{
	bool		rated;			/* some of them count how many begin */
	int			n;
	WfPermitWanted wanted[2 + WF_RUN_PERMIT_LIMITS];
	const char *worker;			/* NULL: of all; "": an executor of this server */
	int			nlimits;		/* of those, named limits */
	const char *names[WF_RUN_PERMIT_LIMITS];
} WfRunPermit;

extern void wf_run_permit_of(int32 queue, int64 part, const Jsonb *limits, const char *worker,
							 WfRunPermit *permit);
extern bool wf_run_permit_take(const WfRunPermit *permit, int32 waiter, WfPermitLife life,
							   TimestampTz *retry_at);
extern bool wf_run_permit_spend(const WfRunPermit *permit, TimestampTz *retry_at);
extern void wf_run_permit_begin(const WfRunPermit *permit, TimestampTz spent_at, TimestampTz now);
extern void wf_run_permit_begun(const WfRunPermit *permit, TimestampTz begun);
extern void wf_run_permit_unspend(const WfRunPermit *permit);
extern bool wf_run_permit_wait(int32 queue, int64 part, int32 waiter);
extern bool wf_run_permit_ask(const WfRunPermit *permit);
extern void wf_run_permit_tell(int32 queue, int64 part);
extern bool wf_run_permit_is_free(const WfRunPermit *permit, WfPermitKind *missing, WfPermitLack *lack);
extern int64 wf_run_permit_taken(int32 queue);
extern void wf_run_permit_give(const WfRunPermit *permit);

#endif							/* WF_RUN_PERMIT_H */

/*
 * run_claim.h
 *	  Runs that outside workers claim.
 */
#ifndef WF_RUN_CLAIM_H
#define WF_RUN_CLAIM_H

#include "datatype/timestamp.h"

#include "job/job.h"
#include "run/run_ready.h"
#include "store/run_row.h"

/* What a worker, or a runtime, wants. */
typedef struct WfRunClaim
{
	int32		executor;		/* runs with a command of this owner; 0: those without */
	int32		queue;			/* 0: in all that are placed on the member */
	const WfMemberRow *member;	/* who claims is a runtime; NULL: it is none */
	const char *worker;
	const char *actor;			/* or NULL */
	int			n;
	const Interval *lease;		/* NULL: it has them for as long as it lives */
	int			njobs;			/* of these jobs only; 0: of any */
	const WfRunReadyJob *jobs;
} WfRunClaim;

extern TimestampTz wf_run_claim_time(const WfMemberRow *member);
extern int	wf_run_claim(const WfRunClaim *wanted, WfRunRow ***rows, TimestampTz *next);
extern bool wf_run_claim_is_ready(const WfRunClaim *wanted, TimestampTz *next);

#endif							/* WF_RUN_CLAIM_H */

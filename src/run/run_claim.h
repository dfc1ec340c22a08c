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

/* What a worker wants. */
typedef struct WfRunClaim
{
	int32		queue;
	const char *worker;
	const char *actor;			/* or NULL */
	int			n;
	const Interval *lease;
	int			njobs;			/* of these jobs only; 0: of any */
	const WfRunReadyJob *jobs;
} WfRunClaim;

extern int	wf_run_claim(const WfRunClaim *wanted, WfRunRow ***rows);
extern bool wf_run_claim_is_ready(const WfRunClaim *wanted, TimestampTz *next);

#endif							/* WF_RUN_CLAIM_H */

/*
 * outcome.h
 *	  The table workflow.outcome: what became of runs of another server that were done here.
 */
#ifndef WF_OUTCOME_H
#define WF_OUTCOME_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What became of a run. */
typedef struct WfOutcome
{
	pg_uuid_t	run;
	int32		round;			/* of the run: another one for each attempt */
	int64		fence;			/* of the claim under which it is to be told */
	Jsonb	   *result;			/* or NULL */
	Jsonb	   *error;			/* NULL: it has finished */
	Jsonb	   *said;			/* what its code has said of it, see run_said.c; or NULL */
	bool		final;			/* an error that no further attempt changes; in memory only */
	int64		number;
} WfOutcome;

extern bool wf_outcome_is_parked(const WfOutcome *outcome);
extern bool wf_outcome_keep(const WfOutcome *outcome);
extern bool wf_outcome_tell_again(const pg_uuid_t *run, int32 round, int64 fence);
extern bool wf_outcome_is_kept(const pg_uuid_t *run, int32 round, int64 fence);
extern int	wf_outcome_untold(int most, WfOutcome **outcomes, bool *more);
extern void wf_outcome_told(const WfOutcome *outcome, bool taken);
extern int64 wf_outcome_last(int most, ArrayType **runs);
extern bool wf_outcome_expire(void);

#endif							/* WF_OUTCOME_H */

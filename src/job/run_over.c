/*-------------------------------------------------------------------------
 *
 * run_over.c
 *	  Runs that end, and what follows from that.
 *
 * Runs in whatever ends a run: executors, outside workers, who cancels it.  All that
 * follows is part of the transaction in which the run ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "job/run_over.h"

/* Keep what became of runs whose rows were taken or deleted. */
void
wf_run_over(int n, WfRunEnd *ends)
{
	wf_run_ended(n, ends);
}

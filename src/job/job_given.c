/*-------------------------------------------------------------------------
 *
 * job_given.c
 *	  What is given for the parameters of a job: does it fit?
 *
 * Runs in any backend, where a run is made, in the caller's transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "job/job_given.h"
#include "parameter/parameter_given.h"

/*
 * The parameters that a run gets: those that are given (NULL: none), as their
 * types write them, with defaults filled in.  Errors are those of
 * wf_parameter_given_check().  Needs an active snapshot.
 */
Jsonb *
wf_job_given_check(const WfJob *job, Jsonb *given)
{
	WfParameterUse use = {
		.kind = "job",.name = job->name,.what = "parameters",
		.author = &job->author,.parameters = job->parameters
	};

	return wf_parameter_given_check(&use, given);
}

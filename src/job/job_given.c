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

#include "base/quote.h"
#include "job/job_given.h"
#include "parameter/parameter_given.h"
#include "parameter/parameters.h"

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

/* Are there only values of plain types, and constants? */
static bool
is_plain(WfParameters *parameters)
{
	for (int i = 0; i < parameters->n; i++)
		if (parameters->items[i].computed != NULL || parameters->items[i].check != NULL)
			return false;
	wf_parameters_compile(parameters);
	return parameters->plain;
}

/*
 * Error 0A000 unless a run of the job can be made without code of its author, as where none
 * may run; what: of what it is made, with its article.
 */
void
wf_job_given_require_plain(const WfJob *job, const char *what)
{
	if (job->partition_by != NULL || (job->parameters != NULL && !is_plain(job->parameters)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("no run of job \"%s\" can be made for %s", wf_quote(job->name), what),
				 errdetail("To make one takes code of its author: a check, a default or a partition that is computed, or a type that is not plain."),
				 errhint("Declare no parameters, or such of text, numeric, boolean or jsonb.")));
}

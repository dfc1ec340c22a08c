/*-------------------------------------------------------------------------
 *
 * job_author.c
 *	  Code of the author of a job: for how long.
 *
 * Runs in any backend.  A job says itself how long its code may run; as whom that runs,
 * eval/author_code.c says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "job/job_author.h"

/* Until when code may run that begins now; *of: what says so. */
static TimestampTz
limit_of(const Interval *timeout, WfLimitOf *of)
{
	TimestampTz now;
	TimestampTz until;
	TimestampTz own;

	*of = WF_LIMIT_OF_SETTING;
	until = wf_author_code_until();
	if (timeout == NULL)
		return until;
	now = GetCurrentTimestamp();
	own = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												  TimestampTzGetDatum(now),
												  IntervalPGetDatum(timeout)));
	if (own >= until)
		return until;
	*of = WF_LIMIT_OF_JOB;
	return own;
}

/*
 * Have code of a job's author run, code(arg), as wf_author_code_run() does.  timeout: NULL
 * for that of the setting only.
 */
void
wf_job_author_run(const WfJob *job, WfUserContext *bracket, const Interval *timeout,
				  WfAuthorCode code, void *arg)
{
	WfLimitOf	of;
	TimestampTz until = limit_of(timeout, &of);

	wf_author_code_run(&job->author, bracket, until, of, code, arg);
}

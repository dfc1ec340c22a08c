/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  When what failed is tried again: an event by `on_error` of its definition,
 *	  a run by `retry` of its job, or else by the settings.
 *
 * Runs in executors (work/attempt.c), which count the attempts.  Reads no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/compile_on_error.h"
#include "definition/retry.h"

/* So many faults of a retry are told. */
#define MOST_FAULTS		10

/*
 * The delay of the settings, which doubles with every attempt.  Half of it is
 * random, so that events which failed together do not come together again.
 */
static TimestampTz
next_attempt(int attempts)
{
	double		ms = wf_retry_delay;

	for (int i = 1; i < attempts && ms < wf_retry_max_delay; i++)
		ms *= 2;
	ms = Min(ms, wf_retry_max_delay);
	ms = ms / 2 + ms / 2 * pg_prng_double(&pg_global_prng_state);
	return wf_clock_now() + (TimestampTz) (ms * 1000.0);
}

/*
 * Does a rule name this SQLSTATE, its class, or all?  Codes of another length than
 * an SQLSTATE, which a worker may report, are in no class.
 */
static bool
is_meant(const WfRetry *retry, const char *code)
{
	for (int i = 0; i < retry->nerrors; i++)
	{
		const char *error = retry->errors[i];

		if (strcmp(error, "*") == 0 || strcmp(error, code) == 0 ||
			(strlen(error) == 2 && strlen(code) == 5 && strncmp(error, code, 2) == 0))
			return true;
	}
	return false;
}

/*
 * The pause before the next attempt of a rule, in seconds.  Whatever its numbers
 * are it is one of 0 to max_delay: a power that is too large is infinite.
 */
static double
pause_of(const WfRetry *retry, int attempts)
{
	double		seconds = retry->interval;

	if (seconds > 0 && retry->rate > 1)
		seconds *= pow(retry->rate, attempts - 1);
	seconds = Min(seconds, retry->max_delay);
	if (retry->jitter)
		seconds *= pg_prng_double(&pg_global_prng_state);
	return seconds;
}

/* So many seconds from now, or the last time that there is. */
static TimestampTz
after(double seconds)
{
	TimestampTz now = wf_clock_now();
	double		microseconds = seconds * USECS_PER_SEC;

	return microseconds < (double) (END_TIMESTAMP - 1 - now) ?
		now + (TimestampTz) microseconds : END_TIMESTAMP - 1;
}

/*
 * The policy that is written as `retry` of a job, in the current memory context.
 * Error 22023 with its faults.
 */
const WfPolicy *
wf_retry_compile(const char *json)
{
	WfFaults	faults = {0};
	const WfPolicy *policy = wf_compile_on_error_retries(json, strlen(json), &faults);

	if (faults.n > MOST_FAULTS)
	{
		faults.more += faults.n - MOST_FAULTS;
		faults.n = MOST_FAULTS;
	}
	if (policy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the retries of the job have faults"),
				 errdetail("%s", wf_diagnostic_text(&faults))));
	return policy;
}

/*
 * When is an event tried again, or a run, that has failed `attempts` times, the
 * last time with this SQLSTATE or code?  *due is a time of wf_clock_now(), with jitter.  policy
 * NULL, or without rules for retries: that of the settings.  False: never.
 */
bool
wf_retry_plan(const WfPolicy *policy, const char *code, int attempts,
			  TimestampTz *due)
{
	if (policy == NULL || !policy->has_retry)
	{
		*due = next_attempt(attempts);
		return attempts < wf_max_attempts;
	}
	for (int i = 0; i < policy->nretries; i++)
	{
		const WfRetry *retry = &policy->retries[i];

		if (!is_meant(retry, code))
			continue;
		*due = after(pause_of(retry, attempts));
		return retry->max_attempts == WF_UNLIMITED || attempts <= retry->max_attempts;
	}
	return false;
}

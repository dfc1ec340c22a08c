/*-------------------------------------------------------------------------
 *
 * worker_arg.c
 *	  Arguments of the functions that workers call.
 *
 * Runs in the sessions of workers, and in executors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/xact.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/worker_arg.h"
#include "job/job.h"
#include "store/origin.h"

/* Nobody has a run for longer, in days, without extending that. */
#define LEASE_MAX	366

/*
 * Connect SPI for a call that changes runs which are claimed.  Error 0A000 where the
 * snapshot of the transaction may be older than the claim.
 */
void
wf_worker_arg_connect(FunctionCallInfo fcinfo)
{
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("runs cannot be claimed or ended in transaction isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errhint("Use READ COMMITTED.")));
}

/* Error 22004 for an argument that is null. */
void
wf_worker_arg_require(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* The fence of a run. */
static int64
fence_of(FunctionCallInfo fcinfo, int n)
{
	wf_worker_arg_require(fcinfo, n, "fence");
	return PG_GETARG_INT64(n);
}

/* The run and fence of a call that a worker makes. */
pg_uuid_t *
wf_worker_arg_run(FunctionCallInfo fcinfo, int n, int64 *fence)
{
	if (PG_ARGISNULL(n) && PG_ARGISNULL(n + 1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments \"run\" and \"fence\" must not be null"),
				 errhint("They are those that claim() has returned.")));
	*fence = fence_of(fcinfo, n + 1);
	return wf_arg_uuid(fcinfo, n, "run");
}

/* The same; NULL without both: the run whose code is being called is meant. */
pg_uuid_t *
wf_worker_arg_run_or_mine(FunctionCallInfo fcinfo, int n, int64 *fence)
{
	return PG_ARGISNULL(n) && PG_ARGISNULL(n + 1) ? NULL : wf_worker_arg_run(fcinfo, n, fence);
}

/* How long a worker has a run. */
const Interval *
wf_worker_arg_lease(FunctionCallInfo fcinfo, int n)
{
	Interval   *lease;

	wf_worker_arg_require(fcinfo, n, "lease");
	lease = PG_GETARG_INTERVAL_P(n);
	if (lease->month < 0 || lease->day < 0 || lease->time < 0 ||
		(lease->month == 0 && lease->day == 0 && lease->time == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must be positive")));
	if (lease->month * INT64CONST(30) + lease->day + lease->time / USECS_PER_DAY > LEASE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must not be longer than %d days", LEASE_MAX),
				 errhint("Extend it with workflow.extend().")));
	return lease;
}

/* On whose behalf; NULL: nobody's. */
char *
wf_worker_arg_actor(FunctionCallInfo fcinfo, int n)
{
	char	   *actor = wf_arg_string_or_null(fcinfo, n);

	if (actor != NULL)
		wf_arg_check_length("the name of an actor is too long", strlen(actor));
	return actor;
}

/* The name of a checkpoint or of an event. */
char *
wf_worker_arg_name(FunctionCallInfo fcinfo, int n, const char *what)
{
	char	   *name = wf_arg_string(fcinfo, n, what);

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	wf_arg_check_length(psprintf("%s is too long", what), strlen(name));
	return name;
}

/* A time that is finite; `without`: if it is null. */
TimestampTz
wf_worker_arg_time(FunctionCallInfo fcinfo, int n, const char *name, TimestampTz without)
{
	TimestampTz at = PG_ARGISNULL(n) ? without : PG_GETARG_TIMESTAMPTZ(n);

	if (!PG_ARGISNULL(n) && TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite", name)));
	return at;
}

/* The names of jobs, with versions, that a worker wants; NIL: all. */
List *
wf_worker_arg_names(FunctionCallInfo fcinfo, int n)
{
	List	   *names = wf_arg_strings(fcinfo, n, "jobs");

	if (!PG_ARGISNULL(n) && names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("jobs must not be empty"),
				 errhint("For all jobs it is null.")));
	return names;
}

/* A number of a range of versions, if there is one. */
static bool
read_version(const char **text, int *version)
{
	char	   *end;
	long		value;

	if (!isdigit((unsigned char) **text))
		return false;
	errno = 0;
	value = strtol(*text, &end, 10);
	if (errno != 0 || value < 1 || value > PG_INT32_MAX)
		return false;
	*version = (int) value;
	*text = end;
	return true;
}

/* Read "3", "3-", "-5" or "3-5"; false: it is none of these. */
static bool
read_versions(const char *text, WfRunReadyJob *job)
{
	bool		from = read_version(&text, &job->from);
	bool		to;

	if (*text != '-')
	{
		job->to = job->from;
		return from && *text == '\0';
	}
	text++;
	to = read_version(&text, &job->to);
	return (from || to) && *text == '\0' && job->from <= job->to;
}

/*
 * What names of jobs mean: NAME, or, of these versions only, NAME:3, NAME:3-, NAME:-5,
 * NAME:3-5.  Returns how many.  Errors WF010, 22023.
 */
int
wf_worker_arg_jobs(const List *names, const WfRunReadyJob **jobs)
{
	WfRunReadyJob *found = palloc(sizeof(WfRunReadyJob) * (list_length(names) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, names)
	{
		const char *text = lfirst(cell);
		const char *colon = strchr(text, ':');
		WfRunReadyJob *job = &found[n++];

		*job = (WfRunReadyJob) {.from = 1,.to = PG_INT32_MAX};
		if (colon != NULL && !read_versions(colon + 1, job))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" names no versions of a job", text),
					 errhint("Write \"charge\", \"charge:3\", \"charge:3-\", \"charge:-5\" or \"charge:3-5\".")));
		job->root = wf_job_newest(colon == NULL ? text : pnstrdup(text, colon - text))->root;
	}
	*jobs = found;
	return n;
}

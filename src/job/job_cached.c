/*-------------------------------------------------------------------------
 *
 * job_cached.c
 *	  Results of a job that are kept for those who call it.
 *
 * Runs in the sessions that call jobs, and in whatever ends a run.  A run is always
 * done, and what comes of it is kept; a call reads what is kept, and, if the job says
 * so, keeps what it had to do itself.  All of it is part of the transaction.
 *
 * Only the role as which the job is done reads or fills it by a call: what it returns
 * may depend on whose rights it has, and who may run a job sees so what comes of his
 * own parameters, not of what others asked before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "job/job_cached.h"
#include "job/job_cached_rule.h"
#include "store/tenant.h"

static WfJobCacheKey
key_of(const WfJob *job, Jsonb *params, const char *tenant)
{
	return (WfJobCacheKey) {.job = job->id,.owner = job->owner,.params = params,.tenant = tenant};
}

/* When something that was made now has this age; NULL: never. */
static TimestampTz
after(TimestampTz now, const Interval *age)
{
	if (age == NULL)
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
												   IntervalPGetDatum(age)));
}

static void
keep(const WfJob *job, Jsonb *params, const char *tenant, Jsonb *result, const pg_uuid_t *process)
{
	TimestampTz now = wf_clock_now();
	WfJobCacheEntry entry = {
		.key = key_of(job, params, tenant),
		.refresh_at = after(now, job->cache->refresh_age),
		.good_until = after(now, job->cache->max_age),
		.result = result,
		.process = process
	};

	wf_job_cache_keep(&entry);
}

/* --- calls ---------------------------------------------------------------------- */

/* Does a call of the current user read what is kept of a job? */
bool
wf_job_cached_is_read(const WfJob *job)
{
	return job->cache != NULL && GetUserId() == job->author.role;
}

/*
 * What is kept for these parameters, as wf_job_given_check() returned them, for the
 * current user.  False: nothing.  SPI must be connected, as for all of these.
 */
bool
wf_job_cached_find(const WfJob *job, Jsonb *params, WfJobCacheFound *found)
{
	WfJobCacheKey key = key_of(job, params, wf_tenant);

	return wf_job_cached_is_read(job) && wf_job_cache_find(&key, wf_clock_now(), found);
}

/*
 * The current user has called a job: keep what came of it, if that is to be.  A
 * transaction with a snapshot of its own could fail at what others have kept: it
 * reads only.
 */
void
wf_job_cached_called(const WfJob *job, Jsonb *params, Jsonb *result)
{
	if (!wf_job_cached_is_read(job) || !job->cache->calls_fill || IsolationUsesXactSnapshot())
		return;
	keep(job, params, wf_tenant, result, NULL);
	wf_job_cache_trim(job->id, job->cache->max_entries);
}

/* --- runs ----------------------------------------------------------------------- */

/* The job whose results are kept, if the run was done. */
static const WfJob *
kept_of(const WfRunEnd *end)
{
	const WfJob *job;

	/* one that was skipped has an error */
	if (end->state != WF_RUN_FINISHED || end->error != NULL)
		return NULL;
	job = wf_job(wf_run_row_job(end->row));
	return job->cache == NULL ? NULL : job;
}

/* These runs have ended: keep what came of those whose jobs say so. */
void
wf_job_cached_ended(int n, const WfRunEnd *ends)
{
	const WfJob *last = NULL;

	for (int i = 0; i < n; i++)
	{
		const WfRunRow *row = ends[i].row;
		const WfJob *job = kept_of(&ends[i]);

		if (job == NULL)
			continue;
		if (last != NULL && last != job)
			wf_job_cache_trim(last->id, last->cache->max_entries);
		keep(job, DatumGetJsonbP(row->values[WF_RUN_params]), wf_tenant_name(wf_run_row_tenant(row)), ends[i].result,
			 row->nulls[WF_RUN_process] ? NULL : DatumGetUUIDP(row->values[WF_RUN_process]));
		last = job;
	}
	if (last != NULL)
		wf_job_cache_trim(last->id, last->cache->max_entries);
}

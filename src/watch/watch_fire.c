/*-------------------------------------------------------------------------
 *
 * watch_fire.c
 *	  Files make runs.
 *
 * Runs in the watcher, where no user code may run, and where files are reported.  So the job
 * is one of which a run is made without code of its author.  The rights are those of the
 * owner of the trigger, each time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "job/job.h"
#include "job/job_given.h"
#include "parameter/parameters.h"
#include "run/run_make.h"
#include "store/run.h"
#include "store/tenant.h"
#include "watch/watch_fire.h"
#include "watch/watch_name.h"

/* The parameter that tells which file it is. */
#define PARAMETER	"triggerfile"

/* The job.  Errors WF010, WF002 if the trigger's owner may not run it, 0A000. */
static const WfJob *
job_of(const WfWatch *watch)
{
	const WfJob *job = wf_job_newest(watch->job);

	wf_job_require_of(watch->role, job, "run");
	wf_job_given_require_plain(job, "a file");
	return job;
}

/* A job that declares its parameters may not want to know. */
static Jsonb *
params_of(const WfWatch *watch, const WfJob *job, const char *name)
{
	static const char *keys[] = {PARAMETER};
	Jsonb	   *values[] = {wf_jsonb_string(wf_watch_name_path(watch->directory, name))};
	bool		wanted = job->parameters == NULL || wf_parameters_get(job->parameters, PARAMETER) != NULL;

	return wf_jsonb_object(wanted ? 1 : 0, keys, values);
}

/* Could a run be made of a file?  Errors of job_of(), and those of run_job().  SPI must be connected. */
void
wf_watch_fire_check(const WfWatch *watch)
{
	const WfJob *job = job_of(watch);

	(void) wf_run_make_queue(job, NULL, watch->role);
	(void) wf_job_given_check(job, params_of(watch, job, "name"));
}

/*
 * Does a run wait that was made of a file before?  It stays so until this transaction ends,
 * and finds the file as it is now.  One that somebody has at the moment may have begun.
 */
static bool
still_waits(const WfWatchSeen *seen)
{
	WfRunRow	row;

	return seen->has_run && wf_run_lock(&seen->run, false, &row) &&
		DatumGetInt16(row.values[WF_RUN_state]) == WF_RUN_WAITING;
}

/* Make runs of these files: seen[which[i]], for i < n. */
static void
make_runs(const WfWatch *watch, const WfJob *job, int n, const int *which, WfWatchSeen *seen)
{
	WfRunWanted *wanted = palloc0(sizeof(WfRunWanted) * n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	WfRunRequest request = {
		.job = job,
		.queue = wf_run_make_queue(job, NULL, watch->role),
		.priority = watch->has_priority ? watch->priority : job->priority,
		.at = wf_clock_now(),
		.actor = psprintf("file_trigger:%s", watch->name),
		.on_conflict = WF_RUN_EXISTING,
		.starter = watch->role
	};
	int			level = wf_tenant_work_for(watch->tenant);

	for (int i = 0; i < n; i++)
		wanted[i].params = params_of(watch, job, seen[which[i]].name);
	wf_run_make(&request, n, wanted, ids);
	for (int i = 0; i < n; i++)
	{
		seen[which[i]].run = ids[i];
		seen[which[i]].has_run = true;
	}
	wf_tenant_work_on(level);
}

/*
 * Make a run of each of n files, but of those of which one waits, and write how they look.
 * The trigger is locked, and is to be written afterwards.  SPI must be connected.  Errors as
 * above.
 */
void
wf_watch_fire(WfWatch *watch, int n, WfWatchSeen *seen)
{
	const WfJob *job = job_of(watch);
	int		   *which = palloc(sizeof(int) * (n + 1));
	int			nruns = 0;

	wf_watch_seen_runs(watch->id, n, seen);
	for (int i = 0; i < n; i++)
		if (!still_waits(&seen[i]))
			which[nruns++] = i;
	if (nruns > 0)
	{
		const WfWatchSeen *last = &seen[which[nruns - 1]];

		make_runs(watch, job, nruns, which, seen);
		watch->made += nruns;
		watch->last_at = wf_clock_now();
		watch->last_file = last->name;
		watch->last_run = last->run;
		watch->has_run = true;
	}
	wf_watch_seen_enter(watch->id, n, seen);
}

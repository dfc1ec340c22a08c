/*-------------------------------------------------------------------------
 *
 * alert_run.c
 *	  The runs by which alerts tell that they begin and end.
 *
 * Runs in the runtime, where no user code may run, and where somebody looks by hand.  So
 * the job of an alert is one of which a run is made without code of its author.  The run
 * is made in the transaction in which the alert changes its state: one for each change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "alert/alert_run.h"
#include "base/clock.h"
#include "base/jsonb.h"
#include "job/job.h"
#include "job/job_given.h"
#include "run/run_make.h"

/* The job.  Errors WF010, WF002 if the alert's owner may not run it, 0A000. */
static const WfJob *
job_of(const WfAlert *alert)
{
	const WfJob *job = wf_job_newest(alert->job);

	wf_job_require_of(alert->role, job, "run");
	wf_job_given_require_plain(job, "an alert");
	return job;
}

static Jsonb *
number(double value)
{
	return wf_jsonb_scalar(DirectFunctionCall1(float8_numeric, Float8GetDatum(value)), NUMERICOID);
}

static char *
time_text(TimestampTz time)
{
	int			zone = 0;

	return JsonEncodeDateTime(NULL, TimestampTzGetDatum(time), TIMESTAMPTZOID, &zone);
}

static Jsonb *
params_of(const WfAlert *alert, bool begins, TimestampTz since)
{
	static const char *keys[] = {"alert", "kind", "state", "value", "threshold", "since"};
	Jsonb	   *values[] = {
		wf_jsonb_string(alert->name),
		wf_jsonb_string(wf_alert_row_kind_name(alert->kind)),
		wf_jsonb_string(begins ? "begins" : "ends"),
		number(alert->value), number(alert->threshold),
		wf_jsonb_string(time_text(since))
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*
 * Could a run be made for an alert?  Errors of job_of(), and those of run_job().  SPI must
 * be connected.
 */
void
wf_alert_run_check(const WfAlert *alert)
{
	const WfJob *job = job_of(alert);

	(void) wf_run_make_queue(job, NULL, alert->role);
	(void) wf_job_given_check(job, params_of(alert, true, wf_clock_now()));
}

/* Make the run for an alert that begins now, or that has begun then and ends now.  Errors as above. */
void
wf_alert_run_make(WfAlert *alert, bool begins, TimestampTz since)
{
	const WfJob *job = job_of(alert);
	WfRunRequest request = {
		.job = job,
		.queue = wf_run_make_queue(job, NULL, alert->role),
		.priority = job->priority,
		.at = wf_clock_now(),
		.actor = psprintf("alert:%s", alert->name),
		.on_conflict = WF_RUN_EXISTING,
		.starter = alert->role
	};
	WfRunWanted wanted = {
		.params = params_of(alert, begins, since),
		.key = psprintf("%s@%s", alert->name, time_text(wf_clock_now()))
	};

	wf_run_make(&request, 1, &wanted, &alert->last_run);
	alert->has_run = true;
}

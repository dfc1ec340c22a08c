/*-------------------------------------------------------------------------
 *
 * schedule_make.c
 *	  The run or process that an occurrence of a schedule makes.
 *
 * Runs in executors of the schedule's owner, and where a schedule is triggered by hand.
 * Rights are those of the owner in either case; the checks of parameters, and the first
 * step of a process, run as for run_job() and start().  What an occurrence makes has its
 * time in the key, so that it is made once whoever makes it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "job/job.h"
#include "job/job_given.h"
#include "run/run_make.h"
#include "run/run_unwanted.h"
#include "process/process.h"
#include "process/start.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "schedule/schedule_make.h"
#include "schedule/schedule_params.h"
#include "store/process_row.h"
#include "store/run.h"
#include "store/tenant.h"

/* What the actors of schedules begin with. */
#define ACTOR	"schedule:"

/* On whose behalf runs and processes are made: how one finds those of a schedule. */
static char *
actor_of(const WfSchedule *schedule)
{
	return psprintf(ACTOR "%s", schedule->name);
}

/* Was a run made by a schedule? */
bool
wf_schedule_make_made(const WfRunRow *run)
{
	const text *actor;

	if (run->nulls[WF_RUN_actor])
		return false;
	actor = DatumGetTextPP(run->values[WF_RUN_actor]);
	return VARSIZE_ANY_EXHDR(actor) >= strlen(ACTOR) &&
		memcmp(VARDATA_ANY(actor), ACTOR, strlen(ACTOR)) == 0;
}

/* The key of what an occurrence makes; none, if it is made by hand. */
static char *
key_of(const WfSchedule *schedule, const WfScheduleOrder *order)
{
	return order->extra ? NULL : psprintf("%s@%s", schedule->name, wf_schedule_params_time(order->occurrence));
}

/* The job of a schedule.  Errors WF010, WF002 if its owner may not run it. */
static const WfJob *
job_of(const WfSchedule *schedule)
{
	const WfJob *job = wf_job_newest(schedule->job);

	wf_job_require_of(schedule->role, job, "run");
	return job;
}

/* Its definition.  Errors WF006, WF002. */
static WfDefinition *
definition_of(const WfSchedule *schedule, const char *privilege)
{
	WfDefinition *definition = wf_definition_by_name(schedule->definition, 0);

	if (!wf_privilege_role_may(schedule->role, definition, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not %s definition \"%s\"",
						GetUserNameFromId(schedule->role, false), strcmp(privilege, "send") == 0 ?
						"send to processes of" : privilege, definition->name),
				 errhint("Its owner can allow it with workflow.grant_on().")));
	return definition;
}

static bool
make_run(const WfSchedule *schedule, const WfScheduleOrder *order, pg_uuid_t *id)
{
	const WfJob *job = job_of(schedule);
	bool		made = true;
	WfRunRequest request = {
		.job = job,
		.queue = wf_run_make_queue(job, NULL, schedule->role),
		.priority = schedule->has_priority ? schedule->priority : job->priority,
		.at = wf_clock_now(),
		.actor = actor_of(schedule),
		.on_conflict = WF_RUN_EXISTING,
		.nafter = order->nafter,
		.after = order->after,
		.after_failed = WF_RUN_AWAITS_RUN,
		.starter = schedule->role,
		.made = &made
	};
	WfRunWanted wanted = {
		.params = wf_schedule_params_of(schedule, order->occurrence),
		.key = key_of(schedule, order)
	};

	wf_run_make(&request, 1, &wanted, id);
	return made;
}

static bool
make_process(const WfSchedule *schedule, const WfScheduleOrder *order, pg_uuid_t *id)
{
	WfStart		start = {
		.definition = definition_of(schedule, "start"),
		.actor = actor_of(schedule),
		.looks_for_early = true
	};

	wf_definition_keep(start.definition);
	return wf_start_one(&start, key_of(schedule, order), wf_schedule_params_of(schedule, order->occurrence), id);
}

/*
 * Make what an occurrence makes, for the schedule's tenant; *id becomes that of the run or process.  False: it was
 * there.  Takes the key.  SPI must be connected, as for all of these.  Errors as of
 * run_job() and start().
 */
bool
wf_schedule_make(const WfSchedule *schedule, const WfScheduleOrder *order, pg_uuid_t *id)
{
	int			level = wf_tenant_work_for(wf_tenant_name(schedule->tenant));
	bool		made = schedule->job != NULL ? make_run(schedule, order, id) : make_process(schedule, order, id);

	wf_tenant_work_on(level);
	return made;
}

/* Could its next occurrence make something?  Errors as above if not. */
void
wf_schedule_make_check(const WfSchedule *schedule)
{
	TimestampTz occurrence = schedule->next == DT_NOEND ? wf_clock_now() : schedule->next;

	if (schedule->job != NULL)
	{
		const WfJob *job = job_of(schedule);

		(void) wf_run_make_queue(job, NULL, schedule->role);
		(void) wf_job_given_check(job, wf_schedule_params_of(schedule, occurrence));
		return;
	}
	(void) definition_of(schedule, "start");
	if (schedule->overlap == WF_OVERLAP_CANCEL)
		(void) definition_of(schedule, "send");
}

/* --- what was made before ----------------------------------------------------------- */

/* Is it over, what an occurrence has made? */
bool
wf_schedule_make_is_over(const WfSchedule *schedule, const pg_uuid_t *id)
{
	WfRunRow	run;
	WfRow		process;

	if (schedule->job != NULL)
		return !wf_run_find(id, &run) || DatumGetInt16(run.values[WF_RUN_state]) >= WF_RUN_FINISHED;
	return !wf_process_row_read(id, &process) || wf_process_row_is_over(&process);
}

/* Nobody waits for a process that somebody else is at: the occurrence comes a moment later. */
static void
cancel_process(const WfSchedule *schedule, const pg_uuid_t *id)
{
	WfDefinition *definition = definition_of(schedule, "send");
	WfStepper  *stepper;
	WfProcess  *process;
	WfRow		row;

	wf_pause_refuse(definition);
	if (!wf_process_row_lock_if_free(id, &row))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("process %s is locked by another transaction", wf_uuid_text(id))));
	if (wf_process_row_is_over(&row))
		return;
	stepper = wf_stepper_new(0);
	process = wf_stepper_add(stepper, &row);
	wf_step_cancel(stepper, process, actor_of(schedule));
	wf_step_write(stepper);
	wf_stepper_end(stepper);
}

/* It is to stop; a run that is under way may take its time. */
void
wf_schedule_make_cancel(const WfSchedule *schedule, const pg_uuid_t *id)
{
	if (schedule->job != NULL)
		wf_run_unwanted(id);
	else
		cancel_process(schedule, id);
}

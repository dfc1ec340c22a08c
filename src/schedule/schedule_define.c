/*-------------------------------------------------------------------------
 *
 * schedule_define.c
 *	  Schedules as they are made: does all of it fit?
 *
 * Runs in the sessions of those who make schedules.  What is stored could be fired when it
 * was: job or definition, rights and parameters are looked at as for an occurrence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "definition/owner_role.h"
#include "run/run_make.h"
#include "queue/queue.h"
#include "schedule/schedule_cron.h"
#include "schedule/schedule_define.h"
#include "schedule/schedule_make.h"
#include "schedule/schedule_time.h"
#include "store/origin.h"
#include "store/tenant.h"

/* A jitter is not longer (days). */
#define LONGEST_JITTER	31

pg_noreturn static void
refuse(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message)));
}

static void
check_name(const char *name)
{
	if (*name == '\0')
		refuse("a schedule needs a name");
	if (strlen(name) > WF_MAX_JOB_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the name of a schedule is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(name), WF_MAX_JOB_NAME)));
	if (strchr(name, ':') != NULL)
		refuse("the name of a schedule must not contain \":\"");
}

/* What is started. */
static void
check_target(const WfSchedule *schedule)
{
	if ((schedule->job == NULL) == (schedule->definition == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a schedule needs either a job or a definition"),
				 schedule->job == NULL ? 0 :
				 errhint("When it recurs is an argument by name: cron => '...', rule => '...' or every => '...'.")));
	if (schedule->definition != NULL && schedule->has_priority)
		refuse("a schedule of a definition has no priority: processes have none");
	if (schedule->has_priority &&
		(schedule->priority < WF_RUN_PRIORITY_LEAST || schedule->priority > WF_RUN_PRIORITY_MOST))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST)));
	if (!JB_ROOT_IS_OBJECT(schedule->params))
		refuse("params must be an object");
}

static void
check_jitter(const Interval *jitter)
{
	if (jitter == NULL)
		return;
	if (jitter->month != 0 || jitter->day < 0 || jitter->time < 0 || jitter->day > LONGEST_JITTER ||
		jitter->time > LONGEST_JITTER * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("jitter must be between 0 and %d days", LONGEST_JITTER)));
}

/* When it is started. */
static void
check_time(const WfSchedule *schedule)
{
	int			given = (schedule->cron != NULL) + (schedule->rule != NULL) + (schedule->every != NULL);

	if (given != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a schedule needs a cron expression, a rule or an interval"),
				 errhint("Give one of \"cron\", \"rule\" and \"every\".")));
	if (schedule->starts >= schedule->ends)
		refuse("a schedule must start before it ends");
	check_jitter(schedule->jitter);
}

/* Who fires it. */
static void
check_engine(WfSchedule *schedule)
{
	if (wf_schedule_cron_is(schedule))
		wf_schedule_cron_check(schedule);
	else if (strcmp(schedule->engine, "workflow") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no engine \"%s\"", wf_quote(schedule->engine)),
				 errhint("engine must be \"workflow\" or \"pg_cron\".")));
}

/* What is not given: the zone of the session; the whole second now, or when it starts. */
static void
complete(WfSchedule *schedule)
{
	if (schedule->zone == NULL)
		schedule->zone = pstrdup(pg_get_timezone_name(session_timezone));
	if (schedule->params == NULL)
		schedule->params = wf_jsonb_object(0, NULL, NULL);
	if (schedule->starts != DT_NOBEGIN)
		schedule->anchor = schedule->starts;
	else if (schedule->anchor == DT_NOBEGIN)
		schedule->anchor = wf_clock_now() - wf_clock_now() % USECS_PER_SEC;
}

/* The next occurrence is the first one from now on. */
static void
plan(WfSchedule *schedule)
{
	WfScheduleTime times;

	wf_schedule_time_begin(&times, schedule);
	wf_schedule_time_plan(schedule, wf_schedule_time_next(&times, wf_clock_now()));
	if (schedule->next == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the schedule has no occurrence from now on")));
}

/*
 * Is a schedule of that role as it has to be?  What is missing is filled in.  moves: its
 * occurrences are others than before, and begin now.  Errors: 22023 and others for what does
 * not fit; those of wf_schedule_make_check().  SPI must be connected, as for the other.
 */
void
wf_schedule_define_check(WfSchedule *schedule, bool moves)
{
	check_engine(schedule);
	complete(schedule);
	check_target(schedule);
	check_time(schedule);
	if (moves)
		plan(schedule);
	wf_schedule_make_check(schedule);
}

/*
 * Store a new schedule of the current user.  Errors also: 42710 if there is one of this
 * name, WF002 if the user cannot own any.
 */
void
wf_schedule_define(WfSchedule *schedule)
{
	check_name(schedule->name);
	wf_owner_role_check(GetUserId(), "a schedule");
	wf_origin_write();
	schedule->role = GetUserId();
	schedule->tenant = wf_tenant_datum();
	schedule->suspended_at = schedule->queued = DT_NOEND;
	schedule->anchor = DT_NOBEGIN;
	wf_schedule_define_check(schedule, true);
	schedule->owner = wf_owner_role_enter(GetUserId());
	if (!wf_schedule_row_insert(schedule))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("schedule \"%s\" already exists", wf_quote(schedule->name)),
				 errhint("workflow.alter_schedule() changes it.")));
	if (wf_schedule_cron_is(schedule))
		wf_schedule_cron_enter(schedule);
}

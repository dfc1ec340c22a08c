/*-------------------------------------------------------------------------
 *
 * schedule_cron.c
 *	  Schedules that pg_cron fires.
 *
 * Runs in the sessions of those who make and drop schedules.  pg_cron keeps a job for each
 * of them, in cron.job of this database, whose command is trigger_now(..., due => true): what
 * is due, we say, and pg_cron only comes and asks.  What it has not fired a minute later, an
 * executor fires (schedule_time.c), so its launcher may be gone for good.
 *
 * What is asked of pg_cron is asked with the rights of the caller, as pg_cron wants it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "schedule/schedule_cron.h"

/* Settings of pg_cron: its time zone, without which it has this one. */
#define ZONE_SETTING	"cron.timezone"
#define ZONE			"GMT"

static const char enter_text[] = "SELECT cron.schedule($1, $2, $3)";

/* Only its owner sees a job. */
static const char leave_text[] =
	"SELECT cron.unschedule(j.jobid) FROM cron.job j WHERE j.jobname OPERATOR(pg_catalog.=) $1"
	" AND j.username OPERATOR(pg_catalog.=) $2 AND j.database OPERATOR(pg_catalog.=) pg_catalog.current_database()";

/* Is a schedule fired by pg_cron? */
bool
wf_schedule_cron_is(const WfSchedule *schedule)
{
	return strcmp(schedule->engine, WF_SCHEDULE_CRON) == 0;
}

static bool
is_installed(void)
{
	return OidIsValid(get_extension_oid("pg_cron", true));
}

/* Error 55000 where pg_cron is not installed. */
void
wf_schedule_cron_require(void)
{
	if (!is_installed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"pg_cron\" is not installed in this database"),
				 errhint("CREATE EXTENSION pg_cron in the database of cron.database_name.")));
}

pg_noreturn static void
refuse(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 errhint("engine => 'workflow' can.")));
}

/* The names of UTC are one zone. */
static bool
is_utc(const char *zone)
{
	return pg_strcasecmp(zone, "GMT") == 0 || pg_strcasecmp(zone, "UTC") == 0 || pg_strcasecmp(zone, "Etc/UTC") == 0;
}

static int
count_fields(const char *cron)
{
	int			n = 0;

	for (const char *c = cron; *c != '\0'; c++)
		if (*c != ' ' && *c != '\t' && (c == cron || c[-1] == ' ' || c[-1] == '\t'))
			n++;
	return n;
}

/*
 * Could pg_cron fire a schedule?  One without a time zone gets that of pg_cron.  Errors:
 * 55000 where it is not installed, 22023 for what it does not know.
 */
void
wf_schedule_cron_check(WfSchedule *schedule)
{
	const char *zone = GetConfigOption(ZONE_SETTING, true, false);

	wf_schedule_cron_require();
	if (zone == NULL || *zone == '\0')
		zone = ZONE;
	if (schedule->cron == NULL || count_fields(schedule->cron) != 5)
		refuse("pg_cron needs a cron expression of five fields");
	if (schedule->jitter != NULL)
		refuse("pg_cron has no jitter");
	if (schedule->zone == NULL)
		schedule->zone = pstrdup(zone);
	if (strcmp(schedule->zone, zone) != 0 && !(is_utc(schedule->zone) && is_utc(zone)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pg_cron works in time zone \"%s\", not in \"%s\"", zone, wf_quote(schedule->zone)),
				 errhint("Leave the zone out, or take engine => 'workflow'.")));
}

/* The name of its job of pg_cron. */
static char *
job_of(const WfSchedule *schedule)
{
	return psprintf("workflow: %s", schedule->name);
}

/* Run a command of pg_cron, as the caller.  Returns how many rows it has found. */
static uint64
execute(const char *command, int n, Datum *values)
{
	Oid			types[3] = {TEXTOID, TEXTOID, TEXTOID};
	int			code = SPI_execute_with_args(command, n, types, values, NULL, false, 0);

	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", command, SPI_result_code_string(code));
	return SPI_processed;
}

/* Have pg_cron keep a job of the current user, or change it.  SPI must be connected, as for all of these. */
void
wf_schedule_cron_job(const char *name, const char *times, const char *command)
{
	Datum		values[3] = {CStringGetTextDatum(name), CStringGetTextDatum(times), CStringGetTextDatum(command)};

	(void) execute(enter_text, 3, values);
}

/* Have pg_cron drop a job of a role.  False: it has none that the current user sees, or is not installed. */
bool
wf_schedule_cron_drop_job(const char *name, Oid role)
{
	char	   *role_name = GetUserNameFromId(role, true);
	Datum		values[2] = {CStringGetTextDatum(name), CStringGetTextDatum(role_name == NULL ? "" : role_name)};

	return is_installed() && execute(leave_text, 2, values) > 0;
}

/*
 * Have pg_cron keep a job for a schedule, or change it.  Error WF002 unless the current user
 * owns the schedule, as whom the job is run.
 */
void
wf_schedule_cron_enter(const WfSchedule *schedule)
{
	char	   *command = psprintf("SELECT workflow.trigger_now(%s, due => true)", quote_literal_cstr(schedule->name));

	if (GetUserId() != schedule->role)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of schedule \"%s\" to change its job of pg_cron", wf_quote(schedule->name))));
	wf_schedule_cron_job(job_of(schedule), schedule->cron, command);
}

/* pg_cron is not to fire a schedule any more. */
void
wf_schedule_cron_leave(const WfSchedule *schedule)
{
	if (is_installed() && !wf_schedule_cron_drop_job(job_of(schedule), schedule->role))
		ereport(WARNING,
				(errmsg("the job \"%s\" of pg_cron was not found", job_of(schedule)),
				 errhint("If it is there, the owner of the schedule can remove it with cron.unschedule().")));
}

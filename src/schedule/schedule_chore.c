/*-------------------------------------------------------------------------
 *
 * schedule_chore.c
 *	  Housekeeping as jobs of pg_cron: what is over expires, what does not fit together
 *	  is told.
 *
 * Runs in the sessions of administrators, as whom pg_cron runs the jobs.  For who looks
 * into cron.job for all that is done at night; the runtime does the same by itself where
 * workflow.retention is set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "schedule/schedule_chore.h"
#include "schedule/schedule_cron.h"

/* No schedule has such a name: its job is called "workflow: NAME". */
#define EXPIRE_NAME		"workflow housekeeping: expire"
#define CHECK_NAME		"workflow housekeeping: check"

/* In the time zone of pg_cron. */
#define EXPIRE_TIMES	"0 3 * * *"
#define CHECK_TIMES		"30 3 * * *"

/* A job that found something has failed: cron.job_run_details says what. */
static const char check_command[] =
	"DO $check$ DECLARE found pg_catalog.text; BEGIN"
	" SELECT pg_catalog.string_agg(pg_catalog.concat_ws(': ', c.problem, c.process, c.detail), '; ')"
	" INTO found FROM workflow.check() c;"
	" IF found IS NOT NULL THEN RAISE EXCEPTION 'workflow.check() has found: %', found; END IF;"
	" END $check$";

/* A positive interval, as every session reads it, whatever its interval style. */
static char *
interval_text(const Interval *interval)
{
	StringInfoData text;

	initStringInfo(&text);
	if (interval->month != 0)
		appendStringInfo(&text, "%d months ", interval->month);
	if (interval->day != 0)
		appendStringInfo(&text, "%d days ", interval->day);
	if (interval->time != 0)
		appendStringInfo(&text, INT64_FORMAT " microseconds ", interval->time);
	text.data[text.len - 1] = '\0';
	return text.data;
}

/*
 * Have pg_cron do the housekeeping of this database as the current user: what is over longer
 * than `keep` expires, at NULL nothing does.  Jobs that are there are changed.  Error 55000
 * where pg_cron is not installed.  SPI must be connected, as for the other.
 */
void
wf_schedule_chore_enter_all(const Interval *keep)
{
	wf_schedule_cron_require();
	wf_schedule_cron_job(CHECK_NAME, CHECK_TIMES, check_command);
	if (keep == NULL)
		(void) wf_schedule_cron_drop_job(EXPIRE_NAME, GetUserId());
	else
		wf_schedule_cron_job(EXPIRE_NAME, EXPIRE_TIMES,
							 psprintf("CALL workflow.expire_all('%s')", interval_text(keep)));
}

/* pg_cron is not to do it any more, as the current user. */
void
wf_schedule_chore_leave_all(void)
{
	(void) wf_schedule_cron_drop_job(EXPIRE_NAME, GetUserId());
	(void) wf_schedule_cron_drop_job(CHECK_NAME, GetUserId());
}

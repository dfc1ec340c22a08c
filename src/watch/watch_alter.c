/*-------------------------------------------------------------------------
 *
 * watch_alter.c
 *	  File triggers that are changed.
 *
 * Runs in the sessions of those who own a file trigger, or administer all, with its row locked.
 * What is known of its files stays: that is what a new one of its name would not have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/alteration.h"
#include "base/quote.h"
#include "job/job.h"
#include "watch/watch_alter.h"
#include "watch/watch_define.h"

static void
set(WfWatch *watch, WfAlteration *alteration)
{
	if (strcmp(alteration->name, "pattern") == 0)
		watch->pattern = wf_alteration_text(alteration, "a string");
	else if (strcmp(alteration->name, "check") == 0)
		watch->check = wf_watch_define_check(wf_alteration_text(alteration, "a string"));
	else if (strcmp(alteration->name, "interval") == 0)
		watch->interval = wf_alteration_interval(alteration);
	else if (strcmp(alteration->name, "settle") == 0)
		watch->settle = wf_alteration_interval(alteration);
	else if (strcmp(alteration->name, "job") == 0)
		watch->job = wf_alteration_text(alteration, "a string");
	else if (strcmp(alteration->name, "priority") == 0)
		watch->has_priority = wf_alteration_int(alteration, &watch->priority);
	else if (strcmp(alteration->name, "starts") == 0)
		watch->starts = wf_alteration_time(alteration, DT_NOBEGIN);
	else if (strcmp(alteration->name, "ends") == 0)
		watch->ends = wf_alteration_time(alteration, DT_NOEND);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no setting \"%s\"", wf_quote(alteration->name)),
				 errhint("There are pattern, check, interval, settle, job, priority, starts and ends.")));
	if (watch->job == NULL)
		wf_alteration_refuse(alteration, "a string");
}

/*
 * Change one that is locked, and write it.  Errors as of alter_file_trigger().  SPI must be
 * connected.
 */
void
wf_watch_alter(WfWatch *watch, const Jsonb *changes)
{
	const char *job = watch->job;
	WfAlteration alteration;

	wf_alteration_begin(&alteration, changes);
	while (wf_alteration_next(&alteration))
		set(watch, &alteration);

	/* who has it run another job could run that himself */
	if (strcmp(watch->job, job) != 0)
		wf_job_require(wf_job_newest(watch->job), "run");
	wf_watch_define_change(watch);
}

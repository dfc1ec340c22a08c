/*-------------------------------------------------------------------------
 *
 * api_cron.c
 *	  workflow.install_cron() and remove_cron(): housekeeping by pg_cron.
 *
 * Runs in client backends.  Whose jobs of pg_cron they are is who calls.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/note.h"
#include "base/interval.h"
#include "schedule/schedule_chore.h"

PG_FUNCTION_INFO_V1(workflow_install_cron);
PG_FUNCTION_INFO_V1(workflow_remove_cron);

/* What expire_all() would refuse each night. */
static void
check_keep(const Interval *keep)
{
	double		days = wf_interval_days(keep);

	if (days <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the retention must be positive")));
	if (days > WF_INTERVAL_LONGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the retention must not be longer than %d days", WF_INTERVAL_LONGEST),
				 errhint("With null nothing expires.")));
}

/* SQL function workflow.install_cron(keep) of sql/parts/schedule.sql. */
Datum
workflow_install_cron(PG_FUNCTION_ARGS)
{
	Interval   *keep = PG_ARGISNULL(0) ? NULL : PG_GETARG_INTERVAL_P(0);

	if (keep != NULL)
		check_keep(keep);
	wf_api_connect_to_write(fcinfo);
	wf_schedule_chore_enter_all(keep);
	wf_note_database("install_cron", NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.remove_cron() of sql/parts/schedule.sql. */
Datum
workflow_remove_cron(PG_FUNCTION_ARGS)
{
	wf_api_connect_to_write(fcinfo);
	wf_schedule_chore_leave_all();
	wf_note_database("remove_cron", NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

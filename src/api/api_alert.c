/*-------------------------------------------------------------------------
 *
 * api_alert.c
 *	  Alerts: making, changing, pausing and dropping them.
 *
 * Runs in client backends.  Whatever changes an alert locks its row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "alert/alert_define.h"
#include "alert/alert_look.h"
#include "alert/alert_row.h"
#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/clock.h"
#include "definition/owner_role.h"
#include "shmem/wakeup.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_create_alert);
PG_FUNCTION_INFO_V1(workflow_create_alert_interval);
PG_FUNCTION_INFO_V1(workflow_create_alert_numeric);
PG_FUNCTION_INFO_V1(workflow_alter_alert);
PG_FUNCTION_INFO_V1(workflow_drop_alert);
PG_FUNCTION_INFO_V1(workflow_pause_alert);
PG_FUNCTION_INFO_V1(workflow_resume_alert);
PG_FUNCTION_INFO_V1(workflow_work_alerts);

/* --- making ---------------------------------------------------------------------- */

/* All of create_alert(); threshold: argument 3 as text, or NULL. */
static Datum
create(FunctionCallInfo fcinfo, const char *threshold)
{
	WfAlert		alert = {0};

	alert.name = wf_arg_string(fcinfo, 0, "name");
	alert.kind = wf_alert_define_kind(wf_arg_string(fcinfo, 1, "kind"));
	alert.filter = wf_arg_jsonb_or_null(fcinfo, 2);
	alert.threshold = wf_alert_define_threshold(alert.kind, threshold);
	alert.job = wf_arg_string_or_null(fcinfo, 4);
	alert.lasting = wf_arg_interval_or_null(fcinfo, 5);
	alert.keep = wf_arg_interval_or_null(fcinfo, 6);
	alert.within = wf_arg_interval_or_null(fcinfo, 7);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_alert_define(&alert);
	wf_note_object("create_alert", "alert", alert.name, alert.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.create_alert(...) of sql/parts/alert.sql, with a threshold in a
 * text.  Waits for a transaction that makes one of the same name.
 */
Datum
workflow_create_alert(PG_FUNCTION_ARGS)
{
	return create(fcinfo, wf_arg_string_or_null(fcinfo, 3));
}

/* The same with an interval; number and date of its text depend on no setting. */
Datum
workflow_create_alert_interval(PG_FUNCTION_ARGS)
{
	Interval   *interval = wf_arg_interval_or_null(fcinfo, 3);

	return create(fcinfo, interval == NULL ? NULL :
				  psprintf("%d months %d days " INT64_FORMAT " microseconds", interval->month, interval->day, interval->time));
}

/* The same with a number. */
Datum
workflow_create_alert_numeric(PG_FUNCTION_ARGS)
{
	return create(fcinfo, PG_ARGISNULL(3) ? NULL :
				  DatumGetCString(DirectFunctionCall1(numeric_out, PG_GETARG_DATUM(3))));
}

/* SQL function workflow.alter_alert(name, changes) of sql/parts/alert.sql. */
Datum
workflow_alter_alert(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfAlert		alert;

	wf_arg_require(fcinfo, 1, "changes");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_alert_define_hold(name, &alert);
	wf_alert_define_alter(&alert, PG_GETARG_JSONB_P(1));
	wf_note_object("alter_alert", "alert", alert.name, alert.owner, NULL, wf_note_changes(PG_GETARG_JSONB_P(1)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.drop_alert(name) of sql/parts/alert.sql. */
Datum
workflow_drop_alert(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfAlert		alert;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_alert_define_hold(name, &alert);
	wf_alert_row_delete(alert.id);
	wf_note_object("drop_alert", "alert", alert.name, alert.owner, NULL, NULL);
	(void) wf_owner_role_release(alert.owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- pausing --------------------------------------------------------------------- */

/* Pause an alert with a note, or have it go on; it is quiet in either case. */
static void
set_paused(FunctionCallInfo fcinfo, const char *act, bool paused, const char *note)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfAlert		alert;

	if (note != NULL)
		wf_arg_check_length("note is too long", strlen(note));
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_alert_define_hold(name, &alert);
	if (alert.state != WF_ALERT_QUIET)
		alert.since = wf_clock_now();
	alert.state = WF_ALERT_QUIET;
	alert.below = DT_NOEND;
	alert.paused = paused;
	alert.note = note;
	wf_alert_row_update(&alert);
	wf_alert_row_change(&alert);
	wf_note_object(act, "alert", alert.name, alert.owner, note, NULL);
	SPI_finish();
}

/* SQL function workflow.pause_alert(name, note) of sql/parts/alert.sql. */
Datum
workflow_pause_alert(PG_FUNCTION_ARGS)
{
	set_paused(fcinfo, "pause_alert", true, wf_arg_string_or_null(fcinfo, 1));
	PG_RETURN_VOID();
}

/* SQL function workflow.resume_alert(name) of sql/parts/alert.sql. */
Datum
workflow_resume_alert(PG_FUNCTION_ARGS)
{
	set_paused(fcinfo, "resume_alert", false, NULL);
	PG_RETURN_VOID();
}

/* --- looking --------------------------------------------------------------------- */

/*
 * SQL function workflow.work_alerts() of sql/parts/alert.sql.  When to look next the runtime
 * finds out by itself.
 */
Datum
workflow_work_alerts(PG_FUNCTION_ARGS)
{
	WfAlertNext next;
	int32		owner;
	int			turned = 0;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	owner = wf_owner_role_id(GetUserId());
	if (owner != 0)
		turned = wf_alert_look(owner, &next);
	wf_wakeup_alerts();
	SPI_finish();
	PG_RETURN_INT32(turned);
}

/*-------------------------------------------------------------------------
 *
 * api_file_trigger.c
 *	  File triggers: making, changing, enabling, disabling and dropping them; files that are reported.
 *
 * Runs in client backends.  Whatever changes a file trigger, or writes what is known of its
 * files, locks its row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "store/origin.h"
#include "watch/watch_alter.h"
#include "watch/watch_define.h"
#include "watch/watch_name.h"
#include "watch/watch_place.h"
#include "watch/watch_report.h"

PG_FUNCTION_INFO_V1(workflow_create_file_trigger);
PG_FUNCTION_INFO_V1(workflow_alter_file_trigger);
PG_FUNCTION_INFO_V1(workflow_drop_file_trigger);
PG_FUNCTION_INFO_V1(workflow_enable_file_trigger);
PG_FUNCTION_INFO_V1(workflow_disable_file_trigger);
PG_FUNCTION_INFO_V1(workflow_report_file);
PG_FUNCTION_INFO_V1(workflow_is_watched);

/* --- making ---------------------------------------------------------------------- */

/*
 * SQL function workflow.create_file_trigger(...) of sql/parts/file_trigger.sql.  Waits for a
 * transaction that makes one of the same name.
 */
Datum
workflow_create_file_trigger(PG_FUNCTION_ARGS)
{
	WfWatch		watch = {0};

	watch.name = wf_arg_string(fcinfo, 0, "name");
	watch.directory = wf_arg_string(fcinfo, 1, "directory");
	watch.pattern = wf_arg_string_or_null(fcinfo, 2);
	watch.check = wf_watch_define_check(wf_arg_string_or_null(fcinfo, 3));
	watch.interval = wf_arg_interval_or_null(fcinfo, 4);
	watch.settle = wf_arg_interval_or_null(fcinfo, 5);
	watch.job = wf_arg_string(fcinfo, 6, "job");
	watch.has_priority = !PG_ARGISNULL(7);
	watch.priority = PG_ARGISNULL(7) ? 0 : PG_GETARG_INT32(7);
	watch.starts = wf_arg_time_or(fcinfo, 8, DT_NOBEGIN);
	watch.ends = wf_arg_time_or(fcinfo, 9, DT_NOEND);
	watch.enabled = PG_ARGISNULL(10) || PG_GETARG_BOOL(10);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_watch_define(&watch);
	wf_note_object("create_file_trigger", "file_trigger", watch.name, watch.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.alter_file_trigger(name, changes) of sql/parts/file_trigger.sql. */
Datum
workflow_alter_file_trigger(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfWatch		watch;

	wf_arg_require(fcinfo, 1, "changes");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_watch_define_hold(name, &watch);
	wf_watch_alter(&watch, PG_GETARG_JSONB_P(1));
	wf_note_object("alter_file_trigger", "file_trigger", watch.name, watch.owner, NULL,
				   wf_note_changes(PG_GETARG_JSONB_P(1)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.drop_file_trigger(name) of sql/parts/file_trigger.sql. */
Datum
workflow_drop_file_trigger(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfWatch		watch;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_watch_define_hold(name, &watch);
	wf_note_object("drop_file_trigger", "file_trigger", watch.name, watch.owner, NULL, NULL);
	wf_watch_define_drop(&watch);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- resting --------------------------------------------------------------------- */

static void
enable(FunctionCallInfo fcinfo, const char *act, bool enabled, const char *note)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfWatch		watch;

	if (note != NULL)
		wf_arg_check_length("note is too long", strlen(note));
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_watch_define_hold(name, &watch);
	wf_watch_define_enable(&watch, enabled, note);
	wf_note_object(act, "file_trigger", watch.name, watch.owner, note, NULL);
	SPI_finish();
}

/* SQL function workflow.enable_file_trigger(name) of sql/parts/file_trigger.sql. */
Datum
workflow_enable_file_trigger(PG_FUNCTION_ARGS)
{
	enable(fcinfo, "enable_file_trigger", true, NULL);
	PG_RETURN_VOID();
}

/* SQL function workflow.disable_file_trigger(name, note) of sql/parts/file_trigger.sql. */
Datum
workflow_disable_file_trigger(PG_FUNCTION_ARGS)
{
	enable(fcinfo, "disable_file_trigger", false, wf_arg_string_or_null(fcinfo, 1));
	PG_RETURN_VOID();
}

/* --- reporting ------------------------------------------------------------------- */

/* How a file looks; false: it has gone.  Error 22023. */
static bool
read_sight(FunctionCallInfo fcinfo, WfWatchSight *sight)
{
	memset(sight, 0, sizeof(*sight));
	sight->size = PG_ARGISNULL(2) ? -1 : PG_GETARG_INT64(2);
	sight->modified = PG_ARGISNULL(3) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(3);
	sight->changed = DT_NOBEGIN;
	sight->read = !PG_ARGISNULL(4);
	if (!PG_ARGISNULL(2) && sight->size < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size must not be negative")));
	if (!PG_ARGISNULL(3) && TIMESTAMP_NOT_FINITE(sight->modified))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("modified must be finite")));
	if (sight->read)
	{
		bytea	   *bytes = PG_GETARG_BYTEA_PP(4);

		if (VARSIZE_ANY_EXHDR(bytes) != sizeof(sight->sha256))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("sha256 must have 32 bytes")));
		memcpy(sight->sha256, VARDATA_ANY(bytes), sizeof(sight->sha256));
	}
	return !(PG_ARGISNULL(2) && PG_ARGISNULL(3) && PG_ARGISNULL(4));
}

/* SQL function workflow.report_file(...) of sql/parts/file_trigger.sql. */
Datum
workflow_report_file(PG_FUNCTION_ARGS)
{
	char	   *trigger = wf_arg_string(fcinfo, 0, "trigger");
	char	   *path = wf_arg_string(fcinfo, 1, "path");
	pg_uuid_t  *run = palloc(sizeof(pg_uuid_t));
	WfWatchSight sight;
	bool		there = read_sight(fcinfo, &sight);
	bool		made;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	made = wf_watch_report(trigger, path, &sight, !there, run);
	SPI_finish();
	if (!made)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(run);
}

/* SQL function workflow.is_watched(directory) of sql/parts/file_trigger.sql, for its view. */
Datum
workflow_is_watched(PG_FUNCTION_ARGS)
{
	char	   *directory = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_BOOL(wf_watch_place_listed(wf_watch_name_to_utf8(directory)) != NULL);
}

/*-------------------------------------------------------------------------
 *
 * api_schedule.c
 *	  Schedules: making, pausing, triggering and dropping them.
 *
 * Runs in client backends.  Whatever changes a schedule locks its row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "base/zone.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "schedule/schedule_alter.h"
#include "schedule/schedule_backfill.h"
#include "schedule/schedule_cron.h"
#include "schedule/schedule_define.h"
#include "schedule/schedule_fire.h"
#include "schedule/schedule_right.h"
#include "schedule/schedule_suspend.h"
#include "schedule/schedule_time.h"
#include "schedule/schedule_word.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_create_schedule);
PG_FUNCTION_INFO_V1(workflow_alter_schedule);
PG_FUNCTION_INFO_V1(workflow_drop_schedule);
PG_FUNCTION_INFO_V1(workflow_pause_schedule);
PG_FUNCTION_INFO_V1(workflow_resume_schedule);
PG_FUNCTION_INFO_V1(workflow_trigger_now);
PG_FUNCTION_INFO_V1(workflow_backfill);
PG_FUNCTION_INFO_V1(workflow_next_times);
PG_FUNCTION_INFO_V1(workflow_may_schedule);

/* So many times are told at once. */
#define MOST_TIMES	10000

/* --- making ---------------------------------------------------------------------- */

static int
word(FunctionCallInfo fcinfo, int n, WfScheduleWords words)
{
	return wf_schedule_word_value(words, wf_arg_string_or_null(fcinfo, n));
}

/* The arguments of create_schedule(). */
static void
read_given(FunctionCallInfo fcinfo, WfSchedule *schedule)
{
	schedule->name = wf_arg_string(fcinfo, 0, "name");
	schedule->job = wf_arg_string_or_null(fcinfo, 1);
	schedule->definition = wf_arg_string_or_null(fcinfo, 2);
	schedule->cron = wf_arg_string_or_null(fcinfo, 3);
	schedule->rule = wf_arg_string_or_null(fcinfo, 4);
	schedule->zone = wf_arg_string_or_null(fcinfo, 5);
	wf_zone_check(schedule->zone);
	schedule->params = wf_arg_jsonb_or_null(fcinfo, 6);
	schedule->starts = wf_arg_time_or(fcinfo, 7, DT_NOBEGIN);
	schedule->ends = wf_arg_time_or(fcinfo, 8, DT_NOEND);
	schedule->overlap = word(fcinfo, 9, WF_WORDS_OVERLAP);
	schedule->catch_up = word(fcinfo, 10, WF_WORDS_CATCH_UP);
	schedule->gap = word(fcinfo, 11, WF_WORDS_GAP);
	schedule->fold = word(fcinfo, 12, WF_WORDS_FOLD);
	schedule->jitter = wf_arg_interval_or_null(fcinfo, 13);
	schedule->calendar = wf_arg_string_or_null(fcinfo, 14);
	schedule->has_priority = !PG_ARGISNULL(15);
	schedule->priority = PG_ARGISNULL(15) ? 0 : PG_GETARG_INT32(15);
	schedule->engine = wf_arg_string(fcinfo, 16, "engine");
	schedule->every = wf_arg_interval_or_null(fcinfo, 17);
}

/*
 * SQL function workflow.create_schedule(...) of sql/parts/schedule.sql.  Waits for a
 * transaction that makes one of the same name.
 */
Datum
workflow_create_schedule(PG_FUNCTION_ARGS)
{
	WfSchedule	schedule = {0};

	read_given(fcinfo, &schedule);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_define(&schedule);
	wf_note_object("create_schedule", "schedule", schedule.name, schedule.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.alter_schedule(name, changes) of sql/parts/schedule.sql. */
Datum
workflow_alter_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfSchedule	schedule;

	wf_arg_require(fcinfo, 1, "changes");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_right_hold(name, &schedule);
	wf_schedule_alter(&schedule, PG_GETARG_JSONB_P(1));
	wf_note_object("alter_schedule", "schedule", schedule.name, schedule.owner, NULL,
				   wf_note_changes(PG_GETARG_JSONB_P(1)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.drop_schedule(name) of sql/parts/schedule.sql. */
Datum
workflow_drop_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfSchedule	schedule;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_right_hold(name, &schedule);
	wf_schedule_row_delete(schedule.id);
	if (wf_schedule_cron_is(&schedule))
		wf_schedule_cron_leave(&schedule);
	wf_privilege_drop_on(WF_PRIVILEGE_SCHEDULE, schedule.name);
	wf_note_object("drop_schedule", "schedule", schedule.name, schedule.owner, NULL, NULL);
	(void) wf_owner_role_release(schedule.owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- pausing --------------------------------------------------------------------- */

/* SQL function workflow.pause_schedule(name, note) of sql/parts/schedule.sql. */
Datum
workflow_pause_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfSchedule	schedule;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_right_hold(name, &schedule);
	schedule.paused = true;
	schedule.note = wf_arg_string_or_null(fcinfo, 1);
	if (schedule.note != NULL)
		wf_arg_check_length("note is too long", strlen(schedule.note));
	wf_schedule_time_plan(&schedule, schedule.next);
	wf_schedule_row_update(&schedule);
	wf_note_object("pause_schedule", "schedule", schedule.name, schedule.owner, schedule.note, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.resume_schedule(name) of sql/parts/schedule.sql. */
Datum
workflow_resume_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfSchedule	schedule;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_right_hold(name, &schedule);
	schedule.paused = false;
	schedule.note = NULL;
	wf_schedule_suspend_end(&schedule);
	wf_schedule_row_update(&schedule);
	wf_note_object("resume_schedule", "schedule", schedule.name, schedule.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- by hand ---------------------------------------------------------------------- */

/* SQL function workflow.trigger_now(name, due) of sql/parts/schedule.sql. */
Datum
workflow_trigger_now(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	bool		due = wf_arg_bool(fcinfo, 1, "due");
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	bool		made = true;
	WfSchedule	schedule;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_right_hold(name, &schedule);
	if (due)
		made = wf_schedule_fire_if_due(&schedule, id);
	else
	{
		wf_schedule_fire_by_hand(&schedule, id);
		wf_note_object("trigger_now", "schedule", schedule.name, schedule.owner, NULL,
					   wf_note_detail("made", wf_jsonb_string(wf_uuid_text(id))));
	}
	SPI_finish();
	if (!made)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(id);
}

/* A time that must be given, and finite. */
static TimestampTz
finite_time(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(n)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"%s\" must be finite", name)));
	return PG_GETARG_TIMESTAMPTZ(n);
}

static Jsonb *
time_of(TimestampTz time)
{
	return wf_jsonb_string(JsonEncodeDateTime(NULL, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL));
}

/* What is noted of so many that were made. */
static Jsonb *
backfilled(TimestampTz from, TimestampTz to, int n)
{
	static const char *const keys[] = {"count", "from_at", "to_at"};
	Jsonb	   *values[] = {wf_note_number(n), time_of(from), time_of(to)};

	return wf_jsonb_object(lengthof(keys), (const char **) keys, values);
}

/* SQL function workflow.backfill(name, from_at, to_at) of sql/parts/schedule.sql. */
Datum
workflow_backfill(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	TimestampTz from = finite_time(fcinfo, 1, "from_at");
	TimestampTz to = finite_time(fcinfo, 2, "to_at");
	WfSchedule	schedule;
	pg_uuid_t  *ids;
	int			n;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_schedule_right_hold(name, &schedule);
	n = wf_schedule_backfill(&schedule, from, to, &ids);
	if (n > 0)
		wf_note_object("backfill", "schedule", schedule.name, schedule.owner, NULL, backfilled(from, to, n));
	for (int i = 0; i < n; i++)
	{
		Datum		value = UUIDPGetDatum(&ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	SPI_finish();
	return (Datum) 0;
}

/* --- looking ---------------------------------------------------------------------- */

static int
read_number(FunctionCallInfo fcinfo, int n)
{
	wf_arg_require(fcinfo, n, "n");
	if (PG_GETARG_INT32(n) < 1 || PG_GETARG_INT32(n) > MOST_TIMES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d", MOST_TIMES)));
	return PG_GETARG_INT32(n);
}

static Datum
look_next_times(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	int			n = read_number(fcinfo, 1);
	WfScheduleTime times;
	WfSchedule	schedule;
	TimestampTz next;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	wf_api_connect_to_look();
	wf_schedule_right_find(name, WF_SCHEDULE_READ, &schedule);
	wf_schedule_time_begin(&times, &schedule);
	next = schedule.next;
	for (int i = 0; i < n && next != DT_NOEND; i++)
	{
		Datum		value = TimestampTzGetDatum(next);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
		next = wf_schedule_time_next(&times, next);
	}
	SPI_finish();
	return (Datum) 0;
}

/* SQL function workflow.next_times(name, n) of sql/parts/schedule.sql.  Locks nothing. */
Datum
workflow_next_times(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_next_times, fcinfo);
}

static Datum
look_may_schedule(PG_FUNCTION_ARGS)
{
	char	   *privilege = wf_arg_string(fcinfo, 1, "privilege");
	bool		may;

	if (!wf_privilege_is_known(WF_PRIVILEGE_SCHEDULE, privilege))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", wf_quote(privilege)),
				 errhint("Privileges on schedules are read and manage.")));
	wf_api_connect_to_look();
	may = wf_schedule_right_may(PG_GETARG_INT32(0), privilege);
	SPI_finish();
	PG_RETURN_BOOL(may);
}

/* SQL function workflow.may_schedule(id, privilege) of sql/parts/schedule.sql.  Locks nothing. */
Datum
workflow_may_schedule(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_may_schedule, fcinfo);
}

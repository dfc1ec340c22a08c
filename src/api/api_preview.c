/*-------------------------------------------------------------------------
 *
 * api_preview.c
 *	  workflow.preview_schedule(): the times of a schedule that is not made yet.
 *
 * Runs in client backends and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/zone.h"
#include "schedule/schedule_time.h"
#include "schedule/schedule_word.h"

PG_FUNCTION_INFO_V1(workflow_preview_schedule);

/* So many times are told at once. */
#define MOST_TIMES	10000

enum
{
	ARG_CRON, ARG_RULE, ARG_ZONE, ARG_FROM, ARG_N, ARG_STARTS, ARG_ENDS, ARG_GAP, ARG_FOLD,
	ARG_EVERY, ARG_CALENDAR
};

/* A time, another one if it is null.  Error 22023 if it is infinite. */
static TimestampTz
time_or(FunctionCallInfo fcinfo, int n, const char *name, TimestampTz otherwise)
{
	if (PG_ARGISNULL(n))
		return otherwise;
	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(n)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", name)));
	return PG_GETARG_TIMESTAMPTZ(n);
}

static int
read_number(FunctionCallInfo fcinfo)
{
	int			n = PG_ARGISNULL(ARG_N) ? 0 : PG_GETARG_INT32(ARG_N);

	if (n < 1 || n > MOST_TIMES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d", MOST_TIMES)));
	return n;
}

/* As create_schedule() reads them, but what it would count from now counts from `from`. */
static void
read_given(FunctionCallInfo fcinfo, TimestampTz from, WfSchedule *schedule)
{
	schedule->cron = wf_arg_string_or_null(fcinfo, ARG_CRON);
	schedule->rule = wf_arg_string_or_null(fcinfo, ARG_RULE);
	schedule->every = PG_ARGISNULL(ARG_EVERY) ? NULL : PG_GETARG_INTERVAL_P(ARG_EVERY);
	if ((schedule->cron != NULL) + (schedule->rule != NULL) + (schedule->every != NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("one of \"cron\", \"rule\" and \"every\" must be given")));
	schedule->zone = wf_arg_string_or_null(fcinfo, ARG_ZONE);
	wf_zone_check(schedule->zone);
	if (schedule->zone == NULL)
		schedule->zone = pg_get_timezone_name(session_timezone);
	schedule->starts = time_or(fcinfo, ARG_STARTS, "starts", DT_NOBEGIN);
	schedule->anchor = time_or(fcinfo, ARG_STARTS, "starts", from);
	schedule->ends = PG_ARGISNULL(ARG_ENDS) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(ARG_ENDS);
	schedule->gap = wf_schedule_word_value(WF_WORDS_GAP, wf_arg_string_or_null(fcinfo, ARG_GAP));
	schedule->fold = wf_schedule_word_value(WF_WORDS_FOLD, wf_arg_string_or_null(fcinfo, ARG_FOLD));
	schedule->calendar = wf_arg_string_or_null(fcinfo, ARG_CALENDAR);
}

static Datum
look_preview(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			n = read_number(fcinfo);
	TimestampTz time = time_or(fcinfo, ARG_FROM, "from_at", GetCurrentTransactionStartTimestamp());
	WfSchedule	schedule = {0};
	WfScheduleTime times;

	read_given(fcinfo, time, &schedule);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	wf_api_connect_to_look();
	wf_schedule_time_begin(&times, &schedule);
	time--;
	while (n-- > 0 && (time = wf_schedule_time_next(&times, time)) != DT_NOEND)
	{
		Datum		value = TimestampTzGetDatum(time);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	SPI_finish();
	return (Datum) 0;
}

/* SQL function workflow.preview_schedule(...) of sql/parts/schedule.sql.  Locks nothing. */
Datum
workflow_preview_schedule(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_preview, fcinfo);
}

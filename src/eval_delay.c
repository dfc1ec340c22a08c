/*-------------------------------------------------------------------------
 *
 * eval_delay.c
 *	  When a delay of a definition is over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "calendar.h"
#include "eval_internal.h"

/*
 * Days and months are added in a time zone: the author's, also outside of the
 * bracket.
 */
static TimestampTz
add_interval(WfEvaluator *evaluator, TimestampTz now, Interval *interval)
{
	pg_tz	   *zone = session_timezone;
	Datum		result = (Datum) 0;

	if (evaluator->zone == NULL)
		evaluator->zone = pg_tzset(evaluator->time_zone);
	if (evaluator->zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", evaluator->time_zone)));
	PG_TRY();
	{
		session_timezone = evaluator->zone;
		result = DirectFunctionCall2(timestamptz_pl_interval,
									 TimestampTzGetDatum(now),
									 IntervalPGetDatum(interval));
	}
	PG_FINALLY();
	{
		session_timezone = zone;
	}
	PG_END_TRY();
	return DatumGetTimestampTz(result);
}

/* The text of a delay, read as always whatever the session's style. */
static Interval *
read_interval(const char *text)
{
	int			style = IntervalStyle;
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		IntervalStyle = INTSTYLE_POSTGRES;
		result = DirectFunctionCall3(interval_in, CStringGetDatum(text),
									 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	PG_FINALLY();
	{
		IntervalStyle = style;
	}
	PG_END_TRY();
	return DatumGetIntervalP(result);
}

Interval *
wf_eval_interval(WfEvaluator *evaluator, const WfDelay *delay)
{
	Interval  **slot = &evaluator->intervals[delay->id];

	if (*slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(evaluator->context);

		*slot = read_interval(delay->text);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

/* A computed number of milliseconds; -1: never. */
static bool
add_milliseconds(TimestampTz now, double ms, TimestampTz *due)
{
	if (ms == -1)
		return false;
	if (isnan(ms) || ms < 0 || ms > 1e14)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("delay of %g milliseconds is out of range", ms)));
	*due = now + (TimestampTz) rint(ms * 1000.0);
	return true;
}

bool
wf_eval_delay(WfEvaluator *evaluator, const WfDelay *delay, WfScope *scope,
			  TimestampTz now, TimestampTz *due)
{
	bool		isnull;
	Oid			type;
	Datum		result;

	switch (delay->kind)
	{
		case WF_DELAY_NONE:
			*due = now;
			return true;
		case WF_DELAY_NEVER:
			return false;
		case WF_DELAY_MS:
			*due = now + delay->ms * 1000;
			return true;
		case WF_DELAY_TEXT:
			*due = add_interval(evaluator, now, wf_eval_interval(evaluator, delay));
			return true;
		case WF_DELAY_WORKING:
			*due = wf_working_time_add(wf_calendar(delay->calendar), now,
									   wf_eval_interval(evaluator, delay));
			return true;
		case WF_DELAY_EXPR:
			break;
	}

	result = wf_eval_expr(evaluator, delay->expr, scope, &isnull, &type);
	if (isnull)
		return false;
	switch (type)
	{
		case INTERVALOID:
			*due = add_interval(evaluator, now, DatumGetIntervalP(result));
			return true;
		case TIMESTAMPTZOID:
			*due = DatumGetTimestampTz(result);
			if (TIMESTAMP_NOT_FINITE(*due))
				ereport(ERROR,
						(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						 errmsg("the due time of a delay must be finite"),
						 errhint("Null means never.")));
			return true;
		case FLOAT8OID:
			return add_milliseconds(now, DatumGetFloat8(result), due);
		default:
			elog(ERROR, "unexpected type %u of a delay", type);
	}
	return false;
}

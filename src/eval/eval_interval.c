/*-------------------------------------------------------------------------
 *
 * eval_interval.c
 *	  Delays of a definition that are known without evaluating an
 *	  expression.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "chart/chart.h"
#include "eval/calendar.h"
#include "eval/eval_interval.h"
#include "eval/evaluator.h"
#include "eval/working_time.h"

/* The author's time zone.  Error 22023 if there is none of its name any more. */
pg_tz *
wf_eval_interval_zone(WfEvaluator *evaluator)
{
	if (evaluator->zone == NULL)
		evaluator->zone = pg_tzset(evaluator->author.time_zone);
	if (evaluator->zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", evaluator->author.time_zone)));
	return evaluator->zone;
}

/*
 * Add an interval to a time.  Days and months are added in the author's time
 * zone, also outside of the owner's context.  Error 22008 if the result is
 * infinite, which an interval can be from version 17 on.
 */
TimestampTz
wf_eval_interval_add(WfEvaluator *evaluator, TimestampTz now, Interval *interval)
{
	pg_tz	   *own = wf_eval_interval_zone(evaluator);
	pg_tz	   *zone = session_timezone;
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		session_timezone = own;
		result = DirectFunctionCall2(timestamptz_pl_interval,
									 TimestampTzGetDatum(now),
									 IntervalPGetDatum(interval));
	}
	PG_FINALLY();
	{
		session_timezone = zone;
	}
	PG_END_TRY();

	if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(result)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the due time of a delay must be finite"),
				 errhint("Use null for a delay that never ends.")));
	return DatumGetTimestampTz(result);
}

/*
 * Parse the text of a delay, always in the same style, whatever the
 * session's is.  Throws the errors of interval_in().
 */
Interval *
wf_eval_interval_of(const char *text)
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

/*
 * Return the interval of a delay that is a text.  It is parsed at its first
 * use and kept by the evaluator.  Throws the errors of interval_in().
 */
Interval *
wf_eval_interval(WfEvaluator *evaluator, const WfDelay *delay)
{
	Interval  **slot = &evaluator->intervals[delay->id];

	if (*slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(evaluator->context);

		*slot = wf_eval_interval_of(delay->text);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

/*
 * Compute when a delay that is not an expression ends, as wf_eval_delay()
 * does.  May read a calendar from its table.
 */
bool
wf_eval_interval_fixed(WfEvaluator *evaluator, const WfDelay *delay, TimestampTz now,
					   TimestampTz *due)
{
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
			*due = wf_eval_interval_add(evaluator, now, wf_eval_interval(evaluator, delay));
			return true;
		case WF_DELAY_WORKING:
			*due = wf_working_time_add(wf_calendar(delay->calendar), now,
									   wf_eval_interval(evaluator, delay));
			return true;
		case WF_DELAY_EXPR:
		case WF_DELAY_RECURRING:
			break;
	}
	elog(ERROR, "not a fixed delay");
	return false;				/* keep compiler quiet */
}

/*-------------------------------------------------------------------------
 *
 * eval_recurring.c
 *	  Delays that end at the next time of a recurrence.
 *
 * Runs in any backend.  The times of a recurrence do not depend on when the delay begins:
 * so nothing drifts, the 31st stays the 31st after a shorter month, and a time of day comes
 * back after the night that does not have it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/quote.h"
#include "base/zone.h"
#include "chart/chart.h"
#include "eval/calendar.h"
#include "eval/eval_interval.h"
#include "eval/eval_recurring.h"
#include "eval/evaluator.h"
#include "eval/working_time.h"

/* So many times in a row on days without working time: there will be no other. */
#define MOST_DAYS_OFF	400

/* Its own zone, else that of the definition.  Error 22023 if there is none of that name. */
static pg_tz *
zone_of(WfEvaluator *evaluator, const WfRecurring *recurring)
{
	pg_tz	   *zone;

	if (recurring->zone == NULL)
		return wf_eval_interval_zone(evaluator);
	zone = strlen(recurring->zone) > TZ_STRLEN_MAX ? NULL : pg_tzset(recurring->zone);
	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", wf_quote(recurring->zone)),
				 errhint(WF_ZONE_HINT)));
	return zone;
}

/* Read a time of ISO 8601, which a clock in this zone shows, unless it has an offset. */
static TimestampTz
read_anchor(const char *text, pg_tz *zone)
{
	pg_tz	   *session = session_timezone;
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		session_timezone = zone;
		result = DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
									 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	PG_FINALLY();
	{
		session_timezone = session;
	}
	PG_END_TRY();
	return DatumGetTimestampTz(result);
}

/*
 * Read a recurrence, in the current memory context.  anchor: if it is computed.  Error 22023
 * for what is none, or never comes; 22008.
 */
static WfRecurrence *
read_recurrence(WfEvaluator *evaluator, const WfDelay *delay, TimestampTz anchor)
{
	const WfRecurring *recurring = delay->recurring;
	pg_tz	   *zone = zone_of(evaluator, recurring);
	WfRecurrenceGap gap = recurring->gap != NULL && strcmp(recurring->gap, "skip") == 0 ?
		WF_GAP_SKIP : WF_GAP_NEXT;
	WfRecurrenceFold fold = recurring->fold != NULL && strcmp(recurring->fold, "second") == 0 ?
		WF_FOLD_SECOND : WF_FOLD_FIRST;

	if (recurring->cron != NULL)
		return wf_recurrence_of_cron(recurring->cron, zone, gap, fold);
	if (recurring->anchor != NULL)
		anchor = read_anchor(recurring->anchor, zone);
	if (recurring->rule != NULL)
		return wf_recurrence_of_rule(recurring->rule, anchor, zone, gap, fold);
	return wf_recurrence_of_interval(wf_eval_interval_of(recurring->every), anchor, zone, gap, fold);
}

/* That of a delay whose anchor is no expression is read once and kept. */
static const WfRecurrence *
recurrence_of(WfEvaluator *evaluator, const WfDelay *delay, TimestampTz anchor)
{
	WfRecurrence **slot = &evaluator->recurrences[delay->id];
	MemoryContext old;

	if (delay->expr != NULL)
		return read_recurrence(evaluator, delay, anchor);
	if (*slot == NULL)
	{
		old = MemoryContextSwitchTo(evaluator->context);
		*slot = read_recurrence(evaluator, delay, DT_NOBEGIN);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

/*
 * For define(): can the recurrence be read?  An anchor that is computed is taken for the
 * year 2000; its expression has been compiled, if it could be.  Error 22023, 22008; 42804
 * if it is no time.
 */
void
wf_eval_recurring_check(WfEvaluator *evaluator, const WfDelay *delay)
{
	const WfCompiled *anchor = delay->expr == NULL ? NULL : &evaluator->compiled[delay->expr->id];

	if (anchor != NULL && anchor->cached != NULL && anchor->type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the anchor of a recurrence must be a time"),
				 errhint("Cast it to timestamptz, timestamp or date.")));
	wf_zone_check(delay->recurring->zone);
	(void) recurrence_of(evaluator, delay, 0);
}

/*
 * The first time later than another that is on a day with working time, by a calendar or
 * NULL.  False if there is none: so many in a row were not.  May read the calendar from its
 * table.
 */
bool
wf_eval_recurring_working(const WfRecurrence *recurrence, const char *calendar,
						  int most_days_off, TimestampTz after, TimestampTz *next)
{
	for (int days_off = 0; days_off < most_days_off; days_off++)
	{
		TimestampTz end;

		CHECK_FOR_INTERRUPTS();
		if (!wf_recurrence_next(recurrence, after, next))
			return false;
		if (calendar == NULL || wf_working_time_is_day(wf_calendar(calendar), *next, &end))
			return true;
		after = end - 1;
	}
	return false;
}

/*
 * Compute when a recurring delay ends that begins at `after`: at the first time that is
 * later.  anchor: if it is computed.  Returns false if there is none any more.
 */
bool
wf_eval_recurring_next(WfEvaluator *evaluator, const WfDelay *delay, TimestampTz anchor,
					   TimestampTz after, TimestampTz *due)
{
	return wf_eval_recurring_working(recurrence_of(evaluator, delay, anchor), delay->calendar,
									 MOST_DAYS_OFF, after, due);
}

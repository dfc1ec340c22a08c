/*-------------------------------------------------------------------------
 *
 * recurrence.c
 *	  When something happens again and again.
 *
 * Runs in any backend; reads no catalog.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "recurrence/recurrence.h"

struct WfRecurrence
{
	pg_tz	   *zone;
	WfRecurrenceGap gap;
	WfRecurrenceFold fold;
};

static void
refuse(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot be computed yet", what)));
}

static WfRecurrence *
make(pg_tz *zone, WfRecurrenceGap gap, WfRecurrenceFold fold)
{
	WfRecurrence *rec = palloc0(sizeof(WfRecurrence));

	rec->zone = zone;
	rec->gap = gap;
	rec->fold = fold;
	return rec;
}

/*
 * Parse a cron expression.  Error 22023, with the position of what is wrong, if
 * it is none, or if it never comes.
 */
WfRecurrence *
wf_recurrence_of_cron(const char *text, pg_tz *zone, WfRecurrenceGap gap, WfRecurrenceFold fold)
{
	refuse("a cron expression");
	return make(zone, gap, fold);
}

/*
 * Parse a rule of RFC 5545, whose DTSTART is `starts`.  Errors as above.
 */
WfRecurrence *
wf_recurrence_of_rule(const char *text, TimestampTz starts, pg_tz *zone, WfRecurrenceGap gap,
					  WfRecurrenceFold fold)
{
	refuse("a rule");
	return make(zone, gap, fold);
}

/*
 * Make the recurrence that has the occurrences anchor + n * every.  Error 22023
 * if the interval is not positive.
 */
WfRecurrence *
wf_recurrence_of_interval(const Interval *every, TimestampTz anchor, pg_tz *zone,
						  WfRecurrenceGap gap, WfRecurrenceFold fold)
{
	refuse("an interval");
	return make(zone, gap, fold);
}

/*
 * Find the first occurrence that is later than a time.  False if there is none
 * any more.
 */
bool
wf_recurrence_next(const WfRecurrence *rec, TimestampTz after, TimestampTz *next)
{
	refuse("a recurrence");
	return rec == NULL;
}

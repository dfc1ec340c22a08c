/*-------------------------------------------------------------------------
 *
 * recurrence.c
 *	  When something happens again and again.
 *
 * What recurs is, to begin with, the time that a clock on the wall shows: of a
 * cron expression, of a rule, or of an anchor and an interval.  local_time.c
 * makes instants of that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/quote.h"
#include "recurrence/cron.h"
#include "recurrence/cron_parse.h"
#include "recurrence/local_time.h"
#include "recurrence/period.h"
#include "recurrence/recurrence.h"
#include "recurrence/rule.h"
#include "recurrence/rule_count.h"
#include "recurrence/rule_parse.h"

#define FIRST_TIME	((TimestampTz) WF_FIRST_DAY * USECS_PER_DAY)
#define END_TIME	((TimestampTz) WF_END_DAY * USECS_PER_DAY)

/* In one piece. */
struct WfRecurrence
{
	WfLocalZone zone;
	TimestampTz starts;			/* nothing is earlier */
	TimestampTz until;			/* or later */
	bool		at_start;		/* starts is an occurrence, whatever the clock shows */
	bool		elapsed;		/* the clock on the wall does not count */
	WfLocalNext next_local;
	union
	{
		WfCron		cron;
		WfRule		rule;
		WfPeriod	period;
	}			times;
};

static WfRecurrence *
make(WfLocalNext next_local, pg_tz *zone, WfRecurrenceGap gap, WfRecurrenceFold fold)
{
	WfRecurrence *rec = palloc0(sizeof(WfRecurrence));

	rec->zone.zone = zone;
	rec->zone.gap = gap;
	rec->zone.fold = fold;
	rec->next_local = next_local;
	rec->starts = FIRST_TIME;
	rec->until = END_TIME;
	return rec;
}

static void
check_start(TimestampTz starts)
{
	if (starts < FIRST_TIME || starts >= END_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the start of a recurrence must be in the years 1 to 9999")));
}

/*
 * Read a cron expression.  Error 22023, with the field and the position of what
 * is wrong, if it is none, or if it names days that no month has.
 */
WfRecurrence *
wf_recurrence_of_cron(const char *text, pg_tz *zone, WfRecurrenceGap gap, WfRecurrenceFold fold)
{
	WfRecurrence *rec = make(wf_cron_next, zone, gap, fold);

	wf_cron_parse(text, &rec->times.cron);
	rec->zone.hourly = rec->times.cron.times.hours == WF_EVERY_HOUR;
	return rec;
}

/* Find the end of a rule, and refuse one that has no beginning. */
static void
settle_end(WfRule *rule, const char *text)
{
	int			misses = 0;

	if (wf_rule_search(rule, rule->starts, &misses) == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the recurrence rule \"%s\" never comes", wf_quote(text)),
				 errdetail("No time from its start on is what all of its parts name.")));
	if (rule->count > 0)
		rule->until_local = Min(rule->until_local, wf_rule_count_last(rule));
}

/*
 * Read a rule of RFC 5545, whose DTSTART is `starts`.  It is an occurrence only
 * if the rule names it.  Error 22023, with the part and the position of what is
 * wrong, if it is none, or if it never comes.
 */
WfRecurrence *
wf_recurrence_of_rule(const char *text, TimestampTz starts, pg_tz *zone, WfRecurrenceGap gap,
					  WfRecurrenceFold fold)
{
	WfRecurrence *rec = make(wf_rule_next, zone, gap, fold);

	check_start(starts);
	starts -= (starts % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC;
	wf_rule_parse(text, wf_local_time_of(zone, starts), &rec->times.rule);
	settle_end(&rec->times.rule, text);
	rec->zone.hourly = wf_rule_is_hourly(&rec->times.rule);
	rec->starts = starts;
	rec->until = Min(rec->until, rec->times.rule.until);
	return rec;
}

/*
 * Make the recurrence that has the occurrences anchor + n * every, from the
 * anchor on.  With days or months the clock on the wall counts, else the time
 * that goes by.  Error 22023 if the interval is not positive, or shorter than a
 * second.
 */
WfRecurrence *
wf_recurrence_of_interval(const Interval *every, TimestampTz anchor, pg_tz *zone,
						  WfRecurrenceGap gap, WfRecurrenceFold fold)
{
	WfRecurrence *rec = make(wf_period_next, zone, gap, fold);

	check_start(anchor);
	wf_period_set(&rec->times.period, every);
	rec->elapsed = !wf_period_has_days(&rec->times.period);
	rec->times.period.anchor = rec->elapsed ? anchor : wf_local_time_of(zone, anchor);
	rec->starts = anchor;
	rec->at_start = true;
	return rec;
}

static bool
next_instant(const WfRecurrence *rec, TimestampTz after, TimestampTz *next)
{
	if (!rec->elapsed)
		return wf_local_time_next(&rec->zone, rec->next_local, &rec->times, after, next);
	*next = rec->next_local(&rec->times, after + 1);
	return *next != DT_NOEND;
}

/*
 * Find the first occurrence that is later than a time.  False if there is none
 * any more: COUNT and UNTIL of a rule are obeyed, and nothing is later than the
 * year 9999.
 */
bool
wf_recurrence_next(const WfRecurrence *rec, TimestampTz after, TimestampTz *next)
{
	if (after >= rec->until)
		return false;
	if (after < rec->starts)
	{
		after = rec->starts - 1;
		if (rec->at_start)
		{
			*next = rec->starts;
			return true;
		}
	}
	return next_instant(rec, after, next) && *next <= rec->until;
}

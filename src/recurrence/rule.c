/*-------------------------------------------------------------------------
 *
 * rule.c
 *	  The times of a recurrence rule of RFC 5545.
 *
 * Rules of days or more go from period to period.  Finer ones have the times of
 * all days that they name, of which every n-th hour, minute or second counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "recurrence/local_time.h"
#include "recurrence/rule.h"
#include "recurrence/rule_day.h"
#include "recurrence/rule_period.h"

/* So often a finer rule may miss before it is called too rare: some milliseconds. */
#define MAX_MISSES	50000

/* The calendar is the same after 400 years. */
#define DAYS_OF_CALENDAR	146097

/* The number of whole seconds that are not before a time. */
static int64
seconds_up(Timestamp time)
{
	return time / USECS_PER_SEC + (time % USECS_PER_SEC > 0);
}

/* Round down, also below zero. */
static int64
divide(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

static int
seconds_of_unit(const WfRule *rule)
{
	return rule->freq == WF_RULE_HOURLY ? SECS_PER_HOUR :
		rule->freq == WF_RULE_MINUTELY ? SECS_PER_MINUTE : 1;
}

/* --- rules of days or more --------------------------------------------- */

static Timestamp
next_in_periods(const WfRule *rule, Timestamp from)
{
	int64		n = wf_rule_period_number(rule, from);
	int64		end = n + wf_rule_period_cycle(rule);
	WfRulePeriod period;

	wf_rule_period_begin(&period, rule);
	/* The first one may be over at `from`, so that it counts at its second turn. */
	for (; n <= end && wf_rule_period_load(&period, n); n++)
	{
		int			i = wf_rule_period_before(&period, from);

		CHECK_FOR_INTERRUPTS();
		if (i < wf_rule_period_count(&period))
			return wf_rule_period_at(&period, i);
	}
	return DT_NOEND;
}

/* --- rules finer than days --------------------------------------------- */

/* The first time of a day that the rule names, whichever units count. */
static int64
next_of_days(const WfRule *rule, WfRuleMonth *month, int64 from)
{
	int			day = (int) divide(from, SECS_PER_DAY);
	int			found = wf_rule_day_next(month, day, day);

	if (found == day)
	{
		int			second = wf_time_set_next(&rule->times, (int) (from - (int64) day * SECS_PER_DAY));

		if (second >= 0)
			return (int64) day * SECS_PER_DAY + second;
	}
	found = wf_rule_day_next(month, day + 1, Min(day + DAYS_OF_CALENDAR, WF_END_DAY - 1));
	if (found == WF_RULE_NO_DAY)
		return PG_INT64_MAX;
	return (int64) found * SECS_PER_DAY + wf_time_set_at(&rule->times, 0);
}

pg_noreturn static void
refuse_rare(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the rule comes too seldom"),
			 errdetail("Too many times that its BY parts name are no multiple of its INTERVAL, which is counted from its start.")));
}

/* Find a time whose unit counts, of those that the rule names. */
static Timestamp
next_in_units(const WfRule *rule, Timestamp from, int *misses)
{
	int64		unit = seconds_of_unit(rule);
	int64		start = divide(seconds_up(rule->starts), unit);
	int64		seconds = seconds_up(from);
	int64		end = seconds + (int64) DAYS_OF_CALENDAR * SECS_PER_DAY;
	WfRuleMonth month = {.rule = rule};

	while (seconds < end && (*misses)++ < MAX_MISSES)
	{
		int64		missed;

		CHECK_FOR_INTERRUPTS();
		seconds = next_of_days(rule, &month, seconds);
		if (seconds == PG_INT64_MAX)
			return DT_NOEND;
		missed = (divide(seconds, unit) - start) % rule->interval;
		if (missed == 0)
			return seconds * USECS_PER_SEC;
		seconds = (divide(seconds, unit) + rule->interval - missed) * unit;
	}
	refuse_rare();
}

/* --- any rule ---------------------------------------------------------- */

/*
 * Find the first local time of a rule that is not before `from`, whether or not
 * the rule has ended; DT_NOEND if there is none.  Rules finer than days add to
 * `misses` what it cost: error 22023 if that is too much.
 */
Timestamp
wf_rule_search(const WfRule *rule, Timestamp from, int *misses)
{
	from = Max(from, rule->starts);
	if (from >= (Timestamp) WF_END_DAY * USECS_PER_DAY)
		return DT_NOEND;
	if (rule->freq > WF_RULE_DAILY)
		return next_in_units(rule, from, misses);
	return next_in_periods(rule, seconds_up(from) * USECS_PER_SEC);
}

/*
 * Find the first local time of a rule that is not before `from`, DT_NOEND if
 * there is none.  Error as above.
 */
Timestamp
wf_rule_next(const void *recurrence, Timestamp from)
{
	const WfRule *rule = recurrence;
	int			misses = 0;
	Timestamp	local = wf_rule_search(rule, from, &misses);

	return local > rule->until_local ? DT_NOEND : local;
}

/* Does something happen in every hour of the days of a rule? */
bool
wf_rule_is_hourly(const WfRule *rule)
{
	if (rule->times.hours != WF_EVERY_HOUR || rule->positions.given)
		return false;
	return rule->freq <= WF_RULE_DAILY ||
		(int64) rule->interval * seconds_of_unit(rule) <= SECS_PER_HOUR;
}

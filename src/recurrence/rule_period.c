/*-------------------------------------------------------------------------
 *
 * rule_period.c
 *	  The periods of a rule: years, months, weeks or days, and what is in
 *	  them.
 *
 * The occurrences of a period are numbered; they are its days times the times
 * of a day, or what BYSETPOS picks of them.  They are never written down one by
 * one: there can be millions in a year.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "recurrence/local_time.h"
#include "recurrence/rule_period.h"

/*
 * After so many periods the calendar is the same again, weekdays included: 400
 * years are 146097 days or 20871 weeks.  With whatever interval a rule goes
 * through its periods, as many of them show all that there is to be seen.
 */
int
wf_rule_period_cycle(const WfRule *rule)
{
	switch (rule->freq)
	{
		case WF_RULE_YEARLY:
			return 400;
		case WF_RULE_MONTHLY:
			return 400 * MONTHS_PER_YEAR;
		case WF_RULE_WEEKLY:
			return 20871;
		default:
			return 146097;
	}
}

static int
week_of(const WfRule *rule, int day)
{
	int			weekday = j2day(day + POSTGRES_EPOCH_JDATE);

	return day - (weekday - rule->week_start + WF_DAYS_PER_WEEK) % WF_DAYS_PER_WEEK;
}

/*
 * The period of the calendar that has a day, by number: of a year, a month, or
 * the first day of a week or day.
 */
static int
number_in_calendar(const WfRule *rule, int day)
{
	int			year;
	int			month;
	int			mday;

	if (rule->freq == WF_RULE_DAILY)
		return day;
	if (rule->freq == WF_RULE_WEEKLY)
		return week_of(rule, day);
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return rule->freq == WF_RULE_YEARLY ? year : year * MONTHS_PER_YEAR + month - 1;
}

/* How far from each other the numbers of two following periods of a rule are. */
static int64
step(const WfRule *rule)
{
	return (int64) rule->interval * (rule->freq == WF_RULE_WEEKLY ? WF_DAYS_PER_WEEK : 1);
}

static int
day_of_month(int64 months)
{
	return date2j((int) (months / MONTHS_PER_YEAR), (int) (months % MONTHS_PER_YEAR) + 1, 1) -
		POSTGRES_EPOCH_JDATE;
}

/* The days of the n-th period, up to the end of the calendar; false if it is beyond. */
static bool
days_of_period(const WfRulePeriod *period, int64 n, int *first, int *last)
{
	int64		number;

	if (n > WF_END_DAY - WF_FIRST_DAY)
		return false;
	number = period->origin + n * step(period->rule);
	switch (period->rule->freq)
	{
		case WF_RULE_YEARLY:
			if (number > 9999)
				return false;
			*first = day_of_month(number * MONTHS_PER_YEAR);
			*last = day_of_month((number + 1) * MONTHS_PER_YEAR) - 1;
			return true;
		case WF_RULE_MONTHLY:
			if (number >= (int64) 10000 * MONTHS_PER_YEAR)
				return false;
			*first = day_of_month(number);
			*last = day_of_month(number + 1) - 1;
			return true;
		default:
			if (number >= WF_END_DAY)
				return false;
			*first = (int) number;
			*last = period->rule->freq == WF_RULE_DAILY ? *first :
				Min(*first + WF_DAYS_PER_WEEK, WF_END_DAY) - 1;
			return true;
	}
}

/* The number of the last period of the rule that begins before or at a time, from 0. */
int
wf_rule_period_number(const WfRule *rule, Timestamp time)
{
	return (int) ((number_in_calendar(rule, wf_local_time_day(time)) -
				   number_in_calendar(rule, wf_local_time_day(rule->starts))) / step(rule));
}

/* How many days times times there are, whether or not BYSETPOS takes them. */
static int
count_all(const WfRulePeriod *period)
{
	return period->ndays * period->times;
}

/* The next position behind one, towards the end or (step -1) the start; 0 if there is none. */
static int
next_position(const uint64 *positions, int position, int step)
{
	for (position += step; position > 0 && position <= 366; position += step)
	{
		if (positions[position / 64] == 0)
			position = step > 0 ? position | 63 : position & ~63;
		else if (positions[position / 64] >> position % 64 & 1)
			return position;
	}
	return 0;
}

/*
 * BYSETPOS: merge what is named from the start with what is named from the end,
 * each number once.
 */
static void
pick(WfRulePeriod *period, int all)
{
	const WfRuleNumbers *positions = &period->rule->positions;
	int			front = next_position(positions->from_start, 0, 1);
	int			back = next_position(positions->from_end, Min(all, 366) + 1, -1);

	period->npicked = 0;
	while ((front != 0 && front <= all) || back != 0)
	{
		int			a = front != 0 ? front - 1 : all;
		int			b = back != 0 ? all - back : all;

		if (Min(a, b) >= all)
			break;
		period->picked[period->npicked++] = Min(a, b);
		if (a <= b)
			front = next_position(positions->from_start, front, 1);
		if (b <= a)
			back = next_position(positions->from_end, back, -1);
	}
	period->all = all;
}

/* Begin to load periods of a rule. */
void
wf_rule_period_begin(WfRulePeriod *period, const WfRule *rule)
{
	period->rule = rule;
	period->origin = number_in_calendar(rule, wf_local_time_day(rule->starts));
	period->times = wf_time_set_count(&rule->times);
	period->month.rule = rule;
	period->month.length = 0;
	period->ndays = 0;
	period->npicked = 0;
	period->all = 0;
}

/* Load the n-th period, from 0.  False if it is beyond the end of the calendar. */
bool
wf_rule_period_load(WfRulePeriod *period, int64 n)
{
	int			day;
	int			last;

	period->ndays = 0;
	if (!days_of_period(period, n, &day, &last))
		return false;
	while ((day = wf_rule_day_next(&period->month, day, last)) != WF_RULE_NO_DAY)
		period->days[period->ndays++] = day++;
	/* Nearly all periods of a rule are alike. */
	if (period->rule->positions.given && period->ndays > 0 && count_all(period) != period->all)
		pick(period, count_all(period));
	return true;
}

/* How many occurrences a period has. */
int
wf_rule_period_count(const WfRulePeriod *period)
{
	if (period->rule->positions.given && period->ndays > 0)
		return period->npicked;
	return count_all(period);
}

/* The n-th occurrence of a period, from 0. */
Timestamp
wf_rule_period_at(const WfRulePeriod *period, int n)
{
	if (period->rule->positions.given)
		n = period->picked[n];
	return period->days[n / period->times] * USECS_PER_DAY +
		wf_time_set_at(&period->rule->times, n % period->times) * USECS_PER_SEC;
}

/* How many days times times are before a time, which is in whole seconds. */
static int
all_before(const WfRulePeriod *period, Timestamp time)
{
	int			day = wf_local_time_day(time);
	int			n = 0;

	while (n < period->ndays && period->days[n] < day)
		n++;
	if (n == period->ndays || period->days[n] > day)
		return n * period->times;
	return n * period->times +
		wf_time_set_before(&period->rule->times,
						   (int) ((time - day * USECS_PER_DAY) / USECS_PER_SEC));
}

/* How many occurrences of a period are before a time, which is in whole seconds. */
int
wf_rule_period_before(const WfRulePeriod *period, Timestamp time)
{
	int			before = all_before(period, time);
	int			n = 0;

	if (!period->rule->positions.given)
		return before;
	while (n < period->npicked && period->picked[n] < before)
		n++;
	return n;
}

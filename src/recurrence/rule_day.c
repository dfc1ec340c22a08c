/*-------------------------------------------------------------------------
 *
 * rule_day.c
 *	  The days that a rule names.
 *
 * A day has to be named by each part of the rule that there is.  The days of a
 * month are computed at once, as a set of bits, most of them without looking at
 * each day.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/datetime.h"

#include "recurrence/rule_day.h"

/* What is to be known of a month to tell what its days are called. */
typedef struct Frame
{
	int			year;
	int			length;			/* days of the month */
	int			weekday;		/* of its first day */
	int			year_day;		/* of its first day, from 0 */
	bool		of_year;		/* ordinals count in the year */
} Frame;

static int
year_length(int year)
{
	return isleap(year) ? 366 : 365;
}

static void
set_frame(const WfRule *rule, int year, int month, Frame *frame)
{
	int			first = date2j(year, month, 1);

	frame->year = year;
	frame->length = day_tab[isleap(year)][month - 1];
	frame->weekday = j2day(first);
	frame->year_day = first - date2j(year, 1, 1);
	frame->of_year = rule->freq == WF_RULE_YEARLY && rule->months == 0;
}

/* BYDAY without ordinals: the pattern of a week, again and again. */
static uint32
plain_weekdays(const WfRule *rule, const Frame *frame)
{
	uint64		week = (rule->weekdays | rule->weekdays << 7) >> frame->weekday & 0x7F;

	return (uint32) (week | week << 7 | week << 14 | week << 21 | week << 28);
}

/* BYDAY with ordinals: the n-th of the month or of the year. */
static uint32
ordinal_weekdays(const WfRule *rule, const Frame *frame)
{
	uint32		days = 0;

	for (int day = 0; day < frame->length; day++)
	{
		int			before = day;
		int			behind = frame->length - 1 - day;

		if (frame->of_year)
		{
			before += frame->year_day;
			behind = year_length(frame->year) - 1 - before;
		}
		if (wf_rule_names(&rule->nth[(frame->weekday + day) % WF_DAYS_PER_WEEK],
						  before / WF_DAYS_PER_WEEK + 1, behind / WF_DAYS_PER_WEEK + 1))
			days |= (uint32) 1 << day;
	}
	return days;
}

static uint32
month_days(const WfRule *rule, const Frame *frame)
{
	uint32		days = (uint32) (rule->month_days.from_start[0] >> 1);
	uint64		ends = rule->month_days.from_end[0];

	while (ends != 0)
	{
		int			n = pg_rightmost_one_pos64(ends);

		if (n <= frame->length)
			days |= (uint32) 1 << (frame->length - n);
		ends &= ends - 1;
	}
	return days;
}

static uint32
year_days(const WfRule *rule, const Frame *frame)
{
	uint32		days = 0;

	for (int day = 0; day < frame->length; day++)
	{
		int			n = frame->year_day + day;

		if (wf_rule_names(&rule->year_days, n + 1, year_length(frame->year) - n))
			days |= (uint32) 1 << day;
	}
	return days;
}

/*
 * BYWEEKNO.  A week belongs to the year that has its fourth day, as in ISO 8601,
 * whatever day it begins with.
 */
static uint32
days_of_weeks(const WfRule *rule, const Frame *frame)
{
	uint32		days = 0;

	for (int day = 0; day < frame->length; day++)
	{
		int			weekday = (frame->weekday + day) % WF_DAYS_PER_WEEK;
		int			of_week = (weekday - rule->week_start + WF_DAYS_PER_WEEK) % WF_DAYS_PER_WEEK;
		int			fourth = frame->year_day + day - of_week + 3;
		int			length = year_length(frame->year);

		if (fourth < 0)
		{
			length = year_length(frame->year - 1);
			fourth += length;
		}
		else if (fourth >= length)
		{
			fourth -= length;
			length = year_length(frame->year + 1);
		}
		if (wf_rule_names(&rule->weeks, fourth / WF_DAYS_PER_WEEK + 1,
						  (length - 1 - fourth) / WF_DAYS_PER_WEEK + 1))
			days |= (uint32) 1 << day;
	}
	return days;
}

/* The days of a month that the rule names; bit 0 is the first one. */
static uint32
days_of_month(const WfRule *rule, int year, int month)
{
	Frame		frame;
	uint32		days;

	if (rule->months != 0 && (rule->months >> month & 1) == 0)
		return 0;
	set_frame(rule, year, month, &frame);
	days = (uint32) ((UINT64CONST(1) << frame.length) - 1);
	if (rule->weekdays != 0 || rule->ordinals)
		days &= plain_weekdays(rule, &frame) |
			(rule->ordinals ? ordinal_weekdays(rule, &frame) : 0);
	if (rule->month_days.given)
		days &= month_days(rule, &frame);
	if (rule->year_days.given)
		days &= year_days(rule, &frame);
	if (rule->weeks.given)
		days &= days_of_weeks(rule, &frame);
	return days;
}

static void
look_at(WfRuleMonth *month, int day)
{
	int			year;
	int			of_year;
	int			mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &of_year, &mday);
	month->first = day - (mday - 1);
	month->length = day_tab[isleap(year)][of_year - 1];
	month->days = days_of_month(month->rule, year, of_year);
}

/*
 * Find the first day that the rule names from a day on, to a last one;
 * WF_RULE_NO_DAY if there is none.
 */
int
wf_rule_day_next(WfRuleMonth *month, int day, int last)
{
	while (day <= last)
	{
		uint32		days;

		if (month->length == 0 || day < month->first || day >= month->first + month->length)
			look_at(month, day);
		days = month->days >> (day - month->first);
		if (days != 0)
		{
			day += pg_rightmost_one_pos32(days);
			return day <= last ? day : WF_RULE_NO_DAY;
		}
		day = month->first + month->length;
	}
	return WF_RULE_NO_DAY;
}

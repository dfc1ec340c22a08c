/*-------------------------------------------------------------------------
 *
 * cron.c
 *	  The times of a cron expression.
 *
 * The days of a month are computed at once, as a set of bits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/datetime.h"

#include "recurrence/cron.h"
#include "recurrence/local_time.h"

/*
 * After so many months the calendar is the same again: weekdays, too.  What
 * none of them has, none has.
 */
#define MONTHS_OF_CALENDAR	(400 * MONTHS_PER_YEAR)

#define SUNDAY		0
#define SATURDAY	6

#define BIT(n)		(UINT64CONST(1) << (n))

/* A month: its length, and the day of the week that it begins with. */
typedef struct Month
{
	int			length;
	int			first;
} Month;

static int
weekday(const Month *month, int day)
{
	return (month->first + day - 1) % WF_DAYS_PER_WEEK;
}

/* The weekday that is nearest to a day, in the same month; 0 if it has no such day. */
static int
nearest_weekday(const Month *month, int day)
{
	if (day > month->length)
		return 0;
	if (weekday(month, day) == SATURDAY)
		return day > 1 ? day - 1 : day + 2;
	if (weekday(month, day) == SUNDAY)
		return day < month->length ? day + 1 : day - 2;
	return day;
}

/* The days that the field of the day of the month names. */
static uint64
days_of_month(const WfCron *cron, const Month *month)
{
	uint64		days = cron->days;

	for (int day = 1; day <= month->length; day++)
	{
		if (cron->from_end & BIT(month->length - day))
			days |= BIT(day);
		if (cron->nearest & BIT(day))
			days |= BIT(nearest_weekday(month, day));
	}
	if (cron->last_weekday)
	{
		int			day = month->length;

		while (weekday(month, day) == SATURDAY || weekday(month, day) == SUNDAY)
			day--;
		days |= BIT(day);
	}
	return days;
}

/* The days that the field of the day of the week names. */
static uint64
days_of_week(const WfCron *cron, const Month *month)
{
	uint64		days = 0;

	for (int day = 1; day <= month->length; day++)
	{
		uint64		bit = BIT(weekday(month, day));

		if ((cron->weekdays & bit) || (cron->nth[(day - 1) / WF_DAYS_PER_WEEK + 1] & bit) ||
			((cron->last & bit) && day > month->length - WF_DAYS_PER_WEEK))
			days |= BIT(day);
	}
	return days;
}

/*
 * The days of a month, as bits from 1.  If both fields are restricted, a day
 * that one of them names is enough.
 */
static uint32
days_of(const WfCron *cron, int year, int month)
{
	Month		this = {day_tab[isleap(year)][month - 1], j2day(date2j(year, month, 1))};
	uint64		days = BIT(this.length + 1) - BIT(1);

	if ((cron->months & BIT(month)) == 0)
		return 0;
	if (!cron->any_day && !cron->any_weekday)
		days &= days_of_month(cron, &this) | days_of_week(cron, &this);
	else if (!cron->any_day)
		days &= days_of_month(cron, &this);
	else if (!cron->any_weekday)
		days &= days_of_week(cron, &this);
	return (uint32) days;
}

static Timestamp
time_on(int year, int month, int day, int second)
{
	return (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		second * USECS_PER_SEC;
}

/*
 * Find the first local time of a cron expression that is not before `from`,
 * DT_NOEND if there is none.
 */
Timestamp
wf_cron_next(const void *recurrence, Timestamp from)
{
	const WfCron *cron = recurrence;
	int			date = wf_local_time_day(from + USECS_PER_SEC - 1);
	int			second = (int) ((from + USECS_PER_SEC - 1 - date * USECS_PER_DAY) / USECS_PER_SEC);
	int			year;
	int			month;
	int			day;
	uint32		days;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	days = days_of(cron, year, month);
	if (days & BIT(day))
	{
		second = wf_time_set_next(&cron->times, second);
		if (second >= 0)
			return time_on(year, month, day, second);
	}
	days &= ~(BIT(day + 1) - 1);
	for (int n = 0; days == 0; n++)
	{
		if (n > MONTHS_OF_CALENDAR || year > 9999)
			return DT_NOEND;
		if (++month > MONTHS_PER_YEAR)
		{
			month = 1;
			year++;
		}
		days = days_of(cron, year, month);
	}
	if (year > 9999)
		return DT_NOEND;
	return time_on(year, month, pg_rightmost_one_pos32(days), wf_time_set_at(&cron->times, 0));
}

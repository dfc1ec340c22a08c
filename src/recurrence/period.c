/*-------------------------------------------------------------------------
 *
 * period.c
 *	  An anchor, and so many times an interval later.
 *
 * The n-th occurrence is the anchor plus n times the interval, not the one
 * before plus the interval: so the 31st is the 28th in February, and the 31st
 * again in March.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "recurrence/local_time.h"
#include "recurrence/period.h"

/* More than from the year 1 to the year 9999. */
#define MAX_MONTHS	(10000 * 12)
#define MAX_DAYS	(10000 * 366)
#define MAX_TIME	(MAX_DAYS * USECS_PER_DAY)

#define LIMIT		((Timestamp) WF_END_DAY * USECS_PER_DAY)

/*
 * Read and check an interval.  Error 22023 if it is not positive, too short or
 * too long.
 */
void
wf_period_set(WfPeriod *period, const Interval *every)
{
	if (every->month < 0 || every->day < 0 || every->time < 0 ||
		(every->month == 0 && every->day == 0 && every->time < USECS_PER_SEC))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the interval of a recurrence must be at least one second"),
				 errdetail("Neither its months, nor its days, nor its hours may be negative.")));
	if (every->month > MAX_MONTHS || every->day > MAX_DAYS || every->time > MAX_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the interval of a recurrence is too long"),
				 errdetail("Nothing is computed beyond the year 9999.")));
	period->months = every->month;
	period->days = every->day;
	period->time = every->time;
}

/*
 * Does the clock on the wall count?  Without days and months it does not, as in
 * PostgreSQL: 24 hours are not always a day.
 */
bool
wf_period_has_days(const WfPeriod *period)
{
	return period->months != 0 || period->days != 0;
}

/* A time some months later, on the last day of the month if it is too short. */
static Timestamp
add_months(Timestamp time, int64 months)
{
	int			day = wf_local_time_day(time);
	int			year;
	int			month;
	int			mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	months += (int64) year * MONTHS_PER_YEAR + month - 1;
	if (months >= (int64) 10000 * MONTHS_PER_YEAR)
		return DT_NOEND;
	year = (int) (months / MONTHS_PER_YEAR);
	month = (int) (months % MONTHS_PER_YEAR) + 1;
	mday = Min(mday, day_tab[isleap(year)][month - 1]);
	return (date2j(year, month, mday) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		(time - day * USECS_PER_DAY);
}

/* The n-th occurrence, DT_NOEND if it is too late. */
static Timestamp
nth(const WfPeriod *period, int64 n)
{
	Timestamp	time = period->anchor;

	if (period->months != 0)
		time = add_months(time, n * period->months);
	if (time == DT_NOEND)
		return DT_NOEND;
	time += n * (period->days * USECS_PER_DAY + period->time);
	return time < LIMIT ? time : DT_NOEND;
}

/* Occurrences are at least, and at most, so far from each other, in the long run. */
static int64
step(const WfPeriod *period, int days_of_month)
{
	return (period->months * days_of_month + period->days) * USECS_PER_DAY + period->time;
}

/*
 * Find the first occurrence that is not before a time, DT_NOEND if there is
 * none.  Times are local, or instants, as the anchor is.
 */
Timestamp
wf_period_next(const void *recurrence, Timestamp from)
{
	const WfPeriod *period = recurrence;
	int64		low;
	int64		high;

	if (from <= period->anchor)
		return period->anchor;
	if (from >= LIMIT)
		return DT_NOEND;
	/* The last one before `from` is not before low, and high is not before it. */
	low = Max((from - period->anchor) / step(period, 31) - 1, 0);
	high = (from - period->anchor) / step(period, 28) + 1;
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (nth(period, middle) < from)
			low = middle + 1;
		else
			high = middle;
	}
	return nth(period, low);
}

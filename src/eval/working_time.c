/*-------------------------------------------------------------------------
 *
 * working_time.c
 *	  Count working time, day by day through a calendar.
 *
 * Runs in any backend; reads no catalog and uses no SPI.  PostgreSQL's time
 * zones say what a local time means.  Nearly all days are far from a change
 * of the clocks, so that an addition suffices: a day costs some nanoseconds,
 * and it is no problem to count through many years.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "eval/calendar.h"
#include "eval/working_time.h"

/*
 * The first day of the year 10000, in days since 2000-01-01.  Nothing is
 * counted beyond it, so that no count takes long.
 */
#define END_DATE	2921940

/* A walk through the days of a calendar. */
typedef struct Walk
{
	const WfCalendar *calendar;
	int			date;
	int			special;		/* first special day that is not before date */
	TimestampTz from;			/* between from and until the clocks do not */
	TimestampTz until;			/* change, */
	int64		offset;			/* and local time is UTC plus this */
	TimestampTz last;			/* end of the last span */
} Walk;

/* --- local time -------------------------------------------------------- */

static pg_time_t
seconds_of(TimestampTz time)
{
	return timestamptz_to_time_t(time);
}

static TimestampTz
time_of(pg_time_t seconds)
{
	return time_t_to_timestamptz(seconds);
}

/* Find out for how long the clocks stay as they are at `time`. */
static void
read_offset(Walk *walk, TimestampTz time)
{
	pg_time_t	seconds = seconds_of(time);
	pg_time_t	boundary;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;
	int			found = pg_next_dst_boundary(&seconds, &before, &before_dst,
											 &boundary, &after, &after_dst,
											 walk->calendar->zone);

	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	walk->offset = before * USECS_PER_SEC;
	walk->from = time;
	walk->until = found == 0 ? DT_NOEND : time_of(boundary);
}

/* Convert a time to a local date and time of day. */
static void
to_local(Walk *walk, TimestampTz time, int *date, int64 *of_day)
{
	int64		local;

	read_offset(walk, time);
	local = time + walk->offset;
	*date = (int) (local / USECS_PER_DAY) - (local % USECS_PER_DAY < 0 ? 1 : 0);
	*of_day = local - (int64) *date * USECS_PER_DAY;
}

/*
 * Convert a local date and time of day to a time, slowly, but also in the
 * gap and in the repeated hour of a change of the clocks.
 */
static TimestampTz
look_up(const Walk *walk, int date, int64 of_day)
{
	struct pg_tm tm = {0};
	int64		rest;

	date += of_day / USECS_PER_DAY; /* midnight at the end of a day */
	of_day %= USECS_PER_DAY;
	rest = of_day % USECS_PER_SEC;
	of_day /= USECS_PER_SEC;
	j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = of_day / SECS_PER_HOUR;
	tm.tm_min = of_day / SECS_PER_MINUTE % MINS_PER_HOUR;
	tm.tm_sec = of_day % SECS_PER_MINUTE;
	return ((int64) date * SECS_PER_DAY + of_day +
			DetermineTimeZoneOffset(&tm, walk->calendar->zone)) * USECS_PER_SEC + rest;
}

/* Convert a local date and time of day to a time. */
static TimestampTz
from_local(Walk *walk, int date, int64 of_day)
{
	TimestampTz time = (int64) date * USECS_PER_DAY + of_day - walk->offset;

	if (time - USECS_PER_DAY > walk->from &&
		(walk->until == DT_NOEND || time + USECS_PER_DAY < walk->until))
		return time;
	time = look_up(walk, date, of_day);
	if (time > walk->from)
		read_offset(walk, time - USECS_PER_DAY);
	return time;
}

static void
too_far(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("working time is out of range"),
			 errdetail("It is counted from 4712 BC up to the year 9999.")));
}

/* --- days -------------------------------------------------------------- */

/* Begin a walk at a date; `near` is a time not after it. */
static void
begin(Walk *walk, const WfCalendar *calendar, int date, TimestampTz near)
{
	int			low = 0;
	int			high = calendar->nspecial;

	memset(walk, 0, sizeof(Walk));
	walk->calendar = calendar;
	walk->date = date;
	walk->last = DT_NOBEGIN;
	read_offset(walk, near);
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (calendar->special[middle].date < date)
			low = middle + 1;
		else
			high = middle;
	}
	walk->special = low;
}

/* Return the working time of the walk's day. */
static const WfHours *
hours(const Walk *walk)
{
	const WfCalendar *calendar = walk->calendar;

	if (walk->special < calendar->nspecial &&
		calendar->special[walk->special].date == walk->date)
		return &calendar->special[walk->special].hours;
	return &calendar->week[j2day(walk->date + POSTGRES_EPOCH_JDATE)];
}

/* Go on to the next day.  Throws if no working time can follow. */
static void
next_day(Walk *walk)
{
	const WfCalendar *calendar = walk->calendar;

	CHECK_FOR_INTERRUPTS();
	if (walk->special < calendar->nspecial &&
		calendar->special[walk->special].date == walk->date)
		walk->special++;
	walk->date++;
	if (!calendar->weekly && walk->special == calendar->nspecial)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("calendar \"%s\" has no more working time", calendar->name),
				 errdetail("It has no weekly hours, and its exceptions are over.")));
	if (walk->date >= END_DATE)
		too_far();
}

/*
 * Convert a span of the walk's day to times.  Returns false if a gap of the
 * clocks leaves nothing of it.  A gap may also move its beginning behind the
 * end of the span before it, hence the comparison with `last`.
 */
static bool
span(Walk *walk, const WfSpan *local, TimestampTz *from, TimestampTz *to)
{
	*from = Max(from_local(walk, walk->date, local->from), walk->last);
	*to = from_local(walk, walk->date, local->to);
	if (*to <= *from)
		return false;
	walk->last = *to;
	return true;
}

/* --- adding ------------------------------------------------------------ */

static int
date_of(const WfCalendar *calendar, TimestampTz time)
{
	Walk		walk = {.calendar = calendar};
	int			date;
	int64		of_day;

	to_local(&walk, time, &date, &of_day);
	return date;
}

/*
 * Add working time to a time.  If there is none to add, return the next
 * instant that is working time.
 */
static TimestampTz
add_time(const WfCalendar *calendar, TimestampTz start, int64 left)
{
	Walk		walk;

	/* If the clocks change at midnight, a day may reach into the next date. */
	for (begin(&walk, calendar, date_of(calendar, start) - 1, start - 2 * USECS_PER_DAY);;
		 next_day(&walk))
	{
		const WfHours *day = hours(&walk);

		for (int i = 0; i < day->n; i++)
		{
			TimestampTz from;
			TimestampTz to;

			if (!span(&walk, &day->spans[i], &from, &to) || to <= start)
				continue;
			from = Max(from, start);
			if (left <= to - from)
				return from + left;
			left -= to - from;
		}
	}
}

/*
 * Return the time of day, if it is working time of that day, else the next
 * one that is, or the end of the last span.
 */
static int64
within(const WfHours *day, int64 of_day)
{
	for (int i = 0; i < day->n; i++)
	{
		if (of_day < day->spans[i].from)
			return day->spans[i].from;
		if (of_day < day->spans[i].to)
			return of_day;
	}
	return day->spans[day->n - 1].to;
}

/*
 * Add working days to a time: the result has the same time of day if
 * possible.
 */
static TimestampTz
add_days(const WfCalendar *calendar, TimestampTz start, int days)
{
	TimestampTz from = add_time(calendar, start, 0);
	Walk		walk = {.calendar = calendar};
	int			date;
	int64		of_day;

	if (days == 0)
		return from;
	to_local(&walk, from, &date, &of_day);
	begin(&walk, calendar, date, from);
	while (days > 0)
	{
		next_day(&walk);
		if (hours(&walk)->n > 0)
			days--;
	}
	return Max(from, look_up(&walk, walk.date, within(hours(&walk), of_day)));
}

/*
 * Add calendar months to a time: the result is the same day of another
 * month, or its last day.
 */
static TimestampTz
add_months(const WfCalendar *calendar, TimestampTz start, int months)
{
	Walk		walk = {.calendar = calendar};
	int			date;
	int64		of_day;
	int			year;
	int			month;
	int			day;

	to_local(&walk, start, &date, &of_day);
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (months / MONTHS_PER_YEAR > END_DATE / 365)
		too_far();
	months += month - 1;
	year += months / MONTHS_PER_YEAR;
	month = months % MONTHS_PER_YEAR + 1;
	day = Min(day, day_tab[isleap(year)][month - 1]);
	date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	if (date >= END_DATE)
		too_far();
	return look_up(&walk, date, of_day);
}

/* Refuse times at which working time cannot be counted. */
static void
check_instant(TimestampTz time)
{
	/* A count begins some days before, so stay away from the minimum. */
	if (TIMESTAMP_NOT_FINITE(time) || time < MIN_TIMESTAMP + 400 * USECS_PER_DAY ||
		time >= END_DATE * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("working time cannot be counted from or to \"%s\"",
						timestamptz_to_str(time)),
				 errdetail("It is counted from 4712 BC up to the year 9999.")));
}

/*
 * Return the time at which the working time `duration` has passed since
 * `start`: first calendar months are added, then working days, then hours.
 * Error 22023 for a negative part; 22008 for an infinite time, or if the
 * calendar has not so much working time.
 */
TimestampTz
wf_working_time_add(const WfCalendar *calendar, TimestampTz start, const Interval *duration)
{
	check_instant(start);
	if (duration->month < 0 || duration->day < 0 || duration->time < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a duration of working time cannot be negative")));
	if (duration->month > 0)
		start = add_months(calendar, start, duration->month);
	if (duration->day > 0)
		start = add_days(calendar, start, duration->day);
	if (duration->time == 0 && duration->day > 0)
		return start;			/* may be the end of a working day */
	return add_time(calendar, start, duration->time);
}

/* --- measuring --------------------------------------------------------- */

/*
 * Return the working time from a to b in microseconds, which is negative if
 * b is before a.  Error 22008 as wf_working_time_add() throws it.
 */
int64
wf_working_time_between(const WfCalendar *calendar, TimestampTz a, TimestampTz b)
{
	int64		sum = 0;
	int			last;
	Walk		walk;

	check_instant(a);
	check_instant(b);
	if (b < a)
		return -wf_working_time_between(calendar, b, a);

	last = date_of(calendar, b);
	begin(&walk, calendar, date_of(calendar, a) - 1, a - 2 * USECS_PER_DAY);
	for (;;)
	{
		const WfHours *day = hours(&walk);

		for (int i = 0; i < day->n; i++)
		{
			TimestampTz from;
			TimestampTz to;

			if (span(&walk, &day->spans[i], &from, &to) && Min(to, b) > Max(from, a))
				sum += Min(to, b) - Max(from, a);
		}
		if (walk.date >= last ||
			(!calendar->weekly &&
			 walk.date >= calendar->special[calendar->nspecial - 1].date))
			return sum;
		next_day(&walk);
	}
}

/*
 * Is there working time on the day of a time?  *end becomes the end of that day in the
 * zone of the calendar.
 */
bool
wf_working_time_is_day(const WfCalendar *calendar, TimestampTz time, TimestampTz *end)
{
	Walk		walk = {.calendar = calendar};
	int			date;
	int64		of_day;

	to_local(&walk, time, &date, &of_day);
	begin(&walk, calendar, date, time);
	*end = Max(from_local(&walk, date + 1, 0), time + 1);
	return hours(&walk)->n > 0;
}

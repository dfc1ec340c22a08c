/*-------------------------------------------------------------------------
 *
 * interval.c
 *	  How long an interval is.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/float.h"

#include "base/interval.h"

/*
 * Its days, of 24 hours, with 30 in a month.  Infinity if one of its parts is longer than
 * any may be, whatever another one takes from that: they are added one after the other, and
 * a time plus the first of them may be none.
 */
double
wf_interval_days(const Interval *interval)
{
	double		months = interval->month * (double) DAYS_PER_MONTH;
	double		days = interval->day;
	double		time = interval->time / (double) USECS_PER_DAY;
	double		all = months + days + time;

	if (all >= 0 && Max(Max(fabs(months), fabs(days)), fabs(time)) > WF_INTERVAL_LONGEST)
		return get_float8_infinity();
	return all;
}

/* The same in microseconds.  Its days were found to be no more than WF_INTERVAL_LONGEST. */
int64
wf_interval_us(const Interval *interval)
{
	return (interval->month * (int64) DAYS_PER_MONTH + interval->day) * USECS_PER_DAY + interval->time;
}

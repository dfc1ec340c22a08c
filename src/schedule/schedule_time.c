/*-------------------------------------------------------------------------
 *
 * schedule_time.c
 *	  When the occurrences of a schedule are.
 *
 * Runs in any backend.  What recurs is computed by recurrence/; here it begins and
 * ends, leaves out the days without working time, and is fired a little later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/quote.h"
#include "eval/calendar.h"
#include "eval/eval_recurring.h"
#include "schedule/schedule_cron.h"
#include "schedule/schedule_time.h"

/* So many days without working time in a row: there will be none. */
#define MOST_DAYS_OFF	1500

/*
 * A schedule of pg_cron is fired by that.  What pg_cron has not fired so long (ms) after
 * its time, we do.
 */
#define CRON_GRACE		60000

/* What an occurrence waits for is looked at so often. */
#define SHORTEST_LOOK	USECS_PER_SEC
#define LONGEST_LOOK	USECS_PER_MINUTE

static pg_tz *
zone_of(const WfSchedule *schedule)
{
	pg_tz	   *zone = pg_tzset(schedule->zone);

	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", wf_quote(schedule->zone))));
	return zone;
}

/*
 * Look at the occurrences of a schedule.  Errors: 22023 for what recurs as nothing
 * does, 42704 for a calendar that does not exist.  SPI must be connected.
 */
void
wf_schedule_time_begin(WfScheduleTime *times, const WfSchedule *schedule)
{
	pg_tz	   *zone = zone_of(schedule);

	times->schedule = schedule;
	if (schedule->calendar != NULL)
		(void) wf_calendar(schedule->calendar);
	if (schedule->cron != NULL)
		times->recurrence = wf_recurrence_of_cron(schedule->cron, zone, schedule->gap, schedule->fold);
	else if (schedule->rule != NULL)
		times->recurrence = wf_recurrence_of_rule(schedule->rule, schedule->anchor, zone,
												  schedule->gap, schedule->fold);
	else
		times->recurrence = wf_recurrence_of_interval(schedule->every, schedule->anchor, zone,
													  schedule->gap, schedule->fold);
}

/*
 * The first occurrence later than `after`; infinity: there is none any more.
 */
TimestampTz
wf_schedule_time_next(const WfScheduleTime *times, TimestampTz after)
{
	const WfSchedule *schedule = times->schedule;
	TimestampTz next;

	if (schedule->starts != DT_NOBEGIN)
		after = Max(after, schedule->starts - 1);
	if (!wf_eval_recurring_working(times->recurrence, schedule->calendar, MOST_DAYS_OFF, after,
								   &next) || next > schedule->ends)
		return DT_NOEND;
	return next;
}

/*
 * The last occurrence that is not later than `until`, where `from` is one; from, if there
 * is none between them.  However many there are, some fifty are computed: what comes next
 * after a time tells on which side of it the last one is.
 */
TimestampTz
wf_schedule_time_last(const WfScheduleTime *times, TimestampTz from, TimestampTz until)
{
	TimestampTz last = from;
	TimestampTz to = until;

	while (last < to)
	{
		TimestampTz middle = last + (to - last) / 2;
		TimestampTz next = wf_schedule_time_next(times, middle);

		if (next <= until)
			last = next;
		else
			to = middle;
		if (wf_schedule_time_next(times, last) > until)
			break;
	}
	return last;
}

/* --- a little later ---------------------------------------------------------------- */

/* At most so long after its time an occurrence is fired, in microseconds. */
int64
wf_schedule_time_jitter(const WfSchedule *schedule)
{
	const Interval *jitter = schedule->jitter;

	if (wf_schedule_cron_is(schedule))
		return CRON_GRACE * INT64CONST(1000);
	return jitter == NULL ? 0 : jitter->time + jitter->day * USECS_PER_DAY;
}

/*
 * When an occurrence is fired: the same whoever asks, and other schedules at another
 * time.
 */
TimestampTz
wf_schedule_time_fired(const WfSchedule *schedule, TimestampTz occurrence)
{
	int64		jitter = wf_schedule_time_jitter(schedule);
	uint64		seed;

	if (jitter == 0 || schedule->jitter == NULL)
		return occurrence + jitter;
	seed = hash_bytes_extended((const unsigned char *) schedule->name, strlen(schedule->name),
							   (uint64) occurrence);
	return occurrence + (int64) (seed % (uint64) (jitter + 1));
}

/*
 * When it is looked again at what an occurrence waits for: nobody who ends a process knows
 * that one does.  The longer it has waited, the less another while matters.
 */
static TimestampTz
look_again(const WfSchedule *schedule)
{
	TimestampTz now = wf_clock_now();
	int64		delay = (now - schedule->queued) / 8;

	return now + Min(Max(delay, SHORTEST_LOOK), LONGEST_LOOK);
}

/* The next occurrence of a schedule is that; infinity: none comes. */
void
wf_schedule_time_plan(WfSchedule *schedule, TimestampTz next)
{
	schedule->next = next;
	schedule->due = next == DT_NOEND ? DT_NOEND : wf_schedule_time_fired(schedule, next);
	if (schedule->queued != DT_NOEND)
		schedule->due = Min(schedule->due, look_again(schedule));
	if (schedule->paused || schedule->suspended_at != DT_NOEND)
		schedule->due = DT_NOEND;
}

/*-------------------------------------------------------------------------
 *
 * schedule_fire.c
 *	  A schedule is due: what its occurrences make, and when the next one is.
 *
 * Runs in executors of the schedule's owner, and where one is triggered by hand; the row
 * of the schedule is locked.  What is made and the next due time are one transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "schedule/schedule_cron.h"
#include "schedule/schedule_fire.h"
#include "schedule/schedule_make.h"
#include "schedule/schedule_time.h"

/* An occurrence that is fired so much later (ms) than it was to be was missed. */
#define MISSED_AFTER	60000

/* So many occurrences that were missed are made in one transaction. */
#define SLICE			500

/* So many runs that were made by hand are remembered, the latest ones. */
#define MOST_ACTIVE		100

/* --- what is not over --------------------------------------------------------------- */

/* Forget what is over by now.  Returns how many are not. */
static int
look_at_active(WfSchedule *schedule)
{
	int			n = 0;

	for (int i = 0; i < schedule->nactive; i++)
		if (!wf_schedule_make_is_over(schedule, &schedule->active[i]))
			schedule->active[n++] = schedule->active[i];
	schedule->nactive = n;
	return n;
}

/* What was made now is not over. */
static void
add_active(WfSchedule *schedule, const pg_uuid_t *id)
{
	int			kept = Min(schedule->nactive, MOST_ACTIVE - 1);
	pg_uuid_t  *active = palloc(sizeof(pg_uuid_t) * (kept + 1));

	memcpy(active, schedule->active + schedule->nactive - kept, sizeof(pg_uuid_t) * kept);
	active[kept] = *id;
	schedule->active = active;
	schedule->nactive = kept + 1;
}

/* All that is not over is to stop; what has not yet, is left. */
static void
cancel_active(WfSchedule *schedule)
{
	for (int i = 0; i < schedule->nactive; i++)
		wf_schedule_make_cancel(schedule, &schedule->active[i]);
	(void) look_at_active(schedule);
}

/* --- one occurrence ------------------------------------------------------------------ */

static void
make(WfSchedule *schedule, WfScheduleOrder *order)
{
	pg_uuid_t	id;
	bool		made = wf_schedule_make(schedule, order, &id);

	schedule->last = order->occurrence;
	schedule->last_at = wf_clock_now();
	schedule->last_made = id;
	if (!made)
		return;
	schedule->made++;
	if (schedule->overlap != WF_OVERLAP_ALLOW)
		add_active(schedule, &id);
}

/*
 * An occurrence waits for the end of all that was made before, and no other one does.  A run
 * can wait for others by itself; what is to be a process waits here.
 */
static void
queue_process(WfSchedule *schedule, TimestampTz occurrence)
{
	if (schedule->queued == DT_NOEND)
		schedule->queued = occurrence;
	else
		schedule->skipped++;
}

/* What has waited is made, if what it waited for is over, or if that does not count any more. */
static void
make_queued(WfSchedule *schedule, bool anyway)
{
	WfScheduleOrder order = {.occurrence = schedule->queued};

	if (schedule->queued == DT_NOEND ||
		(schedule->overlap == WF_OVERLAP_QUEUE && !anyway && look_at_active(schedule) > 0))
		return;
	schedule->queued = DT_NOEND;
	make(schedule, &order);
}

/* Its time has come; what was made before may not be over. */
static void
occur(WfSchedule *schedule, TimestampTz occurrence)
{
	WfScheduleOrder order = {.occurrence = occurrence};
	int			n = schedule->overlap == WF_OVERLAP_ALLOW ? 0 : look_at_active(schedule);

	if (n > 0 && schedule->overlap == WF_OVERLAP_CANCEL)
		cancel_active(schedule);
	if (n > 0 && schedule->overlap == WF_OVERLAP_QUEUE && schedule->definition != NULL)
	{
		queue_process(schedule, occurrence);
		return;
	}
	if ((n > 0 && schedule->overlap == WF_OVERLAP_SKIP) || (n > 1 && schedule->overlap == WF_OVERLAP_QUEUE))
	{
		schedule->skipped++;
		return;
	}
	if (schedule->job != NULL && schedule->overlap != WF_OVERLAP_ALLOW)
	{
		order.nafter = schedule->nactive;
		order.after = schedule->active;
	}
	make(schedule, &order);
}

/* --- all that are due ------------------------------------------------------------------ */

/* Was an occurrence missed: should it have been fired long ago? */
static bool
is_missed(const WfSchedule *schedule, TimestampTz occurrence, TimestampTz now)
{
	return TimestampDifferenceExceeds(wf_schedule_time_fired(schedule, occurrence), now, MISSED_AFTER);
}

/*
 * Make what was missed, one for each occurrence, as far as a slice goes, whether what was made
 * before is over or not.  Returns the last one that was made.
 */
static TimestampTz
make_all(WfSchedule *schedule, const WfScheduleTime *times, TimestampTz last)
{
	TimestampTz occurrence = schedule->next;

	for (int i = 1;; i++)
	{
		WfScheduleOrder order = {.occurrence = occurrence};
		TimestampTz next;

		CHECK_FOR_INTERRUPTS();
		make(schedule, &order);
		next = i == SLICE ? DT_NOEND : wf_schedule_time_next(times, occurrence);
		if (next > last)
			return occurrence;
		occurrence = next;
	}
}

/* The next occurrence has come.  Returns the last one that was dealt with. */
static TimestampTz
fire_due(WfSchedule *schedule, const WfScheduleTime *times, TimestampTz now)
{
	TimestampTz last = wf_schedule_time_last(times, schedule->next, now - wf_schedule_time_jitter(schedule));

	if (schedule->catch_up == WF_CATCH_UP_ALL && (last > schedule->next || is_missed(schedule, last, now)))
	{
		make_queued(schedule, true);
		return make_all(schedule, times, last);
	}
	if (schedule->catch_up != WF_CATCH_UP_NONE || !is_missed(schedule, last, now))
		occur(schedule, last);
	return last;
}

/* A schedule may be due only because of what waits. */
static bool
has_come(const WfSchedule *schedule, TimestampTz now)
{
	return schedule->next != DT_NOEND &&
		(wf_schedule_cron_is(schedule) ? schedule->next : wf_schedule_time_fired(schedule, schedule->next)) <= now;
}

/*
 * Fire a schedule that is due, and write how it stands then.  SPI must be connected, as
 * for all of these.  Errors as of wf_schedule_make() and wf_schedule_time_begin().
 */
void
wf_schedule_fire(WfSchedule *schedule, TimestampTz now)
{
	WfScheduleTime times;
	TimestampTz next = schedule->next;

	wf_schedule_time_begin(&times, schedule);
	make_queued(schedule, false);
	if (has_come(schedule, now))
		next = wf_schedule_time_next(&times, fire_due(schedule, &times, now));
	schedule->attempts = schedule->losses = 0;
	schedule->error = NULL;
	wf_schedule_time_plan(schedule, next);
	wf_schedule_row_update(schedule);
}

/*
 * Fire a schedule, if its next occurrence has come; *id becomes the id of what was made.
 * False: nothing was.  For pg_cron, which does not wait for what puts occurrences off.
 */
bool
wf_schedule_fire_if_due(WfSchedule *schedule, pg_uuid_t *id)
{
	TimestampTz now = wf_clock_now();
	int64		made = schedule->made;

	if (schedule->paused || schedule->suspended_at != DT_NOEND ||
		(schedule->next > now && schedule->queued == DT_NOEND))
		return false;
	wf_schedule_fire(schedule, now);
	*id = schedule->last_made;
	return schedule->made > made;
}

/*
 * Make a run or process now, whatever was made before; *id becomes its id.  The next
 * occurrence stays as it is.
 */
void
wf_schedule_fire_by_hand(WfSchedule *schedule, pg_uuid_t *id)
{
	WfScheduleOrder order = {.occurrence = wf_clock_now(),.extra = true};

	(void) look_at_active(schedule);
	make(schedule, &order);
	*id = schedule->last_made;
	wf_schedule_row_update(schedule);
}

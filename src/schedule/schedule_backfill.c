/*-------------------------------------------------------------------------
 *
 * schedule_backfill.c
 *	  Occurrences of a schedule that are made later than they were to be.
 *
 * Runs in the sessions of those who manage a schedule, whose row is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "schedule/schedule_backfill.h"
#include "schedule/schedule_make.h"
#include "schedule/schedule_time.h"

/* So many occurrences are looked at in one call. */
#define MOST_OCCURRENCES	10000

static void
refuse_many(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the schedule has too many occurrences between these times"),
			 errdetail("%d are made in one call.", MOST_OCCURRENCES),
			 errhint("Divide the time, and commit after each piece.")));
}

/*
 * Make what the occurrences from `from` to `to` make, as far as they are past, but for those
 * of which it was made.  One of them may have been missed, and be fired still: it finds what
 * was made here.  Returns how many were made, and their ids.  Errors as of
 * wf_schedule_make(); 54000 for too many.  SPI must be connected.
 */
int
wf_schedule_backfill(WfSchedule *schedule, TimestampTz from, TimestampTz to, pg_uuid_t **ids)
{
	WfScheduleTime times;
	TimestampTz occurrence;
	int			n = 0;
	int			size = 0;
	int			looked = 0;

	to = Min(to, wf_clock_now());
	*ids = NULL;
	wf_schedule_time_begin(&times, schedule);
	for (occurrence = wf_schedule_time_next(&times, from - 1); occurrence <= to;
		 occurrence = wf_schedule_time_next(&times, occurrence))
	{
		WfScheduleOrder order = {.occurrence = occurrence};
		pg_uuid_t	id;

		CHECK_FOR_INTERRUPTS();
		if (++looked > MOST_OCCURRENCES)
			refuse_many();
		if (wf_schedule_make(schedule, &order, &id))
			*wf_array_grow(*ids, n, size) = id;
	}
	schedule->made += n;
	wf_schedule_row_update(schedule);
	return n;
}

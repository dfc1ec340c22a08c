/*
 * schedule_time.h
 *	  When the occurrences of a schedule are.
 */
#ifndef WF_SCHEDULE_TIME_H
#define WF_SCHEDULE_TIME_H

#include "datatype/timestamp.h"

#include "recurrence/recurrence.h"
#include "schedule/schedule_row.h"

/* The occurrences of a schedule, in the memory context in which this was made. */
typedef struct WfScheduleTime
{
	const WfSchedule *schedule;
	WfRecurrence *recurrence;
} WfScheduleTime;

extern void wf_schedule_time_begin(WfScheduleTime *times, const WfSchedule *schedule);
extern TimestampTz wf_schedule_time_next(const WfScheduleTime *times, TimestampTz after);
extern TimestampTz wf_schedule_time_last(const WfScheduleTime *times, TimestampTz from, TimestampTz until);
extern int64 wf_schedule_time_jitter(const WfSchedule *schedule);
extern TimestampTz wf_schedule_time_fired(const WfSchedule *schedule, TimestampTz occurrence);
extern void wf_schedule_time_plan(WfSchedule *schedule, TimestampTz next);

#endif							/* WF_SCHEDULE_TIME_H */

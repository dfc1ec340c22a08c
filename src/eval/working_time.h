/*
 * working_time.h
 *	  Count working time, day by day through a calendar.
 */
#ifndef WF_WORKING_TIME_H
#define WF_WORKING_TIME_H

#include "datatype/timestamp.h"

#include "eval/calendar.h"

extern TimestampTz wf_working_time_add(const WfCalendar *calendar, TimestampTz start,
									   const Interval *duration);
extern bool wf_working_time_is_day(const WfCalendar *calendar, TimestampTz time, TimestampTz *end);
extern int64 wf_working_time_between(const WfCalendar *calendar, TimestampTz a, TimestampTz b);

#endif							/* WF_WORKING_TIME_H */

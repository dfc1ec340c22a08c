/*
 * schedule_define.h
 *	  Schedules as they are made.
 */
#ifndef WF_SCHEDULE_DEFINE_H
#define WF_SCHEDULE_DEFINE_H

#include "schedule/schedule_row.h"

extern void wf_schedule_define(WfSchedule *schedule);
extern void wf_schedule_define_check(WfSchedule *schedule, bool moves);

#endif							/* WF_SCHEDULE_DEFINE_H */

/*
 * schedule_suspend.h
 *	  Schedules that could not be fired.
 */
#ifndef WF_SCHEDULE_SUSPEND_H
#define WF_SCHEDULE_SUSPEND_H

#include "schedule/schedule_row.h"

extern bool wf_schedule_suspend_failed(WfSchedule *schedule, const ErrorData *error);
extern bool wf_schedule_suspend_lost(WfSchedule *schedule);
extern void wf_schedule_suspend_end(WfSchedule *schedule);

#endif							/* WF_SCHEDULE_SUSPEND_H */

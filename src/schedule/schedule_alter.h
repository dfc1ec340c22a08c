/*
 * schedule_alter.h
 *	  Schedules that are changed.
 */
#ifndef WF_SCHEDULE_ALTER_H
#define WF_SCHEDULE_ALTER_H

#include "schedule/schedule_row.h"

extern void wf_schedule_alter(WfSchedule *schedule, const Jsonb *changes);

#endif							/* WF_SCHEDULE_ALTER_H */

/*
 * schedule_right.h
 *	  Who may do what with schedules.
 */
#ifndef WF_SCHEDULE_RIGHT_H
#define WF_SCHEDULE_RIGHT_H

#include "schedule/schedule_row.h"

/* The privileges that there are. */
#define WF_SCHEDULE_READ	"read"
#define WF_SCHEDULE_MANAGE	"manage"

extern bool wf_schedule_right_may(int32 id, const char *privilege);
extern void wf_schedule_right_find(const char *name, const char *privilege, WfSchedule *schedule);
extern void wf_schedule_right_hold(const char *name, WfSchedule *schedule);

#endif							/* WF_SCHEDULE_RIGHT_H */

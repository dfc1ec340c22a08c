/*
 * schedule_cron.h
 *	  Schedules that pg_cron fires.
 */
#ifndef WF_SCHEDULE_CRON_H
#define WF_SCHEDULE_CRON_H

#include "schedule/schedule_row.h"

/* The value of schedule.engine. */
#define WF_SCHEDULE_CRON	"pg_cron"

extern bool wf_schedule_cron_is(const WfSchedule *schedule);
extern void wf_schedule_cron_check(WfSchedule *schedule);
extern void wf_schedule_cron_enter(const WfSchedule *schedule);
extern void wf_schedule_cron_leave(const WfSchedule *schedule);
extern void wf_schedule_cron_require(void);
extern void wf_schedule_cron_job(const char *name, const char *times, const char *command);
extern bool wf_schedule_cron_drop_job(const char *name, Oid role);

#endif							/* WF_SCHEDULE_CRON_H */

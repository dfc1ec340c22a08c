/*
 * schedule_fire.h
 *	  A schedule is due.
 */
#ifndef WF_SCHEDULE_FIRE_H
#define WF_SCHEDULE_FIRE_H

#include "schedule/schedule_row.h"

extern void wf_schedule_fire(WfSchedule *schedule, TimestampTz now);
extern bool wf_schedule_fire_if_due(WfSchedule *schedule, pg_uuid_t *id);
extern void wf_schedule_fire_by_hand(WfSchedule *schedule, pg_uuid_t *id);

#endif							/* WF_SCHEDULE_FIRE_H */

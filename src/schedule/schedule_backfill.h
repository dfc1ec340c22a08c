/*
 * schedule_backfill.h
 *	  Occurrences of a schedule that are made later than they were to be.
 */
#ifndef WF_SCHEDULE_BACKFILL_H
#define WF_SCHEDULE_BACKFILL_H

#include "schedule/schedule_row.h"

extern int	wf_schedule_backfill(WfSchedule *schedule, TimestampTz from, TimestampTz to, pg_uuid_t **ids);

#endif							/* WF_SCHEDULE_BACKFILL_H */

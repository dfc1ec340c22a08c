/*
 * schedule_make.h
 *	  The run or process that an occurrence of a schedule makes.
 */
#ifndef WF_SCHEDULE_MAKE_H
#define WF_SCHEDULE_MAKE_H

#include "schedule/schedule_row.h"
#include "store/run_row.h"

/* What is to be made. */
typedef struct WfScheduleOrder
{
	TimestampTz occurrence;
	bool		extra;			/* by hand: it is no occurrence, and there may be many */
	int			nafter;			/* runs that have to end before */
	const pg_uuid_t *after;
} WfScheduleOrder;

extern bool wf_schedule_make_made(const WfRunRow *run);
extern bool wf_schedule_make(const WfSchedule *schedule, const WfScheduleOrder *order, pg_uuid_t *id);
extern void wf_schedule_make_check(const WfSchedule *schedule);
extern bool wf_schedule_make_is_over(const WfSchedule *schedule, const pg_uuid_t *id);
extern void wf_schedule_make_cancel(const WfSchedule *schedule, const pg_uuid_t *id);

#endif							/* WF_SCHEDULE_MAKE_H */

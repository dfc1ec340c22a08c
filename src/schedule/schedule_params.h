/*
 * schedule_params.h
 *	  The parameters of a schedule, for one of its occurrences.
 */
#ifndef WF_SCHEDULE_PARAMS_H
#define WF_SCHEDULE_PARAMS_H

#include "schedule/schedule_row.h"

extern char *wf_schedule_params_time(TimestampTz time);
extern Jsonb *wf_schedule_params_of(const WfSchedule *schedule, TimestampTz occurrence);

#endif							/* WF_SCHEDULE_PARAMS_H */

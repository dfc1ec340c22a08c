/*
 * run_late.h
 *	  Runs that have to begin in time.
 */
#ifndef WF_RUN_LATE_H
#define WF_RUN_LATE_H

#include "job/job.h"
#include "store/run_row.h"

extern void wf_run_late_set(WfRunRow *row, const WfJob *job);
extern bool wf_run_late_is(const WfRunRow *row, TimestampTz now);
extern void wf_run_late_expire(WfRunRow *row);
extern TimestampTz wf_run_late_end(bool *more);

#endif							/* WF_RUN_LATE_H */

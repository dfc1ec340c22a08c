/*
 * run_fence.h
 *	  Fences: who may end a run that was claimed.
 */
#ifndef WF_RUN_FENCE_H
#define WF_RUN_FENCE_H

#include "store/run_row.h"

extern void wf_run_fence_claim(WfRunRow *row, int64 fence, TimestampTz now);
extern TimestampTz wf_run_fence_deadline(const WfRunRow *row);
extern void wf_run_fence_lease(WfRunRow *row, const Interval *lease);
extern void wf_run_fence_clear(WfRunRow *row);
extern void wf_run_fence_give_permits(const WfRunRow *row);
extern bool wf_run_fence_is(const WfRunRow *row, int64 fence);

#endif							/* WF_RUN_FENCE_H */

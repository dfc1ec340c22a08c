/*
 * run_floor.h
 *	  Where the runs of a level of a queue begin, as this process remembers it.
 */
#ifndef WF_RUN_FLOOR_H
#define WF_RUN_FLOOR_H

#include "store/run_scan.h"

/* Nothing is there. */
#define WF_RUN_FLOOR_NOTHING	((WfPosition) {DT_NOEND, PG_INT64_MAX})

extern void wf_run_floor_begin(int32 executor);
extern WfPosition wf_run_floor_of(const WfRunPlace *level);
extern void wf_run_floor_set(const WfRunPlace *level, WfPosition first);
extern bool wf_run_floor_next(const WfRunPlace *level, WfRunPlace *next);

#endif							/* WF_RUN_FLOOR_H */

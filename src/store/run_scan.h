/*
 * run_scan.h
 *	  Runs that are ready: which lanes there are, and what is in them.
 */
#ifndef WF_RUN_SCAN_H
#define WF_RUN_SCAN_H

#include "shmem/lane.h"
#include "store/run_row.h"

/* Where a run stands: what is claimed in order of (due, seq). */
typedef struct WfRunPlace
{
	int32		executor;		/* 0: outside workers */
	int32		queue;
	int32		root;
	int64		part;
	int16		level;
} WfRunPlace;

/* Its first run. */
typedef struct WfRunHead
{
	TimestampTz due;
	int32		job;
} WfRunHead;

/* The place before all others of an executor, or of one in a queue. */
#define WF_RUN_FIRST_PLACE(executor) \
	((WfRunPlace) {(executor), PG_INT32_MIN, PG_INT32_MIN, PG_INT64_MIN, PG_INT16_MIN})
#define WF_RUN_FIRST_PLACE_OF_QUEUE(executor, queue) \
	((WfRunPlace) {(executor), (queue), PG_INT32_MIN, PG_INT64_MIN, PG_INT16_MIN})

typedef struct WfRunScan WfRunScan;

extern WfRunScan *wf_run_scan_open(void);
extern bool wf_run_scan_place(WfRunScan *scan, WfRunPlace *place, WfRunHead *head);
extern bool wf_run_scan_is_behind(const WfRunPlace *place, const WfRunPlace *other);
extern void wf_run_scan_begin(WfRunScan *scan, const WfRunPlace *place, WfPosition from,
							  TimestampTz until);
extern bool wf_run_scan_next(WfRunScan *scan, WfRunRow *row);
extern void wf_run_scan_close(WfRunScan *scan);

#endif							/* WF_RUN_SCAN_H */

/*
 * run_scan.h
 *	  Runs as they are found by the indexes of their table.
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
	int16		level;
	int32		root;
	int64		part;
} WfRunPlace;

/* The place before all others of an executor, or of one in a queue, or a level of it. */
#define WF_RUN_FIRST_PLACE(executor) \
	((WfRunPlace) {(executor), PG_INT32_MIN, PG_INT16_MIN, PG_INT32_MIN, PG_INT64_MIN})
#define WF_RUN_FIRST_PLACE_OF_QUEUE(executor, queue) \
	((WfRunPlace) {(executor), (queue), PG_INT16_MIN, PG_INT32_MIN, PG_INT64_MIN})
#define WF_RUN_FIRST_PLACE_OF_LEVEL(executor, queue, level) \
	((WfRunPlace) {(executor), (queue), (level), PG_INT32_MIN, PG_INT64_MIN})

/* The place behind all others of those. */
#define WF_RUN_LAST_PLACE(executor) \
	((WfRunPlace) {(executor), PG_INT32_MAX, PG_INT16_MAX, PG_INT32_MAX, PG_INT64_MAX})
#define WF_RUN_LAST_PLACE_OF_QUEUE(executor, queue) \
	((WfRunPlace) {(executor), (queue), PG_INT16_MAX, PG_INT32_MAX, PG_INT64_MAX})
#define WF_RUN_LAST_PLACE_OF_LEVEL(executor, queue, level) \
	((WfRunPlace) {(executor), (queue), (level), PG_INT32_MAX, PG_INT64_MAX})

/* In which order runs are read. */
typedef enum WfRunScanBy
{
	WF_RUN_BY_PLACE,			/* those that are ready, place by place */
	WF_RUN_BY_DUE,				/* those that are ready, of one level of a queue */
	WF_RUN_BY_ORDER				/* all of a partition of an ordered queue */
} WfRunScanBy;

typedef struct WfRunScan WfRunScan;

extern WfRunScan *wf_run_scan_open(WfRunScanBy by);
extern bool wf_run_scan_place(WfRunScan *scan, WfRunPlace *place, const WfRunPlace *before,
							  WfRunRow *row, bool *seen);
extern bool wf_run_scan_is_behind(const WfRunPlace *place, const WfRunPlace *other);
extern void wf_run_scan_begin(WfRunScan *scan, const WfRunPlace *place, WfPosition from,
							  TimestampTz until);
extern bool wf_run_scan_level(WfRunScan *scan, WfRunPlace *place, const WfRunPlace *before);
extern void wf_run_scan_begin_level(WfRunScan *scan, const WfRunPlace *place, WfPosition from);
extern void wf_run_scan_begin_order(WfRunScan *scan, int32 queue, int64 part);
extern bool wf_run_scan_next(WfRunScan *scan, WfRunRow *row);
extern void wf_run_scan_close(WfRunScan *scan);

#endif							/* WF_RUN_SCAN_H */

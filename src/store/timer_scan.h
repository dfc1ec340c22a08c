/*
 * timer_scan.h
 *	  Timers of a lane in order of (due, seq), without a plan.
 */
#ifndef WF_TIMER_SCAN_H
#define WF_TIMER_SCAN_H

#include "storage/itemptr.h"
#include "utils/uuid.h"

#include "shmem/lane.h"
#include "store/timer_row.h"

/* A timer where it is in the table; its values are there until the next is asked for. */
typedef struct WfTimerScanRow
{
	pg_uuid_t	process;
	ItemPointerData tid;
	Datum		values[WF_TIMER_NCOLUMNS + 1];	/* with the process behind them */
	bool		nulls[WF_TIMER_NCOLUMNS + 1];
} WfTimerScanRow;

typedef struct WfTimerScan WfTimerScan;

extern WfTimerScan *wf_timer_scan_begin(int32 owner, WfPosition from, WfPosition to);
extern bool wf_timer_scan_next(WfTimerScan *scan, WfTimerScanRow *row);
extern void wf_timer_scan_end(WfTimerScan *scan);

/* The position of a row. */
static inline WfPosition
wf_timer_scan_position(const WfTimerScanRow *row)
{
	return (WfPosition) {DatumGetTimestampTz(row->values[WF_TIMER_due]),
	DatumGetInt64(row->values[WF_TIMER_seq])};
}

#endif							/* WF_TIMER_SCAN_H */

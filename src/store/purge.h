/*
 * purge.h
 *	  Deletes all that is stored of processes.
 */
#ifndef WF_PURGE_H
#define WF_PURGE_H

#include "utils/array.h"

/* The tables with rows of a process. */
typedef enum WfPurgeTable
{
	WF_PURGE_TIMER,
	WF_PURGE_DEFERRED,
	WF_PURGE_FAILURE,
	WF_PURGE_HISTORY,
	WF_PURGE_RECEIPT,
	WF_PURGE_ATTRIBUTE,
	WF_PURGE_ELEMENT,			/* these two are not in SQL before 0.3.0 */
	WF_PURGE_AWAITED,
	WF_PURGE_TASK_SEAT,			/* nor are these */
	WF_PURGE_TASK_ACT,
	WF_PURGE_TASK,
	WF_PURGE_BULK_ITEM,
	WF_PURGE_RESTING,
	WF_PURGE_KEY,
	WF_PURGE_PROCESS			/* last: rows of others are found by it */
} WfPurgeTable;

#define WF_PURGE_NTABLES	(WF_PURGE_PROCESS + 1)

/* For wf_purge(): history of all partitions is deleted. */
#define WF_PURGE_ANY_SLOT	(-1)

extern void wf_purge(ArrayType *ids, int16 but_slot, uint64 *counts);
extern uint64 wf_purge_free(Datum *ids, int n, int16 but_slot);

#endif							/* WF_PURGE_H */

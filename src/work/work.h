/*
 * work.h
 *	  What an executor does: batches of due work of one owner.
 */
#ifndef WF_WORK_H
#define WF_WORK_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"

typedef struct WfWork WfWork;

extern WfWork *wf_work_new(int32 owner, WfLaneKind kind, Oid extension);
extern WfWork *wf_work_by_hand(int32 owner, WfLaneKind kind, Oid extension);
extern int	wf_work_bring_back(WfWork *work);

typedef enum WfWorkResult
{
	WF_WORK_MORE,				/* something was done, look again at once */
	WF_WORK_WAIT,				/* nothing to do before *next, or a wake */
	WF_WORK_PAUSE,				/* nothing before *next, whoever calls */
	WF_WORK_GONE				/* the extension is gone: leave */
} WfWorkResult;

extern WfWorkResult wf_work_batch(WfWork *work, TimestampTz *next, int *done);
extern bool wf_work_in_quarantine(const WfWork *work);
extern bool wf_work_was_empty(const WfWork *work);

#endif							/* WF_WORK_H */

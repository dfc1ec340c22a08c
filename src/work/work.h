/*
 * work.h
 *	  What an executor does: batches of due timers of one owner.
 */
#ifndef WF_WORK_H
#define WF_WORK_H

#include "datatype/timestamp.h"

typedef struct WfWork WfWork;

/*
 * The state of one executor's work, in TopMemoryContext.  `extension`: the
 * OID of the extension that the runtime saw.
 */
extern WfWork *wf_work_new(int32 owner, Oid extension);

typedef enum WfWorkResult
{
	WF_WORK_MORE,				/* something was done, look again at once */
	WF_WORK_WAIT,				/* nothing to do before *next, or a wake */
	WF_WORK_GONE				/* the extension is gone: leave */
} WfWorkResult;

/*
 * Claim and step one batch in transactions of its own; errors of user code
 * are dealt with inside (retry, back-off, poison).  Reads the mark before its
 * snapshot and advances it.  Must be called with no transaction open, after
 * ResetLatch.  *done: events stepped.
 */
extern WfWorkResult wf_work_batch(WfWork *work, TimestampTz *next, int *done);

/* Has it still suspects of a crash to step?  See careful.h. */
extern bool wf_work_is_careful(const WfWork *work);

#endif							/* WF_WORK_H */

/*
 * eviction.h
 *	  Which executor gives up its slot to somebody who waits for one.
 */
#ifndef WF_EVICTION_H
#define WF_EVICTION_H

#include "datatype/timestamp.h"

#include "shmem/slot.h"

/* Who may be asked to leave. */
typedef enum WfEviction
{
	WF_EVICT_COLD,				/* who has been idle for a while */
	WF_EVICT_IDLE,				/* who is idle */
	WF_EVICT_ANY				/* who has been busy for a while, too */
} WfEviction;

extern TimestampTz wf_eviction_make_room(WfLaneKind kind, int n, bool extra);
extern bool wf_eviction_ask_locked(WfEviction whom, TimestampTz *again);
extern int	wf_eviction_leaving_locked(WfSlotRange range);

#endif							/* WF_EVICTION_H */

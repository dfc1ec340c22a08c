/*
 * slot.h
 *	  The slots of executors.
 */
#ifndef WF_SLOT_H
#define WF_SLOT_H

#include "datatype/timestamp.h"
#include "storage/latch.h"

#include "shmem/owner.h"

typedef enum WfExecutorState
{
	WF_EXEC_FREE,
	WF_EXEC_STARTING,			/* registered, not yet attached */
	WF_EXEC_BUSY,
	WF_EXEC_IDLE				/* waits on its latch, warm */
} WfExecutorState;

typedef struct WfExecutor
{
	WfExecutorState state;
	uint32		generation;		/* counts uses of this slot */
	Oid			dbid;
	int32		owner;
	Oid			role;
	pid_t		pid;
	Latch	   *latch;			/* or NULL until attached */
	WfOwner    *entry;			/* which counts it: its owner's, or others */
	bool		evict;			/* give the slot up after this batch */
	bool		stalled;		/* BUSY with one batch for longer than
								 * WF_STALL_MS */
	TimestampTz since;			/* when it took its present state */
	int64		steps;			/* events stepped so far, for the activity view */
	int64		batches;
} WfExecutor;

/* A batch that takes longer no longer counts as looking after its owner. */
#define WF_STALL_MS		200

#endif							/* WF_SLOT_H */

/*
 * batch.h
 *	  One batch of due work of one owner, in the present transaction.
 */
#ifndef WF_BATCH_H
#define WF_BATCH_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"
#include "store/timer.h"
#include "work/quarantine.h"

typedef struct WfBatch
{
	/* Said by the caller, for all of its batches. */
	int32		owner;
	WfLaneKind	kind;
	WfLane	   *lane;			/* or NULL: no place in shared memory, or by hand */
	WfQuarantine *quarantine;	/* or NULL: no suspects */
	bool		by_hand;		/* runs: only what can be done in the caller's
								 * transaction, */
	int32		queue;			/* and of this queue; 0: of any */

	/* Of the latest batch; true also while it runs, and after it failed. */
	int			claimed;		/* timers, or runs */
	int			position;		/* index of the one being done; claimed when all
								 * were */
	int64		seq;			/* of that one */
	WfTimerRow	timer;			/* steps: that timer; what it points to is gone when
								 * an error is dealt with */
	pg_uuid_t	run;			/* runs: its id; bulk operations: that of the operation, */
	pg_uuid_t	item;			/* and of the item that was done last */
	WfPosition	first;			/* of the first one */
	bool		on_trial;		/* runs: one that was lost before is among them */
	bool		user_ran;
	int			fitting;		/* so many events would have taken the time that
								 * user code has */
	bool		rested;			/* parked something over a pause */
	bool		pause_over;		/* something parked so has to come back */
	bool		past_others;	/* claimed from the cursor on, not from the mark */
	bool		saw_all;		/* claimed all that was due and free */
	int			unasked;		/* batches since it was asked what is due next */

	/* To know when to stop. */
	TimestampTz user_from;		/* when its first step began, */
	TimestampTz user_until;		/* and until when user code may begin */
	int			subtransactions;	/* that there were before it */
	MemoryContext memory;		/* everything that it claims and makes is in here, */
	Size		memory_before;	/* with what was there before */
} WfBatch;

extern int	wf_batch(WfBatch *batch, WfPosition mark, TimestampTz until,
					 uint64 generation, int limit, TimestampTz *next, int *done);

#endif							/* WF_BATCH_H */

/*
 * work_state.h
 *	  The state of an executor's work, as work.c and bisect.c share it.
 */
#ifndef WF_WORK_STATE_H
#define WF_WORK_STATE_H

#include "work/attempt.h"
#include "work/batch.h"
#include "work/work.h"

/*
 * Back-off when everything due is locked (ms).  Whoever locks a process through
 * the API announces the end of that; these are for locks of others.
 */
#define WF_SKIP_DELAY_MIN	1
#define WF_SKIP_DELAY_MAX	1000

/* What is done with one kind of work. */
typedef struct WfWorkKind
{
	/* Claim and do a batch, as wf_batch(); see there. */
	int			(*batch) (WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
						  int limit, TimestampTz *next, int *done);

	/*
	 * What the batch was at, alone, has failed, or was in somebody's way and is to
	 * come later: record that in a transaction of its own.  Throws nothing.
	 */
	WfRecord	(*failed) (const WfBatch *batch, Oid extension, const ErrorData *error);
	WfRecord	(*postpone) (const WfBatch *batch, Oid extension, TimestampTz due);
} WfWorkKind;

struct WfWork
{
	const WfWorkKind *kind;
	WfBatch		batch;			/* the latest */
	Oid			extension;
	MemoryContext context;		/* of a caught error; a batch lives in SPI's */
	bool		has_suspects;	/* to be counted first: see run_suspects.c */
	int			skip_delay;		/* ms, doubles while nothing can be claimed */

	/* bisect.c */
	int			size;			/* of the next batch */
	int			then_size;		/* of the one after it; 0: grow */
	int64		conflict_seq;	/* what met a conflict all alone, */
	int			conflicts;		/* so many times in a row */
	int			shortages;		/* events in a row that met one in their own code */
};

#endif							/* WF_WORK_STATE_H */

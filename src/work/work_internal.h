/*
 * work_internal.h
 *	  The state of an executor's work, as work.c and setback.c share it.
 */
#ifndef WF_WORK_INTERNAL_H
#define WF_WORK_INTERNAL_H

#include "work/batch.h"
#include "work/work.h"

/* Back-off when everything due is locked (ms). */
#define WF_SKIP_DELAY_MIN	1
#define WF_SKIP_DELAY_MAX	50

struct WfWork
{
	WfBatch		batch;			/* the latest */
	Oid			extension;
	MemoryContext context;		/* of a caught error; a batch lives in SPI's */
	int			skip_delay;		/* ms, doubles while nothing can be claimed */

	/* setback.c */
	int			size;			/* of the next batch */
	int			then_size;		/* of the one after it; 0: grow */
	int64		conflict_seq;	/* a timer that met a conflict all alone, */
	int			conflicts;		/* so many times in a row */
};

/* The size of the first batch. */
extern void wf_work_begin_small(WfWork *work);

/* After a batch went well: the planned next size, or larger. */
extern void wf_work_grow(WfWork *work);

/*
 * The batch failed and was undone.  Decides in what portions its events are
 * tried again; one that failed alone gets an attempt or, if it was in
 * somebody's way, a short rest, in a transaction of its own.  Throws nothing.
 * *next is set for WF_WORK_WAIT.
 */
extern WfWorkResult wf_work_failed(WfWork *work, const ErrorData *error,
								   TimestampTz *next);

/* A moment from now, by chance: so that those who met do not meet again. */
extern TimestampTz wf_short_delay(void);

#endif							/* WF_WORK_INTERNAL_H */

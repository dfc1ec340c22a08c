/*
 * watch_batch.h
 *	  What is new about the files of a trigger makes runs, batch by batch.
 */
#ifndef WF_WATCH_BATCH_H
#define WF_WATCH_BATCH_H

#include "watch/watch_look.h"
#include "watch/watch_row.h"

/* What a watcher remembers of a trigger. */
typedef struct WfWatched
{
	int32		id;
	int64		revision;		/* of what is remembered of its files */
	WfWatchMemory *memory;		/* that; NULL: nothing is */
	int64		untold;			/* of these, so many have names that the database cannot have */
	TimestampTz next;			/* when to look again */
	Interval	interval;		/* with which that was found */
	uint64		round;			/* at which it was there last */
} WfWatched;

/* A trigger that is looked for, and what was found. */
typedef struct WfWatchTask
{
	WfWatch    *watch;			/* as it was listed */
	WfWatchOrder order;
	WfWatched  *watched;
	bool		due;
	bool		allowed;		/* if it is due */
	WfWatchNews news;
	int			from;			/* changes before this one are done, */
	int			gone_from;		/* and what had gone before that is forgotten */
	int64		untold;			/* in the batch that is being made */
	int			size;			/* so many changes at a time */
	const char *reason;			/* to be told */
	bool		suspend;		/* with it */
} WfWatchTask;

/* So many files make runs in one transaction. */
#define WF_WATCH_BATCH_SIZE	200

extern bool wf_watch_batch_know(WfWatchTask *task);
extern void wf_watch_batch_forget(WfWatched *watched);
extern void wf_watch_batch_make(WfWatchTask *task);
extern void wf_watch_batch_tell(WfWatchTask *task);

#endif							/* WF_WATCH_BATCH_H */

/*
 * watch_look.h
 *	  The watcher looks at a directory, and remembers what was there.
 */
#ifndef WF_WATCH_LOOK_H
#define WF_WATCH_LOOK_H

#include "watch/watch_judge.h"

/* What is remembered of a directory; see watch_look.c. */
typedef struct WfWatchMemory WfWatchMemory;

/* What to look for, names and directories in UTF-8. */
typedef struct WfWatchOrder
{
	const char *directory;
	const char *listed;			/* that it lies in */
	const char *pattern;
	WfWatchCheck check;
	int64		settle;			/* us */
	int64		inode;			/* of the directory that is meant; 0: any */
} WfWatchOrder;

/* A file that has come, or looks otherwise. */
typedef struct WfWatchChange
{
	const char *name;
	WfWatchFile *file;			/* what is remembered of it */
	WfWatchSight sight;
	WfWatchVerdict verdict;		/* WF_WATCH_NOTE or WF_WATCH_FIRE */
} WfWatchChange;

/* What was found, in the memory context of the caller. */
typedef struct WfWatchNews
{
	const char *fault;			/* why nothing was; or NULL */
	int64		inode;			/* of the directory */
	bool		replaced;		/* and that is another one than is meant */
	int64		skipped;		/* files that cannot be told of */
	int			nchanges;
	WfWatchChange *changes;
	int			ngone;
	const char **gone;			/* files that are not there any more */
	TimestampTz again;			/* when time alone may bring something; infinity: never */
} WfWatchNews;

extern WfWatchMemory *wf_watch_look_begin(void);
extern void wf_watch_look_know(WfWatchMemory *memory, const char *name, const WfWatchFile *file);
extern void wf_watch_look(WfWatchMemory *memory, const WfWatchOrder *order, WfWatchNews *news);
extern void wf_watch_look_done(const WfWatchOrder *order, const WfWatchChange *change);
extern void wf_watch_look_forget(WfWatchMemory *memory, const char *name);
extern void wf_watch_look_end(WfWatchMemory *memory);

#endif							/* WF_WATCH_LOOK_H */

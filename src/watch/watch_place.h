/*
 * watch_place.h
 *	  Directories that are looked at.
 */
#ifndef WF_WATCH_PLACE_H
#define WF_WATCH_PLACE_H

#include <dirent.h>

#include "watch/watch_judge.h"

/* Bytes of a directory, and of what comes behind it, in UTF-8. */
#define WF_WATCH_PLACE_MAX		1024
#define WF_WATCH_PLACE_NAME_MAX	1024

/* A directory that is being looked at. */
typedef struct WfWatchPlace
{
	DIR		   *names;
	int64		inode;			/* its own */
	TimestampTz modified;		/* when names have changed last */
	int64		unreadable;		/* so far: names that are no text, contents that cannot be read */
} WfWatchPlace;

extern const char *wf_watch_place_fault(const char *directory);
extern bool wf_watch_place_is_path(const char *directory);
extern const char *wf_watch_place_listed(const char *directory);
extern const char *wf_watch_place_open(WfWatchPlace *place, const char *listed, const char *directory);
extern const char *wf_watch_place_next(WfWatchPlace *place, const char *pattern, const char **name,
									   WfWatchSight *sight);
extern bool wf_watch_place_read(WfWatchPlace *place, const char *name, WfWatchSight *sight);
extern bool wf_watch_place_has(const WfWatchPlace *place, const char *name);
extern void wf_watch_place_close(WfWatchPlace *place);

#endif							/* WF_WATCH_PLACE_H */

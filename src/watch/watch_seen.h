/*
 * watch_seen.h
 *	  The table workflow.file_seen.
 */
#ifndef WF_WATCH_SEEN_H
#define WF_WATCH_SEEN_H

#include "utils/uuid.h"

#include "watch/watch_judge.h"

/* A row: what is known of a file of a trigger. */
typedef struct WfWatchSeen
{
	const char *name;			/* behind the directory, as the database has it */
	WfWatchFile file;
	bool		has_run;		/* one was made, */
	pg_uuid_t	run;			/* the last of which is this */
} WfWatchSeen;

extern int64 wf_watch_seen_all(int32 trigger, WfWatchSeen **all);
extern bool wf_watch_seen_find(int32 trigger, const char *name, WfWatchSeen *seen);
extern void wf_watch_seen_enter(int32 trigger, int n, const WfWatchSeen *seen);
extern void wf_watch_seen_wait(int32 trigger, const WfWatchSeen *seen);
extern void wf_watch_seen_runs(int32 trigger, int n, WfWatchSeen *seen);
extern void wf_watch_seen_forget(int32 trigger, int n, const char **names);
extern void wf_watch_seen_forget_all(int32 trigger);

#endif							/* WF_WATCH_SEEN_H */

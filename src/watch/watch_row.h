/*
 * watch_row.h
 *	  The table workflow.file_trigger.
 */
#ifndef WF_WATCH_ROW_H
#define WF_WATCH_ROW_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

#include "watch/watch_judge.h"

/* A trigger of files. */
typedef struct WfWatch
{
	int32		id;
	const char *name;
	int32		owner;
	Oid			role;			/* of that owner */
	const char *tenant;			/* for whom it makes runs, or NULL */
	const char *directory;
	const char *pattern;
	WfWatchCheck check;
	Interval   *interval;
	Interval   *settle;
	const char *job;
	bool		has_priority;
	int			priority;
	TimestampTz starts;			/* -infinity: at once */
	TimestampTz ends;			/* infinity: never */
	bool		enabled;
	const char *note;			/* or NULL */

	/* How it stands. */
	TimestampTz suspended_at;	/* infinity: it is not */
	const char *reason;			/* why it is, or its directory cannot be looked at; or NULL */
	int64		revision;		/* how often its files were written */
	int64		inode;			/* of the directory; 0: not known */
	int64		skipped;		/* files there that cannot be told of */
	int64		made;			/* runs */
	TimestampTz last_at;		/* when the last one was made; -infinity: never */
	const char *last_file;		/* of this, by its name */
	bool		has_run;
	pg_uuid_t	last_run;		/* if it has one */
} WfWatch;

extern const char *wf_watch_row_check_name(WfWatchCheck check);
extern bool wf_watch_row_check(const char *name, WfWatchCheck *check);
extern bool wf_watch_row_any(void);
extern bool wf_watch_row_insert(WfWatch *watch);
extern bool wf_watch_row_find(const char *name, bool lock, WfWatch *watch);
extern List *wf_watch_row_list(MemoryContext context);
extern bool wf_watch_row_claim(int32 id, WfWatch *watch);
extern void wf_watch_row_change(const WfWatch *watch);
extern void wf_watch_row_update(const WfWatch *watch);
extern void wf_watch_row_delete(int32 id);

#endif							/* WF_WATCH_ROW_H */

/*
 * watch_judge.h
 *	  What it means how a file looks.
 */
#ifndef WF_WATCH_JUDGE_H
#define WF_WATCH_JUDGE_H

#include "common/sha2.h"
#include "datatype/timestamp.h"

/* What of a file makes a run; the names are in watch_row.c. */
typedef enum WfWatchCheck
{
	WF_WATCH_NEW,				/* it is there */
	WF_WATCH_MODIFIED,			/* or was modified */
	WF_WATCH_CONTENT			/* or its content is another one */
} WfWatchCheck;

/* How a file looks. */
typedef struct WfWatchSight
{
	int64		size;			/* -1: not known */
	TimestampTz modified;		/* -infinity: not known */
	int64		inode;			/* 0: not known */
	TimestampTz changed;		/* by anything; -infinity: not known */
	bool		read;			/* its content was: */
	uint8		sha256[PG_SHA256_DIGEST_LENGTH];
} WfWatchSight;

/* What is known of a file. */
typedef struct WfWatchFile
{
	bool		seen;			/* a run was made of it, when it looked so: */
	WfWatchSight sight;
	TimestampTz since;			/* it looks other than that since then; infinity: it does not */
	int64		size;			/* in this way: */
	TimestampTz modified;
} WfWatchFile;

/* What is to be done about it. */
typedef enum WfWatchVerdict
{
	WF_WATCH_SAME,				/* nothing */
	WF_WATCH_WAIT,				/* it has not settled */
	WF_WATCH_READ,				/* its content decides */
	WF_WATCH_NOTE,				/* it looks otherwise, which is noted; no run is made */
	WF_WATCH_FIRE				/* a run is made */
} WfWatchVerdict;

extern WfWatchVerdict wf_watch_judge(WfWatchCheck check, int64 settle, TimestampTz now,
									 WfWatchFile *file, const WfWatchSight *sight);
extern void wf_watch_judge_done(WfWatchCheck check, TimestampTz now, WfWatchFile *file, const WfWatchSight *sight);
extern TimestampTz wf_watch_judge_again(int64 settle, const WfWatchFile *file);

#endif							/* WF_WATCH_JUDGE_H */

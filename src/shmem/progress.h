/*
 * progress.h
 *	  How far a run is, as its code tells while it is done.
 */
#ifndef WF_PROGRESS_H
#define WF_PROGRESS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* Longer notes are cut. */
#define WF_PROGRESS_NOTE	256

/* In shared memory, or a copy of that; all zeroes: nothing was told. */
typedef struct WfProgress
{
	uint32		changes;		/* odd while it is being written */
	pg_uuid_t	run;			/* of which it is told */
	TimestampTz at;				/* 0: nothing was told */
	int64		done;
	bool		has_total;
	bool		has_note;
	int64		total;
	char		note[WF_PROGRESS_NOTE];
} WfProgress;

extern void wf_progress_tell(WfProgress *progress, const pg_uuid_t *run, int64 done, const int64 *total,
							 const char *note);
extern void wf_progress_clear(WfProgress *progress);
extern bool wf_progress_read(const WfProgress *progress, const pg_uuid_t *run, WfProgress *copy);

#endif							/* WF_PROGRESS_H */

/*
 * load_note.h
 *	  The table workflow.load_note: what each transaction has done.
 */
#ifndef WF_LOAD_NOTE_H
#define WF_LOAD_NOTE_H

#include "datatype/timestamp.h"

#include "base/histogram.h"

/* Values of load_note.kind. */
typedef enum WfLoadKind
{
	WF_LOAD_PROCESSES,
	WF_LOAD_RUNS
} WfLoadKind;

/* Of what something was done, and when. */
typedef struct WfLoadOf
{
	TimestampTz at;
	WfLoadKind	kind;
	int32		what;			/* definition.id or job.id */
	int32		queue;			/* of a run, else 0 */
	Datum		runtime;		/* the worker that did it, a text; 0: ourselves */
	Datum		tenant;			/* whose it is, a text; 0: nobody's */
} WfLoadOf;

/* How much was done. */
typedef struct WfLoadCounts
{
	int32		started;
	int32		finished;
	int32		failed;
	int32		ended;			/* finished, failed for good, or whatever else */
	int32		steps;			/* of processes */
	double		lag;			/* s, of all that was due at a time, */
	int32		lags;			/* and how many these were */
	double		busy;			/* s that it took those who did it */
	WfHistogram took;			/* from beginning to end, of what has ended */
} WfLoadCounts;

typedef struct WfLoadEntry
{
	WfLoadOf	of;				/* at: the beginning of the minute */
	WfLoadCounts counts;
} WfLoadEntry;

/* What a transaction notes at once.  Zero at first. */
typedef struct WfLoadNotes
{
	WfLoadEntry *entries;
	int			n;
	int			size;
} WfLoadNotes;

extern WfLoadCounts *wf_load_note(WfLoadNotes *notes, const WfLoadOf *of);
extern double wf_load_note_late(TimestampTz due, TimestampTz at);
extern void wf_load_note_write(const WfLoadNotes *notes);

#endif							/* WF_LOAD_NOTE_H */

/*
 * lane.h
 *	  One kind of work of one owner in one database.
 */
#ifndef WF_LANE_H
#define WF_LANE_H

#include "datatype/timestamp.h"
#include "storage/spin.h"

#include "shmem/arrivals.h"
#include "shmem/suspects.h"

/* Kinds of work.  Each has a table that is claimed from in order of due. */
typedef enum WfLaneKind
{
	WF_LANE_STEPS,				/* timers of processes: steps */
	WF_LANE_RUNS,				/* runs of jobs */
	WF_LANE_SCHEDULES,			/* occurrences of schedules */
	WF_LANE_BULKS				/* slices of bulk operations */
} WfLaneKind;

#define WF_LANE_KINDS	4

/* A place in the order in which work is claimed. */
typedef struct WfPosition
{
	TimestampTz due;
	int64		seq;			/* of those due at one instant; WF_FIRST_SEQ: all */
} WfPosition;

#define WF_FIRST_SEQ	(-1)

/* The position before everything that is due at an instant. */
#define WF_POSITION(instant)	((WfPosition) {(instant), WF_FIRST_SEQ})

/*
 * mark: no visible work of this lane that is not parked is before it.  It is
 * both where claims start (past dead index entries) and when somebody has to
 * look next.  -infinity: not known, look now.  +infinity: nothing.  Lowered by
 * every commit that inserted below it; raised only by a scan that began after
 * it read (mark, generation), and only if the generation has not moved since.
 *
 * cursor: the executors of this lane have claimed up to here.  A hint: between
 * mark and cursor everything is being worked by somebody, or was skipped.
 *
 * head: between mark and head everything is locked; see held.c.
 */
typedef struct WfLane
{
	/* Set when its owner gets an entry, under the lock. */
	struct WfOwner *entry;		/* whose lane it is: one owner's, or that of all
								 * owners that found no place */
	Oid			dbid;
	int32		owner;			/* workflow.owner.id; 0: several */
	WfLaneKind	kind;

	/* Under the spinlock; watermark.c. */
	slock_t		mutex;
	WfPosition	mark;
	uint64		generation;
	WfPosition	cursor;
	uint64		cursor_epoch;	/* moves whenever the cursor is set back */
	uint64		calls;			/* moves whenever executors are to look again */
	uint64		looked;			/* a generation: all that was inserted by then was
								 * claimed by executors, or was locked */
	struct WfSlot *sentry;		/* the executor that sleeps until the mark is due, */
	TimestampTz watch;			/* as it was when that fell asleep */

	/* Under the spinlock; held.c: what is due and locked by others. */
	WfPosition	head;			/* what is due before it was locked when it was
								 * looked at last */
	WfPosition	walk;			/* up to here it was looked at again */
	TimestampTz lowest;			/* the earliest work that came since the head was */
	uint64		lowest_since;	/* set, which was at this generation */
	int64		laps;			/* walks through all of it */
	int64		laps_wanted;
	int			lap_rows;		/* looked at in the present lap */
	int			lap_rows_before;	/* and in the one before */
	int			lap_pause;		/* ms before the next but one */
	TimestampTz lap_after;		/* the next one, unless it is wanted */
	TimestampTz aside_until;	/* not even if somebody wants it: see wf_held_aside() */
	int64		rows;			/* that may be looked at now */
	TimestampTz rows_at;		/* when that was counted */
	struct WfSlot *walker;		/* the executor that looked last, or NULL */

	WfArrivals	arrivals;		/* of WF_LANE_RUNS only */

	/* Under the spinlock. */
	int			apart;			/* runs that are to be called alone: see wf_lane_apart() */

	/* Under the lock of the instance. */
	int			executors;		/* slots this lane holds */
	TimestampTz served;			/* when an executor last left it: it comes after
								 * those who wait longer */

	bool		backlog;		/* see wf_lane_backlog() */
	WfSuspects	suspects;
} WfLane;

extern Size wf_lane_shmem_size(void);
extern void wf_lane_shmem_attach(void *segment, bool created);
extern WfLane *wf_lane_of_place(int place);
extern void wf_lane_init(WfLane *lane, Oid dbid, int32 owner, TimestampTz mark);
extern void wf_lane_joined_locked(WfLane *lane);
extern void wf_lane_left_locked(WfLane *lane, bool served);
extern void wf_lane_apart(WfLane *lane, int runs);
extern bool wf_lane_is_apart(WfLane *lane);
extern void wf_lane_backlog(WfLane *lane, bool backlog);

#endif							/* WF_LANE_H */

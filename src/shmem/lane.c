/*-------------------------------------------------------------------------
 *
 * lane.c
 *	  One kind of work of one owner in one database.
 *
 * Runs in every process.  Each entry of an owner has one lane of every kind.
 * Slots, eviction and waiting ask lanes, so a new kind of work is a new value of
 * WfLaneKind, the query by which sweep.c learns when it is due, and what an
 * executor does for it (work.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/held.h"
#include "shmem/lane.h"
#include "shmem/suspects.h"

static WfLane *lanes = NULL;

/* Of each owner's entry, and of what stands for the others in each database. */
static int
number_of_lanes(void)
{
	return (wf_max_owners + wf_max_databases) * WF_LANE_KINDS;
}

/* Bytes of the segment. */
Size
wf_lane_shmem_size(void)
{
	return mul_size(number_of_lanes(), sizeof(WfLane));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_lane_shmem_attach(void *segment, bool created)
{
	lanes = segment;
	for (int i = 0; created && i < number_of_lanes(); i++)
	{
		lanes[i].kind = i % WF_LANE_KINDS;
		SpinLockInit(&lanes[i].mutex);
		wf_arrivals_init(&lanes[i].arrivals);
	}
}

/* The lanes of the owner's entry with this number: an array of WF_LANE_KINDS. */
WfLane *
wf_lane_of_place(int place)
{
	return &lanes[place * WF_LANE_KINDS];
}

/*
 * Begin a lane for an owner.  mark: -infinity, nothing is known of its work;
 * +infinity, there is none.  Under the lock, exclusive.
 */
void
wf_lane_init(WfLane *lane, Oid dbid, int32 owner, TimestampTz mark)
{
	SpinLockAcquire(&lane->mutex);
	lane->mark = WF_POSITION(mark);
	lane->generation = 0;
	lane->cursor = WF_POSITION(DT_NOBEGIN);
	lane->cursor_epoch = 0;
	lane->calls = 0;
	lane->looked = 0;
	lane->sentry = NULL;
	lane->watch = DT_NOEND;
	lane->apart = 0;
	wf_held_init_locked(lane);
	SpinLockRelease(&lane->mutex);
	wf_arrivals_note(&lane->arrivals, DT_NOBEGIN);

	lane->executors = 0;
	lane->served = DT_NOBEGIN;
	lane->backlog = false;
	wf_suspects_init(&lane->suspects);
	lane->owner = owner;
	lane->dbid = dbid;
}

/* A slot was taken for the lane.  Under the lock, exclusive. */
void
wf_lane_joined_locked(WfLane *lane)
{
	lane->executors++;
}

/*
 * A slot of the lane was given back.  Under the lock, exclusive.  served: its
 * executor was there; one that never came served nobody.
 */
void
wf_lane_left_locked(WfLane *lane, bool served)
{
	if (lane->executors == 0)
		return;
	lane->executors--;
	if (served)
		lane->served = GetCurrentTimestamp();
}

/*
 * A call that took many runs was lost: the next so many runs of the lane are called
 * alone, so that the one to blame shows itself.  Only the first of the call is known.
 */
void
wf_lane_apart(WfLane *lane, int runs)
{
	SpinLockAcquire(&lane->mutex);
	lane->apart = Max(lane->apart, runs);
	SpinLockRelease(&lane->mutex);
}

/* Is the next run of the lane to be called alone?  It is one of them then. */
bool
wf_lane_is_apart(WfLane *lane)
{
	bool		apart;

	SpinLockAcquire(&lane->mutex);
	apart = lane->apart > 0;
	lane->apart -= apart;
	SpinLockRelease(&lane->mutex);
	return apart;
}

/*
 * Would another executor find work in the lane?  Said by its executors, after a
 * full batch or a long one.  Without a lock: it is one byte, which the runtime
 * reads when it is woken, and the next batch says it again.
 */
void
wf_lane_backlog(WfLane *lane, bool backlog)
{
	lane->backlog = backlog;
}

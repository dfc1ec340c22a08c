/*-------------------------------------------------------------------------
 *
 * held.c
 *	  Work of a lane that is due, and locked by others.
 *
 * Runs in executors, and where transactions end.  A session that holds a process
 * keeps all of its due work from being claimed, and may hold thousands of them
 * for as long as it likes: so claims must not find out about each of them each
 * time.  The HEAD of a lane is a position: what is due before it was locked when
 * it was looked at last.  Claims begin there.  What is before it is looked at by
 * a WALK, in parts, from the mark to the head and again from the mark:
 *
 * - when a lock is released that an executor may have met (wakeup.c tells, at the
 *	 end of each transaction of ours): one lap, beginning with the release;
 * - otherwise, since others than us lock rows, too, after a pause between laps,
 *	 which doubles from a millisecond up to a second while nothing is found.
 *
 * Both are paid for in ROWS, of which there is a supply that fills up by so many
 * a second: that bounds what a lane costs, however much is locked and however
 * often something is released.  Whoever releases many pays for them.
 *
 * The head is lowered by all that is inserted or put back before it, and set only
 * by a claim that has seen everything that was due, as far as nothing came that
 * it could not see.  A head that is too high loses nothing: it is walked.
 *
 * Locks: a lane's spinlock, for a few assignments.  Times are those of the
 * server's clock.  Nothing here throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "shmem/held.h"
#include "shmem/lane.h"
#include "shmem/slot.h"
#include "shmem/watermark.h"

/* The supply: rows a second, and at most.  A row costs some 5 us. */
#define ROWS_PER_SECOND		5000
#define ROWS_MAX			20000

/* What a look costs whatever it finds, in rows. */
#define ROWS_OF_A_LOOK		40

/* A part has at most so many: others' work waits so long (some ms). */
#define ROWS_OF_A_PART		500

/* The pause between two laps (ms). */
#define PAUSE_MIN			1
#define PAUSE_MAX			1000
#define PAUSE_ASIDE			3000

/* So much later (ms) others walk than the executor that did it last. */
#define GRACE				1000

/* --- the head ------------------------------------------------------------- */

/* A lane of which nothing is known; under the spinlock. */
void
wf_held_init_locked(WfLane *lane)
{
	lane->head = WF_POSITION(DT_NOBEGIN);
	lane->walk = WF_POSITION(DT_NOBEGIN);
	lane->lowest = DT_NOEND;
	lane->lowest_since = 0;
	lane->laps = lane->laps_wanted = 0;
	lane->lap_rows = lane->lap_rows_before = 0;
	lane->lap_pause = PAUSE_MIN;
	lane->lap_after = lane->aside_until = DT_NOBEGIN;
	lane->rows = ROWS_MAX;
	lane->rows_at = DT_NOBEGIN;
	lane->walker = NULL;
}

/* Is anything before the head?  Under the spinlock. */
static bool
has_head(const WfLane *lane, WfPosition mark)
{
	return wf_position_before(mark, lane->head);
}

/* Where claims begin, if that is past the mark; else -infinity. */
WfPosition
wf_held_head(WfLane *lane, WfPosition mark)
{
	WfPosition	head;

	SpinLockAcquire(&lane->mutex);
	head = has_head(lane, mark) ? lane->head : WF_POSITION(DT_NOBEGIN);
	SpinLockRelease(&lane->mutex);
	return head;
}

/*
 * A claim has seen all work of the lane that was due until `until`, and some of it
 * was locked.  generation: as it was read before the snapshot of the claim.  What
 * was inserted since then is not seen, but noted in lane->lowest, unless somebody
 * else has set the head in the meantime.
 */
void
wf_held_set(WfLane *lane, uint64 generation, TimestampTz until)
{
	WfPosition	head = {until, PG_INT64_MAX};
	TimestampTz after = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PAUSE_MIN);

	SpinLockAcquire(&lane->mutex);
	if (lane->lowest_since <= generation)
	{
		if (lane->lowest <= until)
			head = WF_POSITION(lane->lowest);
		if (!has_head(lane, lane->mark))
			lane->walk = WF_POSITION(DT_NOBEGIN);
		lane->head = head;
		lane->lowest = DT_NOEND;
		lane->lowest_since = lane->generation;

		/* what has just been locked is often released soon */
		lane->lap_pause = PAUSE_MIN;
		lane->lap_after = Min(lane->lap_after, after);
	}
	SpinLockRelease(&lane->mutex);
}

/*
 * What is due at this position can neither be done nor written off now: claims go
 * on behind it, and it is looked at again with what is locked.  A claim has come
 * to it, so that nothing before it is free.
 */
void
wf_held_aside(WfLane *lane, WfPosition position)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PAUSE_ASIDE);

	SpinLockAcquire(&lane->mutex);
	if (!has_head(lane, lane->mark))
		lane->walk = WF_POSITION(DT_NOBEGIN);
	/* That it was put back is no news. */
	if (lane->lowest >= position.due)
	{
		lane->lowest = DT_NOEND;
		lane->lowest_since = lane->generation;
	}
	position.seq++;
	if (wf_position_before(lane->head, position))
		lane->head = position;

	/* whoever comes to it pauses; the others are to have a turn in between */
	lane->laps_wanted = lane->laps;
	lane->lap_pause = PAUSE_MAX;
	lane->lap_after = lane->aside_until = until;
	SpinLockRelease(&lane->mutex);
}

/* There is work from `first` on that is not locked; under the spinlock. */
void
wf_held_lower_locked(WfLane *lane, WfPosition first)
{
	lane->lowest = Min(lane->lowest, first.due);
	lane->head = wf_position_first(lane->head, first);
}

/* The same: what was claimed from `first` on is free again. */
void
wf_held_freed(WfLane *lane, WfPosition first)
{
	SpinLockAcquire(&lane->mutex);
	wf_held_lower_locked(lane, first);
	SpinLockRelease(&lane->mutex);
}

/* --- the supply ------------------------------------------------------------- */

/* Fill it up to now; under the spinlock. */
static void
fill(WfLane *lane, TimestampTz now)
{
	int64		passed = now - lane->rows_at;

	if (lane->rows_at == DT_NOBEGIN || passed < 0 || passed > 60 * USECS_PER_SEC)
		passed = 60 * USECS_PER_SEC;
	lane->rows = Min(ROWS_MAX, lane->rows + passed * ROWS_PER_SECOND / USECS_PER_SEC);
	lane->rows_at = now;
}

/* What the next part needs: no more than a lap has had. */
static int64
needed(const WfLane *lane)
{
	return ROWS_OF_A_LOOK + Min(lane->lap_rows_before, ROWS_OF_A_PART);
}

static bool
is_wanted(const WfLane *lane)
{
	return lane->laps < lane->laps_wanted;
}

/* When there is enough; under the spinlock. */
static TimestampTz
enough_at(const WfLane *lane, TimestampTz now)
{
	int64		missing = needed(lane) - lane->rows;

	return missing <= 0 ? now : now + missing * USECS_PER_SEC / ROWS_PER_SECOND + 1;
}

/* --- the walk --------------------------------------------------------------- */

/*
 * Locks on so many processes were released, of which an executor may have met
 * some.  Under the spinlock.  Returns whether somebody has to be told: a walk that
 * was wanted already somebody is about to do.
 */
bool
wf_held_released_locked(WfLane *lane, int rows)
{
	bool		news;

	if (!has_head(lane, lane->mark))
		return true;
	news = !is_wanted(lane);
	lane->laps_wanted = lane->laps + (lane->walk.due == DT_NOBEGIN ? 1 : 2);
	if (rows > 1)
		lane->rows += rows;
	return news;
}

/* The real time from which on this executor may walk; under the spinlock. */
static TimestampTz
may_walk_at(const WfLane *lane, const WfSlot *me, TimestampTz now)
{
	TimestampTz at = enough_at(lane, now);
	const WfSlot *walker = lane->walker;

	/* Set back, the clock makes nobody wait longer. */
	if (lane->aside_until > now && lane->aside_until <= TimestampTzPlusMilliseconds(now, PAUSE_ASIDE))
		at = Max(at, lane->aside_until);
	if (is_wanted(lane))
		return at;
	if (lane->lap_after <= TimestampTzPlusMilliseconds(now, PAUSE_ASIDE))
		at = Max(at, lane->lap_after);

	/* One of several idle executors is enough; unless it is gone, or busy. */
	if (walker != NULL && walker != me && walker->lane == lane &&
		walker->state == WF_SLOT_IDLE)
		at = TimestampTzPlusMilliseconds(at, GRACE);
	return at;
}

/*
 * Is it time that this executor (NULL: somebody) looks at a part of what is before the head?  Then
 * *part says which; it calls wf_held_walked() afterwards, unless it fails.
 */
bool
wf_held_walk(WfLane *lane, WfSlot *me, WfPosition mark, WfHeldPart *part)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		walk = false;

	SpinLockAcquire(&lane->mutex);
	if (has_head(lane, mark))
	{
		fill(lane, now);
		walk = may_walk_at(lane, me, now) <= now;
	}
	if (walk)
	{
		part->from = wf_position_before(lane->walk, mark) ? mark : lane->walk;
		part->to = lane->head;
		part->rows = ROWS_OF_A_PART;
		lane->rows -= ROWS_OF_A_LOOK;
		lane->walker = me;
	}
	SpinLockRelease(&lane->mutex);
	return walk;
}

/* The walk has come to the head; under the spinlock. */
static void
end_lap(WfLane *lane, TimestampTz now)
{
	lane->laps++;
	lane->walk = WF_POSITION(DT_NOBEGIN);
	lane->lap_rows_before = lane->lap_rows;
	lane->lap_rows = 0;
	lane->lap_after = TimestampTzPlusMilliseconds(now, lane->lap_pause);
	lane->lap_pause = Min(lane->lap_pause * 2, PAUSE_MAX);
}

/*
 * A part was looked at up to `reached` (infinity: all of it): so many rows, of
 * which so many were claimed, which is no waste.
 */
void
wf_held_walked(WfLane *lane, const WfHeldPart *part, WfPosition reached, int rows, int found)
{
	bool		end = !wf_position_before(reached, part->to);
	TimestampTz now = GetCurrentTimestamp();

	SpinLockAcquire(&lane->mutex);
	lane->rows -= Max(rows - found, 0);
	lane->lap_rows += rows;
	if (found > 0)
		lane->lap_pause = PAUSE_MIN;
	if (end)
		end_lap(lane, now);
	else if (wf_position_before(lane->walk, reached))
		lane->walk = reached;
	SpinLockRelease(&lane->mutex);
}

/*
 * The real time when this executor is to look at what is before the head;
 * infinity: there is nothing.
 */
TimestampTz
wf_held_next(WfLane *lane, const WfSlot *me, WfPosition mark)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = DT_NOEND;

	SpinLockAcquire(&lane->mutex);
	if (has_head(lane, mark))
	{
		fill(lane, now);
		next = may_walk_at(lane, me, now);
	}
	SpinLockRelease(&lane->mutex);
	return next;
}

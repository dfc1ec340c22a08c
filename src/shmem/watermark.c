/*-------------------------------------------------------------------------
 *
 * watermark.c
 *	  Where the work of a lane begins: marks and cursors.
 *
 * Runs in every process, at the end of transactions among other places: each
 * function holds a lane's spinlock for a few assignments and throws nothing.
 *
 * Why no wake is lost.  An executor goes round this circle:
 *
 *		ResetLatch; read mark and generation; take a snapshot; claim and work;
 *		advance the mark if the generation is still the same; state = IDLE;
 *		WaitLatch
 *
 * and who commits work for its lane does:
 *
 *		rows become visible; lower the mark, generation + 1; full barrier;
 *		look for executors of the lane; SetLatch
 *
 * An executor that was woken looks if the generation is not the one that was
 * LOOKED for: that of an executor that has claimed all that was due and free since
 * it read it.  Such a claim has the rows, or they are locked, which is for held.c.
 * Who has claimed answers for them: it steps them; or it fails, and calls (`calls`
 * moves), then tries again, or pauses and sets the latch of another one; or it
 * leaves, calls and sets that latch.  What an executor inserts
 * itself counts as looked for: it goes on with it, or has it in mind when it sleeps.
 *
 * Either the executor reads the new generation: then its snapshot, taken
 * later, shows the rows.  Or it read the old one: then its ResetLatch came
 * before the SetLatch, and WaitLatch returns at once.  That holds for every
 * executor whose latch is set, and it suffices that one of those that could
 * go to sleep over the rows has its latch set:
 *
 * - an IDLE one is past its scan and will look again, unless another one has
 *	 claimed the rows meanwhile, or it leaves.  Who
 *	 leaves first frees the slot, then sets the latches of its siblings and of
 *	 the runtime (pool.c), who read the lowered mark;
 * - without an idle one, all BUSY ones have their latch set, since only one of
 *	 them may have taken its snapshot too early;
 * - one that is added after we looked reads mark and generation after it was
 *	 added, hence after they were changed;
 * - one that we took for IDLE, but was on its way to BUSY, had to pass a
 *	 barrier between writing BUSY and reading the mark, as we had between
 *	 writing the mark and reading IDLE: it has read the lowered mark.
 *
 * Of several idle executors that sleep until the mark, one is the SENTRY.  The
 * others wake a little later, whatever has become of it, and look unless the mark
 * has moved past what they slept for; so a sentry that is gone costs that little.
 *
 * Without an executor the same argument holds for the runtime, which holds
 * the earliest mark of its database, and without a runtime for the launcher.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/held.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/watermark.h"

/* --- marks --------------------------------------------------------------- */

/* What is due from then on is visible: those who remember where it began hear of it. */
static void
note_arrival(WfLane *lane, TimestampTz due)
{
	if (lane->kind == WF_LANE_RUNS && due != DT_NOEND)
		wf_arrivals_note(&lane->arrivals, due);
}

/* The mark and the generation of a lane, at one moment. */
WfPosition
wf_watermark_read(WfLane *lane, uint64 *generation)
{
	WfPosition	mark;

	SpinLockAcquire(&lane->mutex);
	mark = lane->mark;
	*generation = lane->generation;
	SpinLockRelease(&lane->mutex);
	return mark;
}

/* How often executors have been called. */
uint64
wf_watermark_calls(WfLane *lane)
{
	uint64		calls;

	SpinLockAcquire(&lane->mutex);
	calls = lane->calls;
	SpinLockRelease(&lane->mutex);
	return calls;
}

/*
 * An executor has claimed all that was due and free, after it had read this
 * generation.  If it fails, or leaves, it calls the others and wakes one.
 */
void
wf_watermark_looked(WfLane *lane, uint64 generation)
{
	SpinLockAcquire(&lane->mutex);
	lane->looked = Max(lane->looked, generation);
	SpinLockRelease(&lane->mutex);
}

/*
 * Has anything been inserted that no executor of the lane has claimed, or were they
 * called since this number was read?  Latches are set for other reasons, too: by a
 * timeout that is over, for instance; or the work was found by another one that was
 * awake.
 */
bool
wf_watermark_news(WfLane *lane, uint64 calls)
{
	bool		news;

	SpinLockAcquire(&lane->mutex);
	news = lane->looked != lane->generation || lane->calls != calls;
	SpinLockRelease(&lane->mutex);
	return news;
}

/*
 * Is this executor, which is going to sleep until work is due, the one that wakes
 * then?  One of them is enough, unless it is gone, or busy, or sleeps longer.
 */
bool
wf_watermark_keep_watch(WfLane *lane, WfSlot *me, TimestampTz until)
{
	const WfSlot *sentry;
	bool		mine;

	SpinLockAcquire(&lane->mutex);
	sentry = lane->sentry;
	mine = sentry == NULL || sentry == me || sentry->lane != lane ||
		sentry->state != WF_SLOT_IDLE || lane->watch > until;
	if (mine)
	{
		lane->sentry = me;
		lane->watch = until;
	}
	SpinLockRelease(&lane->mutex);
	return mine;
}

/*
 * Set the mark to what a scan found, unless somebody inserted meanwhile (the
 * generation moved since it was read, before the scan's snapshot).  Returns
 * whether it was set.
 */
bool
wf_watermark_advance(WfLane *lane, uint64 generation, WfPosition mark)
{
	bool		same;
	TimestampTz found = DT_NOEND;

	SpinLockAcquire(&lane->mutex);
	same = (lane->generation == generation);
	if (same)
	{
		/* found by a scan, announced by nobody */
		if (wf_position_before(mark, lane->mark))
		{
			lane->calls++;
			found = mark.due;
		}
		if (mark.due < lane->mark.due)
			wf_held_lower_locked(lane, mark);
		lane->mark = mark;
	}
	SpinLockRelease(&lane->mutex);
	note_arrival(lane, found);
	return same;
}

/* Under the spinlock: claims start at the mark again. */
static void
set_cursor_back(WfLane *lane)
{
	lane->cursor = WF_POSITION(DT_NOBEGIN);
	lane->cursor_epoch++;
}

/*
 * At the commit of a transaction that claimed so much of the lane, after it had
 * read `generation`, and inserted work itself, the earliest due at `inserted`
 * (infinity: none).  `mark` was scanned by that transaction and covers its own
 * work; other scans may not have seen that, so the generation moves.
 */
void
wf_watermark_publish(WfLane *lane, int claimed, uint64 generation, WfPosition mark,
					 TimestampTz inserted)
{
	note_arrival(lane, inserted);
	SpinLockAcquire(&lane->mutex);
	if (lane->generation == generation)
		lane->mark = mark;
	else
		lane->mark = wf_position_first(lane->mark, WF_POSITION(inserted));
	if (inserted != DT_NOEND)
	{
		/* the executor goes on with it, or sleeps until then */
		if (lane->looked == lane->generation)
			lane->looked++;
		lane->generation++;
		wf_held_lower_locked(lane, WF_POSITION(inserted));
	}
	if (inserted <= lane->cursor.due)
		set_cursor_back(lane);

	/* other work of the processes that were claimed, which others have skipped */
	if (claimed > 0)
		(void) wf_held_released_locked(lane, 1);
	SpinLockRelease(&lane->mutex);
}

/*
 * Work of this lane may be due at `due`: lowers the mark, moves the generation,
 * and if anybody has to look earlier than planned wakes them.  Never throws.
 */
void
wf_watermark_lower(WfLane *lane, TimestampTz due)
{
	TimestampTz old;

	note_arrival(lane, due);
	SpinLockAcquire(&lane->mutex);
	old = lane->mark.due;
	lane->mark = wf_position_first(lane->mark, WF_POSITION(due));
	lane->generation++;
	wf_held_lower_locked(lane, WF_POSITION(due));
	if (due <= lane->cursor.due)
		set_cursor_back(lane);
	SpinLockRelease(&lane->mutex);

	/*
	 * Somebody will look at the old mark anyway.  Unless that is past: then
	 * they may have looked, found everything locked, and wait for the locks.
	 */
	if (due < old || old <= wf_clock_now())
		wf_watermark_wake(lane);
}

/* Executors that found nothing are to look again, when their latch is set. */
void
wf_watermark_call(WfLane *lane)
{
	SpinLockAcquire(&lane->mutex);
	lane->calls++;
	SpinLockRelease(&lane->mutex);
}

/*
 * Something that an executor of this lane may have skipped is free, and nobody
 * works it.  Never throws.
 */
void
wf_watermark_left_behind(WfLane *lane)
{
	SpinLockAcquire(&lane->mutex);
	set_cursor_back(lane);
	wf_held_lower_locked(lane, WF_POSITION(DT_NOBEGIN));
	lane->calls++;
	SpinLockRelease(&lane->mutex);
}

/*
 * Locks on so many processes were released that an executor of this lane may have
 * skipped: wake as wf_watermark_lower() does, if anything is due and nobody is
 * about to look at what is locked anyway.  Never throws.
 */
void
wf_watermark_released(WfLane *lane, int rows)
{
	TimestampTz now = wf_clock_now();	/* who skipped the row did so before that */
	bool		due;
	bool		news;

	SpinLockAcquire(&lane->mutex);
	set_cursor_back(lane);
	news = wf_held_released_locked(lane, rows);
	due = lane->mark.due <= now;
	if (due)
		lane->calls++;
	SpinLockRelease(&lane->mutex);
	if (due && news)
		wf_watermark_wake(lane);
}

/* --- cursors ------------------------------------------------------------- */

/*
 * Where the next claim starts when several executors work in one lane: past
 * what the others have claimed, so that nobody walks over rows that are locked
 * anyway.  Whatever may leave something behind it (an abort, a timer put back, a
 * lock released, new work) sets it back, which moves the epoch; a claim that
 * finds less than it wanted sets it back, too.  Returns the epoch.
 */
uint64
wf_watermark_cursor_read(WfLane *lane, WfPosition *cursor)
{
	uint64		epoch;

	SpinLockAcquire(&lane->mutex);
	*cursor = lane->cursor;
	epoch = lane->cursor_epoch;
	SpinLockRelease(&lane->mutex);
	return epoch;
}

/* A claim got so far, unless something was left behind since the epoch. */
void
wf_watermark_cursor_advance(WfLane *lane, uint64 epoch, WfPosition cursor)
{
	SpinLockAcquire(&lane->mutex);
	if (lane->cursor_epoch == epoch && wf_position_before(lane->cursor, cursor))
		lane->cursor = cursor;
	SpinLockRelease(&lane->mutex);
}

/* Something may be left behind. */
void
wf_watermark_cursor_reset(WfLane *lane)
{
	SpinLockAcquire(&lane->mutex);
	set_cursor_back(lane);
	SpinLockRelease(&lane->mutex);
}

/* --- all lanes of a database --------------------------------------------- */

/* Call for each lane of a database; under the lock. */
static void
each_lane(Oid dbid, void (*call) (WfLane *lane, void *arg), void *arg)
{
	const WfDatabase *database = wf_database_entry_locked(dbid, false);

	for (int i = 0; i < wf_max_owners; i++)
	{
		if (wf_owners[i].dbid != dbid)
			continue;
		for (int kind = 0; kind < WF_LANE_KINDS; kind++)
			call(&wf_owners[i].lanes[kind], arg);
	}
	for (int kind = 0; database != NULL && kind < WF_LANE_KINDS; kind++)
		call(&database->overflow->lanes[kind], arg);
}

static void
forget(WfLane *lane, void *arg)
{
	wf_watermark_lower(lane, DT_NOBEGIN);
}

/*
 * Nothing is known of the work of a database any more: all of its marks become
 * -infinity, and somebody looks.  Takes the lock.
 */
void
wf_watermark_forget(Oid dbid)
{
	wf_instance_lock(LW_SHARED);
	each_lane(dbid, forget, NULL);
	wf_instance_unlock();
}

static void
find_earliest(WfLane *lane, void *arg)
{
	TimestampTz *earliest = arg;
	uint64		generation;
	TimestampTz due = wf_watermark_read(lane, &generation).due;

	*earliest = Min(*earliest, Max(due, wf_owner_held_until(lane->entry)));
}

/*
 * When the earliest work of a database is due that may be done then: that of an
 * owner who is held back, after that.  Takes the lock.
 */
TimestampTz
wf_watermark_of_database(Oid dbid)
{
	TimestampTz earliest = DT_NOEND;

	wf_instance_lock(LW_SHARED);
	each_lane(dbid, find_earliest, &earliest);
	wf_instance_unlock();
	return earliest;
}

/* --- wakes --------------------------------------------------------------- */

/*
 * Set the latch of whoever should look after a lane now: of an executor of it
 * (an idle one first), else of the runtime, else of the launcher.  Without a
 * lock: what is read may be stale, and the head of this file says why no wake is
 * lost over that.  Never throws.
 */
void
wf_watermark_wake(WfLane *lane)
{
	/*
	 * If we are an executor of this lane: we go on until nothing is left, and
	 * ask for help when that is more than we can do.
	 */
	if (wf_my_slot && wf_slot_serves(wf_my_slot, lane->dbid, lane->owner, lane->kind))
		SetLatch(MyLatch);
	else
		wf_watermark_wake_other(lane);
}

/*
 * The same, but not for us: what we have claimed and failed with is free again, for
 * us, too.
 */
void
wf_watermark_wake_other(WfLane *lane)
{
	Latch	   *busy[WF_MAX_EXECUTORS_MAX];
	WfSlotRange range = wf_slot_range(lane->kind);
	int			nbusy = 0;
	bool		attended = wf_my_slot != NULL &&
		wf_slot_serves(wf_my_slot, lane->dbid, lane->owner, lane->kind);

	/* pairs with the barrier of an executor that goes BUSY */
	pg_memory_barrier();

	for (int i = range.first; i < range.end; i++)
	{
		WfSlot	   *slot = &wf_slots[i];
		Latch	   *latch = slot->latch;
		WfSlotState state = slot->state;

		/* kinds of work share slots */
		if (slot == wf_my_slot || state == WF_SLOT_FREE ||
			!wf_slot_serves(slot, lane->dbid, lane->owner, lane->kind))
			continue;

		/* one that pauses would ignore it: those who are busy look again instead */
		if (state == WF_SLOT_IDLE && latch != NULL && !slot->evict && !slot->paused)
		{
			SetLatch(latch);
			return;
		}
		if (latch != NULL)
			busy[nbusy++] = latch;
		if (!slot->stalled)
			attended = true;
	}

	for (int i = 0; i < nbusy; i++)
		SetLatch(busy[i]);
	if (!attended)
		wf_database_latch(lane->dbid);
}

/* Work of this kind may be due for an owner: somebody is to look.  Never throws. */
void
wf_watermark_look_for(Oid dbid, int32 owner, WfLaneKind kind)
{
	WfOwner    *entry = wf_owner_entry(dbid, owner, false);
	WfDatabase *database = entry != NULL ? NULL : wf_database_entry(dbid, false);

	if (entry != NULL)
		wf_watermark_lower(&entry->lanes[kind], wf_clock_now());
	else if (database != NULL)
		wf_watermark_lower(&database->overflow->lanes[kind], wf_clock_now());
}

/* The same for all owners of a database. */
void
wf_watermark_look(Oid dbid, WfLaneKind kind)
{
	WfDatabase *database = wf_database_entry(dbid, false);

	for (int i = 0; i < wf_max_owners; i++)
		if (wf_owners[i].dbid == dbid)
			wf_watermark_lower(&wf_owners[i].lanes[kind], wf_clock_now());
	if (database != NULL)
		wf_watermark_lower(&database->overflow->lanes[kind], wf_clock_now());
}

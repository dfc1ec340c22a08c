/*-------------------------------------------------------------------------
 *
 * slot.c
 *	  The slots of executors.
 *
 * Runs in runtimes, which take slots, and in executors, which give them back.
 * Who gets one, and who has to give one up, is decided in bgworker/: pool.c and
 * eviction.c.
 *
 *		FREE  --taken by a runtime-->  STARTING
 *		STARTING  --attached; first batch-->  BUSY  <-->  IDLE
 *		any  --its executor ends, or never came-->  FREE
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/slot.h"

typedef struct SlotTable
{
	WfSlot	   *on_trial;		/* see wf_slot_trial_begin(); or NULL */
	WfSlot		slots[FLEXIBLE_ARRAY_MEMBER];
} SlotTable;

static SlotTable *table = NULL;

WfSlot	   *wf_slots = NULL;
WfSlot	   *wf_my_slot = NULL;

/*
 * Background workers that executors of runs leave to others: our launcher and a
 * runtime, that of logical replication, and an executor of steps.
 */
#define OTHER_WORKERS	4

/*
 * Which slots are for work of this kind.  Runs, which may take long, have their own, so
 * that they keep no timer from an executor; a schedule and a slice of a bulk operation,
 * which take no longer than a step, share those of steps.
 */
WfSlotRange
wf_slot_range(WfLaneKind kind)
{
	WfSlotRange range = {0, wf_max_executors};

	if (kind == WF_LANE_RUNS && wf_max_executors > 0)
	{
		range.first = wf_max_executors;
		range.end += Min(wf_max_job_executors, Max(max_worker_processes - OTHER_WORKERS, 1));
	}
	return range;
}

/* All slots. */
WfSlotRange
wf_slot_range_of_all(void)
{
	return (WfSlotRange) {0, wf_slot_count()};
}

/* How many slots there are; 0: clients do all work themselves. */
int
wf_slot_count(void)
{
	return wf_slot_range(WF_LANE_RUNS).end;
}

/* Bytes of the segment. */
Size
wf_slot_shmem_size(void)
{
	return add_size(offsetof(SlotTable, slots),
					mul_size(wf_slot_count(), sizeof(WfSlot)));
}

/* Take the segment: zeroes are free slots. */
void
wf_slot_shmem_attach(void *segment, bool created)
{
	table = segment;
	wf_slots = table->slots;
}

/*
 * Take a free slot for an owner's work in this lane.  Under the lock, exclusive.
 * Returns the generation by which the executor to come will know it.
 */
uint32
wf_slot_take_locked(WfSlot *slot, WfLane *lane, int32 owner, Oid role)
{
	slot->generation++;
	slot->dbid = lane->dbid;
	slot->owner = owner;
	slot->kind = lane->kind;
	slot->role = role;
	slot->pid = 0;
	slot->latch = NULL;
	slot->lane = lane;
	slot->evict = false;
	slot->stalled = false;
	slot->paused = false;
	slot->steps = 0;
	slot->batches = 0;
	slot->looks = 0;
	slot->event.definition = slot->event.job = 0;
	slot->fence = 0;
	slot->interrupted = false;
	wf_progress_clear(&slot->progress);
	slot->since = GetCurrentTimestamp();
	slot->state = WF_SLOT_STARTING;
	wf_lane_joined_locked(lane);
	return slot->generation;
}

/*
 * Give a slot back.  Takes the lock.  Returns the lane that it served; NULL:
 * it is not the one of that generation any more.
 */
WfLane *
wf_slot_free(WfSlot *slot, uint32 generation)
{
	WfLane	   *lane = NULL;

	if (wf_my_slot == slot)
		wf_my_slot = NULL;
	wf_instance_lock(LW_EXCLUSIVE);
	if (slot->generation == generation && slot->state != WF_SLOT_FREE)
	{
		lane = slot->lane;
		if (lane->dbid == slot->dbid)
			wf_lane_left_locked(lane, slot->pid != 0);
		slot->state = WF_SLOT_FREE;
		slot->pid = 0;
		slot->latch = NULL;
		slot->evict = false;
		slot->stalled = false;
		slot->fence = 0;
		slot->interrupted = false;
		if (table->on_trial == slot)
			table->on_trial = NULL;
	}
	wf_instance_unlock();
	return lane;
}

/*
 * This process is the executor for which the slot was taken.  Under the lock,
 * exclusive.  False: the slot is not ours any more.
 */
bool
wf_slot_attach_locked(WfSlot *slot, uint32 generation)
{
	if (slot->generation != generation || slot->state != WF_SLOT_STARTING ||
		slot->pid != 0)
		return false;
	slot->pid = MyProcPid;
	slot->latch = MyLatch;
	slot->since = GetCurrentTimestamp();
	wf_my_slot = slot;
	return true;
}

/* Its executor is to leave after its present batch.  Under the lock, exclusive. */
void
wf_slot_evict_locked(WfSlot *slot)
{
	slot->evict = true;
	if (slot->latch != NULL)
		SetLatch(slot->latch);
}

/*
 * Is this slot of a database still to be attached?  Gives its generation, the
 * time when it was taken, and its lane.  Takes the lock.
 */
bool
wf_slot_is_unattached(const WfSlot *slot, Oid dbid, uint32 *generation,
					  TimestampTz *since, WfLane **lane)
{
	bool		result;

	wf_instance_lock(LW_SHARED);
	result = slot->dbid == dbid && slot->state == WF_SLOT_STARTING &&
		slot->pid == 0;
	*generation = slot->generation;
	*since = slot->since;
	*lane = slot->lane;
	wf_instance_unlock();
	return result;
}

/* --- of this executor ---------------------------------------------------- */

/*
 * BUSY or IDLE.  Without the lock, which every batch would take twice: nobody
 * else writes these fields while the slot is attached.  Who reads the state to
 * set a latch relies on the barrier, see watermark.c; who reads `since` to find
 * the one that has been idle or busy longest may read it torn, where 8 bytes
 * can, and asks another one to leave than it meant to.
 */
void
wf_slot_state(WfSlotState state)
{
	if (wf_my_slot->state == state)
		return;
	wf_my_slot->since = GetCurrentTimestamp();
	wf_my_slot->state = state;
	pg_memory_barrier();
}

/* The executor is about to sleep: for a pause, in which it takes no work?  Without the lock. */
void
wf_slot_pause(bool paused)
{
	wf_my_slot->paused = paused;
}

/*
 * The present batch takes long.  Called in a signal handler: one byte, without
 * a lock.
 */
void
wf_slot_stalled(void)
{
	wf_my_slot->stalled = true;
}

/*
 * A batch has ended, with so many steps done; empty: there was nothing to claim,
 * which does not count.  Without a lock: own counters.
 */
void
wf_slot_batch_done(int steps, bool empty)
{
	wf_my_slot->stalled = false;
	wf_my_slot->looks++;
	if (!empty)
		wf_my_slot->batches++;
	wf_my_slot->steps += steps;
	wf_slot_event_done();
}

/*
 * What this executor is at from now on: an event of a process, or a run of a job.  Called
 * for every one of them, so it takes no lock and allocates nothing: `changes` is odd
 * meanwhile, and whoever has read reads again if it has changed.
 */
static void
write_event(int32 definition, int32 job, const pg_uuid_t *id, const char *name, TimestampTz since)
{
	WfSlotEvent *event = &wf_my_slot->event;

	event->changes++;
	pg_write_barrier();
	event->definition = definition;
	event->job = job;
	event->process = *id;
	event->since = since;
	strlcpy(event->name, name, sizeof(event->name));
	pg_write_barrier();
	event->changes++;
}

/* This executor is about to deliver an event; nothing in other processes. */
void
wf_slot_event(int32 definition, const pg_uuid_t *process, const char *name)
{
	if (wf_my_slot != NULL)
		write_event(definition, 0, process, name, GetCurrentTimestamp());
}

/* It is about to do a run; the same for it. */
void
wf_slot_run(int32 job, const pg_uuid_t *run, TimestampTz since)
{
	if (wf_my_slot != NULL)
		write_event(0, job, run, "", since);
}

/* It has been delivered, or the run is done. */
void
wf_slot_event_done(void)
{
	if (wf_my_slot != NULL)
		wf_my_slot->event.definition = wf_my_slot->event.job = 0;
}

/*
 * Which event or run its executor is at.  False: none, or another one with each look.
 * The slot is one of this database: names are in our encoding.
 */
bool
wf_slot_event_read(const WfSlot *slot, WfSlotEvent *event)
{
	for (int tries = 0; tries < 10; tries++)
	{
		uint32		before = *(volatile const uint32 *) &slot->event.changes;

		pg_read_barrier();
		memcpy(event, &slot->event, sizeof(*event));
		pg_read_barrier();
		if (before % 2 == 0 && before == *(volatile const uint32 *) &slot->event.changes)
		{
			int			len = strnlen(event->name, sizeof(event->name) - 1);

			event->name[pg_mbcliplen(event->name, len, len)] = '\0';
			return event->definition != 0 || event->job != 0;
		}
	}
	return false;
}

/* --- trials -------------------------------------------------------------- */

/*
 * What was under way at a crash before is stepped by one executor of the
 * instance at a time, so that nothing innocent is blamed for the next crash.
 * False while another executor is at it.  Ends with the executor, too.  Takes
 * the lock.
 */
bool
wf_slot_trial_begin(void)
{
	bool		mine;

	wf_instance_lock(LW_EXCLUSIVE);
	if (table->on_trial == NULL)
		table->on_trial = wf_my_slot;
	mine = table->on_trial == wf_my_slot;
	wf_instance_unlock();
	return mine;
}

/* The trial is over, if this executor has it.  Takes the lock. */
void
wf_slot_trial_end(void)
{
	wf_instance_lock(LW_EXCLUSIVE);
	if (table->on_trial == wf_my_slot)
		table->on_trial = NULL;
	wf_instance_unlock();
}

/*
 * The executor is going to claim a run with this fence, before that is committed; or
 * it is done with it, 0.  Who sees the claim sees that there is somebody.
 */
void
wf_slot_fence(int64 fence)
{
	if (wf_my_slot == NULL)
		return;
	wf_my_slot->asked_to_stop = false;
	wf_progress_clear(&wf_my_slot->progress);
	pg_write_barrier();
	wf_my_slot->fence = fence;
	pg_memory_barrier();
}

/* Is an executor at the run with this fence? */
bool
wf_slot_has_fence(int64 fence)
{
	for (int i = 0; i < wf_slot_count(); i++)
		if (wf_slots[i].state != WF_SLOT_FREE && wf_slots[i].fence == fence)
			return true;
	return false;
}

/*
 * Ask the executor that is at the run with this fence to stop it; with force, interrupt
 * it.  False: there is none.  It may be through with the run by now and at another one:
 * under the lock its slot stays its own, and it looks what it was asked before it
 * believes an interrupt.
 */
bool
wf_slot_cancel(int64 fence, bool force)
{
	bool		found = false;

	wf_instance_lock(LW_SHARED);
	for (int i = 0; i < wf_slot_count() && !found; i++)
	{
		WfSlot	   *slot = &wf_slots[i];

		found = slot->state != WF_SLOT_FREE && slot->fence == fence && slot->pid != 0;
		if (!found)
			continue;
		slot->asked_to_stop = true;
		if (force)
			(void) kill(slot->pid, SIGINT);
	}
	wf_instance_unlock();
	return found;
}

/* Was the run that this executor is at asked to stop? */
bool
wf_slot_is_cancelled(void)
{
	return wf_my_slot != NULL && wf_my_slot->fence != 0 && wf_my_slot->asked_to_stop;
}

/*
 * Interrupt the executor of this database that does an atomic run, if there is one.  It may
 * be at another one by now, and is told which one was meant.
 */
void
wf_slot_interrupt(const pg_uuid_t *run)
{
	wf_instance_lock(LW_SHARED);
	for (int i = 0; i < wf_slot_count(); i++)
	{
		WfSlot	   *slot = &wf_slots[i];
		WfSlotEvent event;

		if (slot->state == WF_SLOT_FREE || slot->pid == 0 || slot->dbid != MyDatabaseId || slot->fence != 0 ||
			!wf_slot_event_read(slot, &event) || event.job == 0 ||
			memcmp(&event.process, run, sizeof(*run)) != 0)
			continue;
		slot->interrupted_at = *run;
		pg_write_barrier();
		slot->interrupted = true;
		(void) kill(slot->pid, SIGINT);
	}
	wf_instance_unlock();
}

/* Was this executor interrupted, amid this run, or, *another, when it was to be another one? */
bool
wf_slot_was_interrupted(const pg_uuid_t *run, bool *another)
{
	bool		interrupted = wf_my_slot != NULL && wf_my_slot->interrupted;

	*another = interrupted && memcmp(&wf_my_slot->interrupted_at, run, sizeof(*run)) != 0;
	if (interrupted)
		wf_my_slot->interrupted = false;
	return interrupted;
}

/* How far the tracked run is that this executor is at; total, note: or NULL. */
void
wf_slot_progress(const pg_uuid_t *run, int64 done, const int64 *total, const char *note)
{
	if (wf_my_slot != NULL)
		wf_progress_tell(&wf_my_slot->progress, run, done, total, note);
}

/* What was told last of a run of this database that an executor is at; false: nothing. */
bool
wf_slot_progress_read(const pg_uuid_t *run, WfProgress *progress)
{
	for (int i = 0; i < wf_slot_count(); i++)
		if (wf_slots[i].state != WF_SLOT_FREE && wf_slots[i].fence != 0 &&
			wf_progress_read(&wf_slots[i].progress, run, progress))
			return true;
	return false;
}

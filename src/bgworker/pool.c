/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  The executor slots of the instance, and who is to have the next one.
 *
 * Used by runtimes (who fill slots) and executors (who empty them), under the
 * lock of the instance.
 *
 * Slots are shared by all databases.  A lane waits since its earliest work was
 * due or since an executor left it last, whichever is later: so a long backlog
 * comes round again after everybody else.  Who leaves when nothing is free is
 * decided in eviction.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/watermark.h"

/* --- who wants a slot ---------------------------------------------------- */

/* How a lane with executors is looked after. */
typedef struct Attention
{
	bool		attended;		/* by one that is not stalled */
	bool		stalled;		/* one is */
	bool		idle;			/* one has, or will soon have, nothing to do */
	Latch	   *sleeper;		/* its latch, or NULL */
	int			long_runs;		/* executors that do one run that may take long, */
	int			others;			/* and those that do not, or not yet */
} Attention;

static Attention
inspect(const WfLane *lane)
{
	Attention	found = {0};
	WfSlotRange range = wf_slot_range(lane->kind);

	for (int i = range.first; i < range.end; i++)
	{
		const WfSlot *slot = &wf_slots[i];

		if (!wf_slot_serves(slot, lane->dbid, lane->owner, lane->kind))
			continue;
		if (slot->fence != 0)
			found.long_runs++;
		else
			found.others++;
		if (slot->state == WF_SLOT_IDLE && !slot->evict)
			found.sleeper = slot->latch;
		if (slot->state == WF_SLOT_STARTING || found.sleeper != NULL)
			found.idle = true;
		if (slot->stalled)
			found.stalled = true;
		else
			found.attended = true;
	}
	return found;
}

/*
 * One is stalled, and another one sleeps because the first has claimed what is due.
 * It may have lost that again and be too busy to say so.
 */
static void
have_looked_after(WfLane *lane, Latch *sleeper)
{
	wf_watermark_call(lane);
	SetLatch(sleeper);
}

/* In order of service: those without any executor first. */
static bool
served_before(const WfWaiting *a, const WfWaiting *b)
{
	if (a->extra != b->extra)
		return b->extra;
	return a->since < b->since;
}

/* How many slots are for this kind of work? */
static int
slots_of(WfLaneKind kind)
{
	WfSlotRange range = wf_slot_range(kind);

	return range.end - range.first;
}

/* Insert into the sorted list, of which only the head is kept. */
static void
add_waiting(WfDemand *demand, const WfWaiting *one)
{
	WfWaitingList *list = &demand->waiting[one->lane->kind];
	int			i = list->n;

	if (i == slots_of(one->lane->kind))
	{
		if (i == 0 || !served_before(one, &list->items[i - 1]))
			return;
		i--;
	}
	else
		list->n++;

	for (; i > 0 && served_before(one, &list->items[i - 1]); i--)
		list->items[i] = list->items[i - 1];
	list->items[i] = *one;
}

/*
 * Since when does a lane wait whose work is due?  Since an executor left it last,
 * if that was later, and since its owner is held back no more.
 */
static TimestampTz
lane_waits_since(const WfLane *lane, TimestampTz due, TimestampTz now)
{
	TimestampTz since = wf_clock_at(Max(lane->served, lane->entry->not_before));

	return Max(due, Min(since, now));	/* it may be set back */
}

/* Who is early takes nobody's place; under the lock. */
static bool
has_free_slot(WfLaneKind kind)
{
	WfSlotRange range = wf_slot_range(kind);

	for (int i = range.first; i < range.end; i++)
		if (wf_slots[i].state == WF_SLOT_FREE)
			return true;
	return false;
}

/*
 * How many executors a lane wants that has some, and due work; under the lock.  Who is
 * at a long run does no other meanwhile: then they are doubled at a time.
 */
static int
count_extras(WfLane *lane)
{
	Attention	found = inspect(lane);

	if (found.stalled && found.sleeper != NULL)
		have_looked_after(lane, found.sleeper);
	if (found.attended && !lane->backlog)
		return 0;
	if (found.long_runs > 0)
		return Max(found.long_runs - found.others, 0);
	return found.idle ? 0 : 1;
}

/* What one lane wants; under the lock.  False: nothing of it is due, or about to be. */
static bool
ask_lane(const WfDatabase *database, WfLane *lane, WfDemand *demand, TimestampTz now)
{
	WfOwner    *entry = lane->entry;
	uint64		generation;
	TimestampTz due = wf_watermark_read(lane, &generation).due;
	TimestampTz start = has_free_slot(lane->kind) ? wf_clock_before(due, WF_CLOCK_LEAD) : due;
	TimestampTz held = wf_owner_held_until(entry);
	WfWaiting	one = {.lane = lane,.owner = lane->owner,.role = entry->role,
	.since = lane_waits_since(lane, due, now),.extra = lane->executors > 0};
	int			n = 1;

	demand->first_due = Min(demand->first_due, Max(due, held));
	if (due > now && (one.extra || start > now))
	{
		/* an executor waits for that itself */
		if (!one.extra)
			demand->next = Min(demand->next, start);
		return false;
	}
	if (one.extra)
	{
		/* quarantine.c counts what one executor was at when the server crashed */
		if (wf_database_has_suspects(database, lane))
			return true;
		n = count_extras(lane);
		if (n == 0)
			return true;
	}
	if (held > now)
	{
		demand->next = Min(demand->next, held);
		return true;
	}
	if (!OidIsValid(entry->role) || (!one.extra && TIMESTAMP_IS_NOBEGIN(due)))
		demand->unknown = true;
	for (int i = 0; i < n; i++)
		add_waiting(demand, &one);
	return true;
}

/*
 * Find the lanes of a database that want an executor.  Takes the lock; begins no
 * transaction.
 */
void
wf_pool_demand(Oid dbid, WfDemand *demand)
{
	TimestampTz now = wf_clock_now();
	const WfDatabase *database;

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		demand->waiting[kind].n = 0;
	demand->unknown = false;
	demand->next = DT_NOEND;
	demand->first_due = DT_NOEND;

	wf_instance_lock(LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	for (int i = 0; database != NULL && i < wf_max_owners; i++)
	{
		bool		waits = false;

		if (wf_owners[i].dbid != dbid)
			continue;
		for (int kind = 0; kind < WF_LANE_KINDS; kind++)
			waits = ask_lane(database, &wf_owners[i].lanes[kind], demand, now) || waits;
		if (!waits)
			wf_owner_waits(&wf_owners[i], WF_WAIT_NONE);
	}
	wf_instance_unlock();
}

/*
 * The same for an owner without a place, whose work in this lane, which stands
 * for all of them, is due since then: it goes into the demand, unless it has an
 * executor, which looks.  Takes the lock.
 */
void
wf_pool_want(WfDemand *demand, WfLane *overflow, int32 owner, Oid role,
			 TimestampTz since)
{
	WfWaiting	one = {.lane = overflow,.owner = owner,.role = role,
	.since = Max(since, overflow->served)};
	bool		found = false;

	wf_instance_lock(LW_SHARED);
	for (int i = 0; i < wf_slot_count(); i++)
	{
		WfSlot	   *slot = &wf_slots[i];

		if (!wf_slot_serves(slot, overflow->dbid, owner, overflow->kind))
			continue;
		found = true;
		if (slot->state == WF_SLOT_IDLE && slot->latch != NULL)
			SetLatch(slot->latch);
	}
	wf_instance_unlock();
	if (!found)
		add_waiting(demand, &one);
}

/*
 * Since when does the lane that waits longest wait?  Infinity: none does, or its
 * owner is held back.
 */
static TimestampTz
lanes_wait_since(WfOwner *entry, TimestampTz now)
{
	TimestampTz since = DT_NOEND;

	if (wf_owner_held_until(entry) > now)
		return DT_NOEND;
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
	{
		WfLane	   *lane = &entry->lanes[kind];
		uint64		generation;
		TimestampTz due = wf_watermark_read(lane, &generation).due;

		if (due <= now)
			since = Min(since, lane_waits_since(lane, due, now));
	}
	return since;
}

/*
 * Since when the lane of a database that waits longest for an executor has done
 * so; infinity: none does.  Takes the lock.
 */
TimestampTz
wf_pool_waits_since(Oid dbid)
{
	TimestampTz now = wf_clock_now();
	TimestampTz since = DT_NOEND;
	WfDatabase *database;

	wf_instance_lock(LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	if (database != NULL)
		since = lanes_wait_since(database->overflow, now);
	for (int i = 0; database != NULL && i < wf_max_owners; i++)
	{
		if (wf_owners[i].dbid == dbid)
			since = Min(since, lanes_wait_since(&wf_owners[i], now));
	}
	wf_instance_unlock();
	return since;
}

/* --- giving slots -------------------------------------------------------- */

/* Since when a database waits for a slot that is for this kind of work, too. */
static TimestampTz
slot_wanted(const WfDatabase *database, WfLaneKind kind)
{
	int			first = wf_slot_range(kind).first;
	TimestampTz since = DT_NOEND;

	for (int other = 0; other < WF_LANE_KINDS; other++)
		if (wf_slot_range(other).first == first)
			since = Min(since, database->slot_wanted[other]);
	return since;
}

/* Somebody in another database who has waited longer; under the lock. */
static WfDatabase *
waits_longer(Oid dbid, WfLaneKind kind, TimestampTz since)
{
	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *other = &wf_databases[i];

		if (OidIsValid(other->dbid) && other->dbid != dbid &&
			other->state == WF_DB_RUNNING && slot_wanted(other, kind) < since)
			return other;
	}
	return NULL;
}

/*
 * A free slot; under the lock.  Those who help with steps leave one slot to others,
 * unless the lane's executors can be asked to make room any time (no stalled one).
 * Runs may take long, and whoever limits them has queues for that.
 */
static WfSlot *
free_slot(const WfWaiting *waiting)
{
	const WfLane *lane = waiting->lane;
	WfSlotRange range = wf_slot_range(lane->kind);
	WfSlot	   *found = NULL;
	int			nfree = 0;
	int			nstalled = 0;

	for (int i = range.first; i < range.end; i++)
	{
		WfSlot	   *slot = &wf_slots[i];

		if (slot->state == WF_SLOT_FREE)
		{
			nfree++;
			if (found == NULL)
				found = slot;
		}
		else if (slot->stalled &&
				 wf_slot_serves(slot, lane->dbid, waiting->owner, lane->kind))
			nstalled++;
	}
	if (waiting->extra && nstalled > 0 && nfree < 2 && lane->kind == WF_LANE_STEPS)
		return NULL;
	return found;
}

/*
 * Take a slot for a lane (STARTING).  Returns its index, and the generation by
 * which its executor will know it, or -1 when there is none, or somebody in
 * another database has waited longer.  Takes the lock.
 */
int
wf_pool_take(Oid dbid, const WfWaiting *waiting, uint32 *generation)
{
	WfDatabase *database;
	WfDatabase *other;
	WfSlot	   *slot = NULL;

	wf_instance_lock(LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	other = waits_longer(dbid, waiting->lane->kind, waiting->extra ? DT_NOEND : waiting->since);
	if (database && database->state == WF_DB_RUNNING && other == NULL)
		slot = free_slot(waiting);
	if (slot != NULL)
		*generation = wf_slot_take_locked(slot, waiting->lane, waiting->owner, waiting->role);
	wf_instance_unlock();

	/* with a slot free, it would not know */
	if (other)
		wf_database_latch(other->dbid);
	return slot != NULL ? slot - wf_slots : -1;
}

/* --- giving back --------------------------------------------------------- */

/*
 * Give a slot back, if it is still the one of that generation.  Its lane may
 * have been relying on this executor, so one of its siblings looks again, and
 * its runtime does; so do all who wait for a slot.  Takes the lock.
 */
void
wf_pool_release(int index, uint32 generation)
{
	WfSlot	   *slot = &wf_slots[index];
	WfLane	   *lane = slot->lane;	/* nobody else changes it while it is ours */
	Oid			dbid = slot->dbid;
	bool		amid_run = slot->fence != 0;

	/*
	 * Our claim was undone.  Not the lane that there is for the owner now: an
	 * owner without a place may have got one since.
	 */
	if (lane != NULL)
		wf_watermark_left_behind(lane);

	lane = wf_slot_free(slot, generation);
	if (lane == NULL)
		return;

	/* not before: a runtime that looks now sees that nobody is at the run, or this */
	if (amid_run)
		wf_database_runs_lost(dbid);
	wf_watermark_wake(lane);
	wf_database_latch(dbid);
	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *database = &wf_databases[i];

		if (database->dbid != dbid && !TIMESTAMP_IS_NOEND(database->waits_since))
			wf_database_latch(database->dbid);
	}
}

/* --- executors ----------------------------------------------------------- */

/*
 * In an executor: take possession of the slot; false: it is not ours any more.
 * Takes the lock.
 */
bool
wf_pool_attach(int index, uint32 generation)
{
	WfSlot	   *slot = &wf_slots[index];
	bool		mine;

	wf_instance_lock(LW_EXCLUSIVE);
	mine = wf_slot_attach_locked(slot, generation);
	if (mine)
	{
		WfDatabase *database = wf_database_entry_locked(slot->dbid, false);

		/* released by our exit, which we head for if it is held */
		mine = database && database->state != WF_DB_HELD;
	}
	wf_instance_unlock();
	return mine;
}

/*
 * In an executor: there is more to do than one can.  Wake a sibling, or have one
 * started.  Without a lock: what is stale costs a wake, and help is asked for
 * again.
 */
void
wf_pool_help(void)
{
	WfSlotRange range = wf_slot_range(wf_my_slot->kind);
	bool		room = false;

	for (int i = range.first; i < range.end; i++)
	{
		WfSlot	   *slot = &wf_slots[i];
		Latch	   *latch = slot->latch;

		if (slot->state == WF_SLOT_FREE)
			room = true;
		if (slot->state != WF_SLOT_IDLE || latch == NULL)
			continue;
		if (wf_slot_serves(slot, wf_my_slot->dbid, wf_my_slot->owner, wf_my_slot->kind))
		{
			wf_watermark_call(wf_my_slot->lane);
			SetLatch(latch);
			return;
		}
		room = true;
	}
	if (room)
		wf_database_latch(wf_my_slot->dbid);
}

/* --- all executors of a database ----------------------------------------- */

/* As wf_pool_count(); under the lock. */
int
wf_pool_count_locked(Oid dbid, bool all)
{
	int			n = 0;

	for (int i = 0; i < wf_slot_count(); i++)
	{
		const WfSlot *slot = &wf_slots[i];

		if (slot->state != WF_SLOT_FREE && slot->dbid == dbid &&
			(all || slot->pid != 0))
			n++;
	}
	return n;
}

/* Executors of a database, attached ones only; STARTING ones too if `all`. */
int
wf_pool_count(Oid dbid, bool all)
{
	int			n;

	wf_instance_lock(LW_SHARED);
	n = wf_pool_count_locked(dbid, all);
	wf_instance_unlock();
	return n;
}

/* Ask all executors of a database to leave.  Takes the lock. */
void
wf_pool_evict(Oid dbid)
{
	wf_instance_lock(LW_EXCLUSIVE);
	for (int i = 0; i < wf_slot_count(); i++)
	{
		if (wf_slots[i].state != WF_SLOT_FREE && wf_slots[i].dbid == dbid)
			wf_slot_evict_locked(&wf_slots[i]);
	}
	wf_instance_unlock();
}

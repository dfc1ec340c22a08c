/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  The executor slots of the instance, and whose turn it is to have one.
 *
 * Used by runtimes (who fill slots) and executors (who empty them).  All
 * under WfShared.lock, except what an executor writes into its own slot while
 * it works.
 *
 * Slots are shared by all databases.  An owner waits since its earliest work
 * was due or since an executor left it last, whichever is later: so a long
 * backlog comes round again after everybody else.  Who leaves when nothing is
 * free is decided in eviction.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "bgworker/bgworker.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"
#include "shmem/slot.h"
#include "shmem/watermark.h"

/* --- who wants a slot ---------------------------------------------------- */

/* How an owner with executors is looked after. */
static void
inspect(const WfOwner *entry, bool *attended, bool *idle)
{
	*attended = *idle = false;
	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];

		if (slot->state == WF_EXEC_FREE || slot->owner != entry->owner ||
			slot->dbid != entry->dbid)
			continue;
		if (slot->state == WF_EXEC_STARTING ||
			(slot->state == WF_EXEC_IDLE && !slot->evict))
			*idle = true;
		if (!slot->stalled)
			*attended = true;
	}
}

/* In order of service: those without any executor first. */
static bool
served_before(const WfWaiting *a, const WfWaiting *b)
{
	if (a->extra != b->extra)
		return b->extra;
	return a->since < b->since;
}

/* Insert into the sorted list, of which only the head is kept. */
static void
add_hungry(WfDemand *appetite, const WfWaiting *one)
{
	int			i = appetite->nhungry;

	if (i == wf_shared->nexecutors)
	{
		if (i == 0 || !served_before(one, &appetite->hungry[i - 1]))
			return;
		i--;
	}
	else
		appetite->nhungry++;

	for (; i > 0 && served_before(one, &appetite->hungry[i - 1]); i--)
		appetite->hungry[i] = appetite->hungry[i - 1];
	appetite->hungry[i] = *one;
}

/* What one owner wants; under the lock. */
static void
ask_owner(const WfDatabase *database, WfOwner *entry, WfDemand *appetite,
		  TimestampTz now)
{
	uint64		generation;
	TimestampTz mark = wf_watermark_read(entry, &generation);
	WfWaiting	one;

	appetite->first_mark = Min(appetite->first_mark, mark);
	one.extra = entry->executors > 0;

	if (mark > now)
	{
		/* an executor waits for that itself */
		if (!one.extra)
			appetite->next = Min(appetite->next, mark);
		entry->reason = WF_WAIT_NONE;
		return;
	}
	if (one.extra)
	{
		bool		attended;
		bool		idle;

		/* quarantine.c counts what one executor was at when the server crashed */
		if (wf_database_has_suspects(database, entry))
			return;
		inspect(entry, &attended, &idle);
		if (idle || (attended && !entry->backlog))
			return;
	}
	if (!wf_bgworker_may_start(entry->not_before, GetCurrentTimestamp()))
	{
		appetite->next = Min(appetite->next, wf_clock_at(entry->not_before));
		return;
	}
	if (!OidIsValid(entry->role) || (!one.extra && TIMESTAMP_IS_NOBEGIN(mark)))
		appetite->unknown = true;

	one.entry = entry;
	one.owner = entry->owner;
	one.role = entry->role;
	one.since = Max(mark, entry->served);
	add_hungry(appetite, &one);
}

/* Find the owners of a database that want an executor. */
void
wf_pool_demand(Oid dbid, WfDemand *appetite)
{
	TimestampTz now = wf_clock_now();
	const WfDatabase *database;

	appetite->nhungry = 0;
	appetite->unknown = false;
	appetite->next = DT_NOEND;
	appetite->first_mark = DT_NOEND;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	for (int i = 0; database != NULL && i < wf_shared->nowners; i++)
	{
		if (wf_shared->owners[i].dbid == dbid)
			ask_owner(database, &wf_shared->owners[i], appetite, now);
	}
	LWLockRelease(wf_shared->lock);
}

/*
 * The same for an owner that `others` stands for, whose work is due since
 * then: it goes into the appetite, unless it has an executor, which looks.
 */
void
wf_pool_want(WfDemand *appetite, WfOwner *others, int32 owner, Oid role,
			 TimestampTz since)
{
	WfWaiting	one = {.entry = others,.owner = owner,.role = role,
	.since = Max(since, others->served)};
	bool		found = false;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];

		if (slot->state == WF_EXEC_FREE || slot->owner != owner ||
			slot->dbid != others->dbid)
			continue;
		found = true;
		if (slot->state == WF_EXEC_IDLE && slot->latch != NULL)
			SetLatch(slot->latch);
	}
	LWLockRelease(wf_shared->lock);
	if (!found)
		add_hungry(appetite, &one);
}

/*
 * Since when the owner of a database that waits longest for an executor has
 * done so; infinity: none does.
 */
TimestampTz
wf_pool_waits_since(Oid dbid)
{
	TimestampTz now = wf_clock_now();
	TimestampTz since = DT_NOEND;
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	for (int i = -1; database != NULL && i < wf_shared->nowners; i++)
	{
		WfOwner    *entry = i < 0 ? &database->others : &wf_shared->owners[i];
		uint64		generation;
		TimestampTz mark;

		if (entry->dbid != dbid)
			continue;
		mark = wf_watermark_read(entry, &generation);
		if (mark <= now)
			since = Min(since, Max(mark, entry->served));
	}
	LWLockRelease(wf_shared->lock);
	return since;
}

/* --- giving slots -------------------------------------------------------- */

/* Somebody in another database who has waited longer; under the lock. */
static WfDatabase *
hungrier(Oid dbid, TimestampTz since)
{
	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *other = &wf_shared->databases[i];

		if (OidIsValid(other->dbid) && other->dbid != dbid &&
			other->state == WF_DB_RUNNING && other->hungry < since)
			return other;
	}
	return NULL;
}

/*
 * A free slot; under the lock.  Helpers leave one slot to others, unless the
 * owner's executors can be asked to make room any time (no stalled one).
 */
static int
free_slot(const WfWaiting *hungry)
{
	int			found = -1;
	int			nfree = 0;
	int			nstalled = 0;

	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];

		if (slot->state == WF_EXEC_FREE)
		{
			nfree++;
			if (found < 0)
				found = i;
		}
		else if (slot->stalled && slot->owner == hungry->owner &&
				 slot->dbid == hungry->entry->dbid)
			nstalled++;
	}
	if (hungry->extra && nstalled > 0 && nfree < 2)
		return -1;
	return found;
}

/*
 * Take a slot for an owner (STARTING).  Returns its index, or -1 when there
 * is none, or somebody in another database has waited longer.
 */
int
wf_pool_take(Oid dbid, const WfWaiting *hungry, uint32 *generation)
{
	WfDatabase *database;
	WfDatabase *other;
	WfExecutor *slot;
	int			found = -1;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	other = hungrier(dbid, hungry->extra ? DT_NOEND : hungry->since);
	if (database && database->state == WF_DB_RUNNING && other == NULL)
		found = free_slot(hungry);
	if (found >= 0)
	{
		slot = &wf_shared->executors[found];
		slot->generation++;
		slot->dbid = dbid;
		slot->owner = hungry->owner;
		slot->role = hungry->role;
		slot->pid = 0;
		slot->latch = NULL;
		slot->entry = hungry->entry;
		slot->evict = false;
		slot->stalled = false;
		slot->steps = 0;
		slot->batches = 0;
		slot->since = GetCurrentTimestamp();
		slot->state = WF_EXEC_STARTING;
		hungry->entry->executors++;
		*generation = slot->generation;
	}
	LWLockRelease(wf_shared->lock);

	/* with a slot free, it would not know */
	if (other)
		wf_database_latch(other->dbid);
	return found;
}

/* --- giving back --------------------------------------------------------- */

/*
 * Give a slot back.  Its owner may have been relying on this executor, so one
 * of its siblings looks again, and its runtime does; so do all who wait for a
 * slot.
 */
void
wf_pool_release(int index, uint32 generation)
{
	WfExecutor *slot = &wf_shared->executors[index];
	Oid			dbid = InvalidOid;
	WfOwner    *entry = NULL;

	if (wf_my_executor == slot)
		wf_my_executor = NULL;

	/*
	 * Nobody else changes it while it is ours.  Not the one that there is for
	 * the owner now: an owner without a place may have got one since.
	 */
	entry = slot->entry;
	if (entry)
		wf_watermark_cursor_reset(entry);	/* our claim was undone */

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	if (slot->generation == generation && slot->state != WF_EXEC_FREE)
	{
		dbid = slot->dbid;
		if (entry && entry->dbid == dbid && entry->executors > 0)
		{
			entry->executors--;
			if (slot->pid != 0)	/* one that was not started served nobody */
				entry->served = GetCurrentTimestamp();
		}
		slot->state = WF_EXEC_FREE;
		slot->pid = 0;
		slot->latch = NULL;
		slot->evict = false;
		slot->stalled = false;
		if (wf_shared->on_trial == slot)
			wf_shared->on_trial = NULL;
	}
	LWLockRelease(wf_shared->lock);

	if (!OidIsValid(dbid))
		return;
	if (entry)
		wf_watermark_wake(entry);
	wf_database_latch(dbid);
	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *database = &wf_shared->databases[i];

		if (database->dbid != dbid && !TIMESTAMP_IS_NOEND(database->hungry))
			wf_database_latch(database->dbid);
	}
}

/* Is this slot of a database still to be attached?  Gives its generation. */
bool
wf_pool_unattached(int index, Oid dbid, uint32 *generation,
				   TimestampTz *since)
{
	WfExecutor *slot = &wf_shared->executors[index];
	bool		result;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	result = slot->dbid == dbid && slot->state == WF_EXEC_STARTING &&
		slot->pid == 0;
	*generation = slot->generation;
	*since = slot->since;
	LWLockRelease(wf_shared->lock);
	return result;
}

/* Account for the end of an executor that ended badly. */
void
wf_pool_failed(WfOwner *entry, WfWaitReason reason, TimestampTz not_before)
{
	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	entry->failures++;
	entry->reason = reason;
	entry->not_before = not_before;
	LWLockRelease(wf_shared->lock);
}

/* --- trials -------------------------------------------------------------- */

/*
 * What was under way at a crash before is stepped by one executor of the
 * instance at a time, so that nothing innocent is blamed for the next crash.
 * Begin: false while it is somebody else's turn.  Ends with the executor, too.
 */
bool
wf_pool_trial_begin(void)
{
	bool		mine;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	if (wf_shared->on_trial == NULL)
		wf_shared->on_trial = wf_my_executor;
	mine = wf_shared->on_trial == wf_my_executor;
	LWLockRelease(wf_shared->lock);
	return mine;
}

/* Our turn is over, if it was ours. */
void
wf_pool_trial_end(void)
{
	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	if (wf_shared->on_trial == wf_my_executor)
		wf_shared->on_trial = NULL;
	LWLockRelease(wf_shared->lock);
}

/* --- executors ----------------------------------------------------------- */

/* Executor: take possession of the slot; false: it is not ours any more. */
bool
wf_pool_attach(int index, uint32 generation)
{
	WfExecutor *slot = &wf_shared->executors[index];
	WfDatabase *database;
	bool		mine;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	mine = slot->generation == generation &&
		slot->state == WF_EXEC_STARTING && slot->pid == 0;
	if (mine)
	{
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->since = GetCurrentTimestamp();
		wf_my_executor = slot;

		/* released by our exit, which we head for if it is held */
		database = wf_database_entry_locked(slot->dbid, false);
		mine = database && database->state != WF_DB_HELD;
	}
	LWLockRelease(wf_shared->lock);
	return mine;
}

/* BUSY or IDLE; see shmem.c for the order of things. */
void
wf_pool_state(WfExecutorState state)
{
	if (wf_my_executor->state == state)
		return;
	wf_my_executor->since = GetCurrentTimestamp();
	wf_my_executor->state = state;
	pg_memory_barrier();
}

/* There is more to do than one can: rouse a sibling, or have one started. */
void
wf_pool_help(void)
{
	bool		room = false;

	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];
		Latch	   *latch = slot->latch;

		if (slot->state == WF_EXEC_FREE)
			room = true;
		if (slot->state != WF_EXEC_IDLE || latch == NULL)
			continue;
		if (slot->owner == wf_my_executor->owner &&
			slot->dbid == wf_my_executor->dbid)
		{
			SetLatch(latch);
			return;
		}
		room = true;
	}
	if (room)
		wf_database_latch(wf_my_executor->dbid);
}

/* --- all executors of a database ----------------------------------------- */

/* How many there are. */
int
wf_pool_count_locked(Oid dbid, bool all)
{
	int			n = 0;

	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];

		if (slot->state != WF_EXEC_FREE && slot->dbid == dbid &&
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

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	n = wf_pool_count_locked(dbid, all);
	LWLockRelease(wf_shared->lock);
	return n;
}

/* Ask all executors of a database to leave. */
void
wf_pool_evict(Oid dbid)
{
	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];

		if (slot->state == WF_EXEC_FREE || slot->dbid != dbid)
			continue;
		slot->evict = true;
		if (slot->latch)
			SetLatch(slot->latch);
	}
	LWLockRelease(wf_shared->lock);
}

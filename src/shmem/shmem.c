/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  What the processes of one PostgreSQL instance know of each other.
 *
 * Used by every backend, in callbacks at the end of transactions among other
 * places.  Locks: see shmem.h.  WfShared.lock is taken before a spinlock,
 * never after one.
 *
 * Why no wake is lost.  An executor goes round this circle:
 *
 *		ResetLatch; read mark and generation; take a snapshot; claim and work;
 *		advance the mark if the generation is still the same; state = IDLE;
 *		WaitLatch
 *
 * and who commits work for its owner does:
 *
 *		rows become visible; lower the mark, generation + 1; full barrier;
 *		look for executors of the owner; SetLatch
 *
 * Either the executor reads the new generation: then its snapshot, taken
 * later, shows the rows.  Or it read the old one: then its ResetLatch came
 * before the SetLatch, and WaitLatch returns at once.  That holds for every
 * executor whose latch is set, and it suffices that one of those that could
 * go to sleep over the rows has its latch set:
 *
 * - an IDLE one is past its scan and will look again, unless it leaves.  Who
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
 * Without an executor the same argument holds for the runtime, which holds
 * the earliest mark of its database, and without a runtime for the launcher.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/shmem.h"

#define SEGMENT_NAME	"workflow"

/* A free owner entry that once was in use: a search must not stop there. */
#define OWNER_DELETED	(-1)

WfShared   *wf_shared = NULL;
WfExecutor *wf_my_executor = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

/* How often this postmaster has made the segment: again after each crash. */
static int	times_made = 0;

/* --- the segment --------------------------------------------------------- */

static Size
segment_size(void)
{
	Size		size = MAXALIGN(sizeof(WfShared));

	size = add_size(size, MAXALIGN(mul_size(wf_max_databases,
											sizeof(WfDatabase))));
	size = add_size(size, MAXALIGN(mul_size(wf_max_owners,
											sizeof(WfOwner))));
	size = add_size(size, MAXALIGN(mul_size(wf_max_executors,
											sizeof(WfExecutor))));
	return size;
}

static void
request_shmem(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(segment_size());
	RequestNamedLWLockTranche(SEGMENT_NAME, 1);
}

/*
 * Was the server not shut down cleanly before this start?  Asked before
 * recovery touches the control file.  A standby counts as unclean: why the
 * primary that it may replace went away, nobody knows.
 */
static bool
start_is_unclean(void)
{
	ControlFileData *control;
	bool		crc_ok;
	bool		clean;

	if (times_made++ > 0)
		return true;

	control = get_controlfile(DataDir, &crc_ok);
	clean = crc_ok && control->state == DB_SHUTDOWNED;
	pfree(control);
	return !clean;
}

/* Lay out and fill the new segment. */
static void
make_segment(void)
{
	char	   *next = (char *) wf_shared + MAXALIGN(sizeof(WfShared));

	memset(wf_shared, 0, segment_size());
	wf_shared->lock = &GetNamedLWLockTranche(SEGMENT_NAME)->lock;
	pg_atomic_init_u32(&wf_shared->changing, 0);
	wf_shared->unclean_start = start_is_unclean();
	wf_shared->started_at = GetCurrentTimestamp();
	wf_shared->ndatabases = wf_max_databases;
	wf_shared->nowners = wf_max_owners;
	wf_shared->nexecutors = wf_max_executors;

	wf_shared->databases = (WfDatabase *) next;
	next += MAXALIGN(wf_max_databases * sizeof(WfDatabase));
	wf_shared->owners = (WfOwner *) next;
	next += MAXALIGN(wf_max_owners * sizeof(WfOwner));
	wf_shared->executors = (WfExecutor *) next;

	for (int i = 0; i < wf_max_databases; i++)
	{
		pg_atomic_init_u32(&wf_shared->databases[i].awaiting, 0);
		ConditionVariableInit(&wf_shared->databases[i].stepped);
		SpinLockInit(&wf_shared->databases[i].others.mutex);
	}
	for (int i = 0; i < wf_max_owners; i++)
		SpinLockInit(&wf_shared->owners[i].mutex);
}

static void
startup_shmem(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	wf_shared = ShmemInitStruct(SEGMENT_NAME, segment_size(), &found);
	if (!found)
		make_segment();
	LWLockRelease(AddinShmemInitLock);
}

/* _PG_init's part: chains the request and startup hooks. */
void
wf_shmem_init(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

/* --- databases ----------------------------------------------------------- */

/* Under the lock: an entry takes another state. */
void
wf_database_state(WfDatabase *database, WfDatabaseState state)
{
	database->state = state;
	database->since = GetCurrentTimestamp();
}

/* Fill a free place; under the lock. */
static void
make_owner(WfOwner *entry, Oid dbid, int32 owner)
{
	SpinLockAcquire(&entry->mutex);
	entry->mark = DT_NOBEGIN;
	entry->generation = 0;
	entry->cursor_due = DT_NOBEGIN;
	entry->cursor_seq = -1;
	entry->cursor_epoch = 0;
	SpinLockRelease(&entry->mutex);

	entry->role = InvalidOid;
	entry->not_before = DT_NOBEGIN;
	entry->served = DT_NOBEGIN;
	entry->failures = 0;
	entry->executors = 0;
	entry->reason = WF_WAIT_NONE;
	entry->cleared = false;
	entry->suspect_until = DT_NOBEGIN;
	for (int i = 0; i < WF_SUSPECTS; i++)
		entry->suspects[i] = (WfSuspect) {.seq = -1};
	entry->suspect = 0;
	entry->backlog = false;
	entry->owner = owner;
	entry->dbid = dbid;
}

/* An entry for a database that has none; under the lock. */
static WfDatabase *
make_database(Oid dbid)
{
	WfDatabase *database = NULL;

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *candidate = &wf_shared->databases[i];

		if (!OidIsValid(candidate->dbid))
		{
			database = candidate;
			break;
		}
		if (candidate->state == WF_DB_ABSENT && !candidate->wake &&
			pg_atomic_read_u32(&candidate->awaiting) == 0)
			database = candidate;
	}
	if (database == NULL)
		return NULL;

	database->generation++;
	wf_database_state(database, WF_DB_UNKNOWN);
	database->wake = false;
	database->yield_to = DT_NOEND;
	database->wants_worker = false;
	database->holds = 0;
	database->extension = InvalidOid;
	database->runtime_pid = 0;
	database->runtime = NULL;
	database->not_before = DT_NOBEGIN;
	database->failures = 0;
	database->hungry = DT_NOEND;
	database->recovered = false;
	database->careful = false;
	database->careful_until = DT_NOBEGIN;
	make_owner(&database->others, dbid, 0);
	database->others.mark = DT_NOEND;	/* nobody, so far */
	database->dbid = dbid;
	return database;
}

/* The entry of a database; under the lock, exclusive to create. */
WfDatabase *
wf_database_entry_locked(Oid dbid, bool create)
{
	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		if (wf_shared->databases[i].dbid == dbid)
			return &wf_shared->databases[i];
	}
	return create ? make_database(dbid) : NULL;
}

/* The entry of a database, made if wanted. */
WfDatabase *
wf_database_entry(Oid dbid, bool create)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	LWLockRelease(wf_shared->lock);

	if (database == NULL && create)
	{
		LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
		database = wf_database_entry_locked(dbid, true);
		LWLockRelease(wf_shared->lock);
	}
	return database;
}

/* Forget a dropped database and its owners. */
void
wf_database_forget(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database)
	{
		database->dbid = database->others.dbid = InvalidOid;
		database->generation++;
	}
	for (int i = 0; i < wf_shared->nowners; i++)
	{
		WfOwner    *entry = &wf_shared->owners[i];

		if (entry->dbid == dbid)
		{
			entry->dbid = InvalidOid;
			entry->owner = OWNER_DELETED;
		}
	}
	LWLockRelease(wf_shared->lock);
}

/*
 * The database entry without a lock: what it finds may be stale, which is
 * good enough to set a latch.  The last place is nearly always right.
 */
static WfDatabase *
peek_database(Oid dbid)
{
	static int	last = 0;

	if (wf_shared->databases[last].dbid == dbid)
		return &wf_shared->databases[last];

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		if (wf_shared->databases[i].dbid == dbid)
		{
			last = i;
			return &wf_shared->databases[i];
		}
	}
	return NULL;
}

/* Set the latch of a database's runtime, or else of the launcher. */
void
wf_database_latch(Oid dbid)
{
	WfDatabase *database = peek_database(dbid);
	Latch	   *latch = database ? database->runtime : NULL;

	if (latch == NULL)
		latch = wf_shared->launcher;
	if (latch != NULL)
		SetLatch(latch);
}

/* Have a database looked at anew. */
void
wf_database_wake(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, true);
	if (database)
	{
		database->wake = true;
		database->not_before = DT_NOBEGIN;
	}
	LWLockRelease(wf_shared->lock);

	if (database)
		wf_database_latch(dbid);
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use workflow"),
				 errhint("You might need to increase workflow.max_databases.")));
}

/* The hold is over: have the database looked at anew. */
void
wf_database_release(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database && database->holds > 0 && --database->holds == 0)
	{
		wf_database_state(database, database->runtime_pid ?
						  WF_DB_RUNNING : WF_DB_UNKNOWN);
		database->not_before = DT_NOBEGIN;
	}
	LWLockRelease(wf_shared->lock);
	if (database)
		wf_database_latch(dbid);
}

/* Somebody in await() may want to look again. */
void
wf_database_stepped(Oid dbid)
{
	WfDatabase *database = peek_database(dbid);

	if (database == NULL)
		return;

	/* our rows are visible; did a waiter look before they were? */
	pg_memory_barrier();
	if (pg_atomic_read_u32(&database->awaiting) > 0)
		ConditionVariableBroadcast(&database->stepped);
}

/* --- owners -------------------------------------------------------------- */

/*
 * Find an owner, or a place for it (the first free one on its path), under
 * the lock.  The path ends at an entry that never was in use.
 */
static WfOwner *
find_owner(Oid dbid, int32 owner, WfOwner **free_place)
{
	int			n = wf_shared->nowners;
	uint32		hash = hash_combine(murmurhash32(dbid),
									murmurhash32((uint32) owner));

	*free_place = NULL;
	for (int i = 0; i < n; i++)
	{
		WfOwner    *entry = &wf_shared->owners[(hash + i) % n];

		if (entry->dbid == dbid && entry->owner == owner)
			return entry;
		if (!OidIsValid(entry->dbid))
		{
			if (*free_place == NULL)
				*free_place = entry;
			if (entry->owner != OWNER_DELETED)
				break;
		}
	}
	return NULL;
}

/* The entry of an owner of a database, made if wanted. */
WfOwner *
wf_owner_entry(Oid dbid, int32 owner, bool create)
{
	static WfOwner *last = NULL;
	static bool warned = false;
	WfOwner    *entry;
	WfOwner    *place;

	/* an entry of our own database cannot go away */
	if (last && last->dbid == dbid && last->owner == owner &&
		dbid == MyDatabaseId)
		return last;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	entry = find_owner(dbid, owner, &place);
	LWLockRelease(wf_shared->lock);

	if (entry == NULL && create)
	{
		LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
		entry = find_owner(dbid, owner, &place);
		if (entry == NULL && place != NULL)
		{
			make_owner(place, dbid, owner);
			entry = place;
		}
		LWLockRelease(wf_shared->lock);
	}

	if (entry)
		last = entry;
	else if (create && !warned)
	{
		warned = true;
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many owners of work for workflow"),
				 errdetail("The work of owner %d in database with OID %u, and of others, is done with delays.",
						   owner, dbid),
				 errhint("You might need to increase workflow.max_owners.")));
	}
	return entry;
}

/* The same, or else what stands for owners that found no room. */
WfOwner *
wf_owner_or_others(Oid dbid, int32 owner, bool create)
{
	WfOwner    *entry = wf_owner_entry(dbid, owner, create);
	WfDatabase *database;

	if (entry != NULL)
		return entry;
	database = wf_database_entry(dbid, create);
	return database ? &database->others : NULL;
}

/* Has an owner timers that may have crashed the server? */
bool
wf_owner_has_suspects(const WfDatabase *database, const WfOwner *entry)
{
	return (database->careful && !entry->cleared) ||
		entry->suspect_until != DT_NOBEGIN;
}

/* Set the latch of whoever should look after an owner now. */
void
wf_owner_wake(WfOwner *entry)
{
	Latch	   *busy[WF_MAX_EXECUTORS_MAX];
	int			nbusy = 0;
	bool		attended = false;

	/*
	 * If we are an executor of this owner: we go on until nothing is left,
	 * and ask for help when that is more than we can do.
	 */
	if (wf_my_executor && wf_my_executor->dbid == entry->dbid &&
		wf_my_executor->owner == entry->owner)
	{
		SetLatch(MyLatch);
		return;
	}

	/* pairs with the barrier of an executor that goes BUSY */
	pg_memory_barrier();

	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];
		Latch	   *latch = slot->latch;
		WfExecutorState state = slot->state;

		if (state == WF_EXEC_FREE || slot->owner != entry->owner ||
			slot->dbid != entry->dbid)
			continue;

		if (state == WF_EXEC_IDLE && latch != NULL && !slot->evict)
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
		wf_database_latch(entry->dbid);
}

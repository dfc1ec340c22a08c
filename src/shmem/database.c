/*-------------------------------------------------------------------------
 *
 * database.c
 *	  What the processes of an instance know of a database.
 *
 * Runs in every process.  Each change of state is a function:
 *
 *		UNKNOWN  --start-->  STARTING  --attached-->  RUNNING
 *		RUNNING  --extension gone-->  ABSENT  --wake-->  STARTING
 *		RUNNING  --nothing to do-->  RESTING  --due or wake-->  STARTING
 *		STARTING, RUNNING  --bad end-->  UNKNOWN, held back for a while
 *		any  --DROP, RENAME, ...-->  HELD  --over-->  UNKNOWN or forgotten
 *
 * The launcher starts runtimes; a runtime makes the changes from RUNNING when it
 * ends: database_runtime.c.  Holds are those of bgworker/database_hold.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/file_wait.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/member.h"
#include "shmem/placed.h"
#include "shmem/owner.h"

WfDatabase *wf_databases = NULL;

/* Bytes of the segment. */
Size
wf_database_shmem_size(void)
{
	return mul_size(wf_max_databases, sizeof(WfDatabase));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_database_shmem_attach(void *segment, bool created)
{
	wf_databases = segment;
	for (int i = 0; created && i < wf_max_databases; i++)
	{
		wf_databases[i].overflow = wf_owner_overflow(i);
		pg_atomic_init_u32(&wf_databases[i].awaiting, 0);
		pg_atomic_init_u64(&wf_databases[i].leases_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].notify_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].alerts_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].files_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].watch_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].members_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].alerts_after, (uint64) -1);
		pg_atomic_init_u64(&wf_databases[i].load_at, (uint64) DT_NOEND);
		pg_atomic_init_u64(&wf_databases[i].walk_at, (uint64) DT_NOBEGIN);
		pg_atomic_init_u64(&wf_databases[i].walk_retention, 0);
		pg_atomic_init_u32(&wf_databases[i].walk_news, 0);
		pg_atomic_init_u32(&wf_databases[i].walks, 0);
		ConditionVariableInit(&wf_databases[i].stepped);
	}
}

/* --- entries ------------------------------------------------------------- */

/* An entry takes another state; under the lock, exclusive. */
void
wf_database_set_state_locked(WfDatabase *database, WfDatabaseState state)
{
	database->state = state;
	database->since = GetCurrentTimestamp();
}

/*
 * A place for a database that has no entry, or that of one without the
 * extension, which nobody asks about; under the lock, exclusive.
 */
static WfDatabase *
find_place(void)
{
	WfDatabase *place = NULL;

	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *candidate = &wf_databases[i];

		if (!OidIsValid(candidate->dbid))
			return candidate;
		if (candidate->state == WF_DB_ABSENT && !candidate->wake &&
			pg_atomic_read_u32(&candidate->awaiting) == 0)
			place = candidate;
	}
	return place;
}

/* Neither slots nor a background worker are wanted.  Under the lock, exclusive. */
void
wf_database_waits_for_nothing_locked(WfDatabase *database)
{
	database->wants_bgworker = false;
	database->waits_since = DT_NOEND;
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		database->slot_wanted[kind] = DT_NOEND;
}

/* An entry for a database that has none; under the lock, exclusive. */
static WfDatabase *
make_database(Oid dbid)
{
	WfDatabase *database = find_place();

	if (database == NULL)
		return NULL;

	database->generation++;
	wf_database_set_state_locked(database, WF_DB_UNKNOWN);
	database->wake = false;
	database->yield_to = DT_NOEND;
	wf_database_waits_for_nothing_locked(database);
	database->holds = 0;
	database->extension = InvalidOid;
	database->runtime_pid = 0;
	database->runtime = NULL;
	database->watcher_pid = 0;
	database->watcher = NULL;
	database->files_pid = 0;
	database->not_before = DT_NOBEGIN;
	database->failures = 0;
	database->recovered = false;
	database->careful = false;
	database->careful_until = DT_NOBEGIN;
	database->foreign = false;
	database->blind = false;
	memset(&database->trouble, 0, sizeof(database->trouble));
	memset(&database->chores, 0, sizeof(database->chores));
	database->chores_at = DT_NOEND;
	pg_atomic_write_u64(&database->leases_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->notify_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->alerts_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->files_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->watch_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->members_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->alerts_after, (uint64) -1);
	pg_atomic_write_u64(&database->load_at, (uint64) DT_NOEND);
	pg_atomic_write_u64(&database->walk_at, (uint64) DT_NOBEGIN);
	database->notifies = false;
	database->leases_renewed = false;
	database->runs_awaited = database->settle = database->settle_all = true;
	wf_owner_init(database->overflow, dbid, 0, DT_NOEND);	/* nobody, so far */
	database->dbid = dbid;
	return database;
}

/*
 * The entry of a database, for callers that hold the lock (exclusive to create):
 * see wf_database_entry().
 */
WfDatabase *
wf_database_entry_locked(Oid dbid, bool create)
{
	for (int i = 0; i < wf_max_databases; i++)
	{
		if (wf_databases[i].dbid == dbid)
			return &wf_databases[i];
	}
	return create ? make_database(dbid) : NULL;
}

/*
 * The entry of a database, made as UNKNOWN if `create`; NULL when there is
 * none, or no place (entries of databases without the extension are reused).
 * Takes the lock.
 */
WfDatabase *
wf_database_entry(Oid dbid, bool create)
{
	WfDatabase *database;

	wf_instance_lock(LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	wf_instance_unlock();

	if (database == NULL && create)
	{
		wf_instance_lock(LW_EXCLUSIVE);
		database = wf_database_entry_locked(dbid, true);
		wf_instance_unlock();
	}
	return database;
}

/*
 * The lane of an owner for a kind of work, or else the one that stands for
 * owners without a place; both are made if they are not there.  NULL: there is
 * no place for the database.  Takes the lock.
 */
WfLane *
wf_database_lane(Oid dbid, int32 owner, WfLaneKind kind)
{
	WfOwner    *entry = wf_owner_entry(dbid, owner, true);
	WfDatabase *database;

	if (entry != NULL)
		return &entry->lanes[kind];
	database = wf_database_entry(dbid, true);
	return database ? &database->overflow->lanes[kind] : NULL;
}

/*
 * Has a lane events that may have crashed the server, or that end executors?
 * See quarantine.c.
 */
bool
wf_database_has_suspects(const WfDatabase *database, const WfLane *lane)
{
	return (database->careful && !lane->suspects.cleared) ||
		lane->suspects.until != DT_NOBEGIN;
}

/* Would a database that has no entry get one?  Under the lock. */
bool
wf_database_has_room_locked(void)
{
	return find_place() != NULL;
}

/* Does any database wait for a background worker?  Under the lock. */
bool
wf_database_wants_any_bgworker_locked(void)
{
	for (int i = 0; i < wf_max_databases; i++)
	{
		if (OidIsValid(wf_databases[i].dbid) && wf_databases[i].wants_bgworker)
			return true;
	}
	return false;
}

/* Forget a dropped database and its owners.  Takes the lock. */
void
wf_database_forget(Oid dbid)
{
	WfDatabase *database;

	wf_instance_lock(LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database)
	{
		database->dbid = database->overflow->dbid = InvalidOid;
		database->generation++;
	}
	wf_owner_forget_locked(dbid);
	wf_instance_unlock();
	wf_member_forget_database(dbid);
	wf_placed_forget_database(dbid);
	wf_file_wait_forget_database(dbid);
	wf_instance_launcher_wake();	/* others may want the place */
}

/*
 * The database entry without a lock: what it finds may be stale, which is
 * good enough to set a latch.  The last place is nearly always right.
 */
WfDatabase *
wf_database_peek(Oid dbid)
{
	static int	last = 0;

	if (wf_databases[last].dbid == dbid)
		return &wf_databases[last];

	for (int i = 0; i < wf_max_databases; i++)
	{
		if (wf_databases[i].dbid == dbid)
		{
			last = i;
			return &wf_databases[i];
		}
	}
	return NULL;
}

/* --- what its runtime tells ----------------------------------------------- */

/*
 * Were the rows of the database written in another place, so that it waits for
 * adopt()?  Returns whether that is news.  Takes the lock if it is.
 */
bool
wf_database_foreign(WfDatabase *database, bool foreign)
{
	if (database->foreign == foreign)
		return false;
	wf_instance_lock(LW_EXCLUSIVE);
	database->foreign = foreign;
	wf_instance_unlock();
	return true;
}

/* Did the last sweep fail?  Takes the lock if that is news. */
void
wf_database_blind(WfDatabase *database, bool blind)
{
	if (database->blind == blind)
		return;
	wf_instance_lock(LW_EXCLUSIVE);
	database->blind = blind;
	wf_instance_unlock();
}

/* The last error of its runtime.  Takes the lock. */
void
wf_database_trouble(WfDatabase *database, const WfTrouble *trouble)
{
	wf_instance_lock(LW_EXCLUSIVE);
	database->trouble = *trouble;
	wf_instance_unlock();
}

/* How housekeeping stands.  Takes the lock. */
void
wf_database_chores(WfDatabase *database, const WfChores *chores)
{
	wf_instance_lock(LW_EXCLUSIVE);
	database->chores = *chores;
	wf_instance_unlock();
}

/* When a runtime is to come for housekeeping, see WfDatabase.  Takes the lock. */
void
wf_database_chores_at(WfDatabase *database, TimestampTz at)
{
	wf_instance_lock(LW_EXCLUSIVE);
	database->chores_at = at;
	wf_instance_unlock();
}

/* --- holds --------------------------------------------------------------- */

/* From now on nothing is started in this database.  Takes the lock. */
void
wf_database_begin_hold(Oid dbid)
{
	WfDatabase *database;

	wf_instance_lock(LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, true);
	if (database)
	{
		database->holds++;
		database->generation++; /* one that is starting comes too late */
		wf_database_set_state_locked(database, WF_DB_HELD);
	}
	wf_instance_unlock();
}

/*
 * A hold is over: have the database looked at anew.  Never throws.  Takes the
 * lock.
 */
void
wf_database_end_hold(Oid dbid)
{
	WfDatabase *database;

	wf_instance_lock(LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database && database->holds > 0 && --database->holds == 0)
	{
		wf_database_set_state_locked(database, database->runtime_pid ? WF_DB_RUNNING : WF_DB_UNKNOWN);
		database->not_before = DT_NOBEGIN;
	}
	wf_instance_unlock();
	if (database)
		wf_database_latch(dbid);
}

/* --- waiting for slots and background workers ---------------------------- */

/*
 * The runtime wants executor slots since then, by kinds of work, and finds none;
 * infinity: it does not.  Takes the lock if that is news.
 */
void
wf_database_waits(WfDatabase *database, const TimestampTz *since)
{
	TimestampTz first = DT_NOEND;

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		first = Min(first, since[kind]);
	if (database->waits_since == first &&
		memcmp(database->slot_wanted, since, sizeof(database->slot_wanted)) == 0)
		return;
	wf_instance_lock(LW_EXCLUSIVE);
	database->waits_since = first;
	memcpy(database->slot_wanted, since, sizeof(database->slot_wanted));
	wf_instance_unlock();
}

/* A background worker is wanted since then.  Under the lock, exclusive. */
void
wf_database_wants_bgworker_locked(WfDatabase *database, TimestampTz since)
{
	database->wants_bgworker = true;
	database->waits_since = since;
}

/* No background worker is wanted any more.  Takes the lock if that is news. */
void
wf_database_wants_nothing(WfDatabase *database)
{
	if (!database->wants_bgworker)
		return;
	wf_instance_lock(LW_EXCLUSIVE);
	wf_database_waits_for_nothing_locked(database);
	wf_instance_unlock();
}

/* --- wakes --------------------------------------------------------------- */

/* Set the latch of a database's runtime, or else of the launcher.  Never throws. */
void
wf_database_latch(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);
	Latch	   *latch = database ? database->runtime : NULL;

	if (latch != NULL)
		SetLatch(latch);
	else
		wf_instance_launcher_wake();
}

/*
 * The runtime of a database is to look at something at a time, kept in one of the database's
 * marks; it, or else the launcher, is told if that is earlier than what was known.  Never throws.
 */
void
wf_database_lower(WfDatabase *database, pg_atomic_uint64 *mark, TimestampTz at)
{
	uint64		known = pg_atomic_read_u64(mark);

	while (at < (TimestampTz) known)
	{
		if (!pg_atomic_compare_exchange_u64(mark, &known, (uint64) at))
			continue;
		wf_database_latch(database->dbid);
		return;
	}
}

/*
 * Tell its runtime, or else the launcher, that a database is to be looked at
 * anew (extension created or dropped, database created or altered).  Called
 * at the end of transactions, where the catalogs cannot be asked for its name.
 * WARNING if there is no place for it.  Takes the lock.
 */
void
wf_database_wake(Oid dbid, const char *name)
{
	WfDatabase *database;

	wf_instance_lock(LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, true);
	if (database)
	{
		database->wake = true;
		database->not_before = DT_NOBEGIN;
	}
	wf_instance_unlock();

	if (database)
		wf_database_latch(dbid);
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use workflow"),
				 errdetail("The work of database \"%s\" is not being done.", name),
				 errhint("You might need to increase workflow.max_databases.")));
}

/*
 * Set the latches of all runtimes, and of the launcher for the databases that have
 * none.  Without a lock, as above.  Never throws.
 */
void
wf_database_latch_all(void)
{
	for (int i = 0; i < wf_max_databases; i++)
	{
		Latch	   *latch = wf_databases[i].runtime;

		if (latch != NULL)
			SetLatch(latch);
	}
	wf_instance_launcher_wake();
}

/* A session begins to wait in await(): its entry is not reused meanwhile. */
void
wf_database_awaits(WfDatabase *database)
{
	pg_atomic_fetch_add_u32(&database->awaiting, 1);
}

/* A session has waited enough. */
void
wf_database_awaits_no_more(WfDatabase *database)
{
	pg_atomic_fetch_sub_u32(&database->awaiting, 1);
}

/* Somebody in await() may want to look again.  Never throws. */
void
wf_database_stepped(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database == NULL)
		return;

	/* our rows are visible; did a waiter look before they were? */
	pg_memory_barrier();
	if (pg_atomic_read_u32(&database->awaiting) > 0)
		ConditionVariableBroadcast(&database->stepped);
}

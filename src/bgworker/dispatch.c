/*-------------------------------------------------------------------------
 *
 * dispatch.c
 *	  Executors for the owners of one database who are hungry for one.
 *
 * Runs in runtimes.  Looks at roles, for which it begins a transaction of its
 * own when the first slot is there; what it may not start waits, with a reason
 * that workflow.activity shows.  Takes WfShared.lock for moments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/bgworker_slots.h"
#include "bgworker/dispatch.h"
#include "bgworker/eviction.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"
#include "store/transaction.h"

/* Started, but not attached after so long (ms): it will not come. */
#define ATTACH_TIMEOUT		30000

/* Without a worker for another executor of one owner, ask again after (ms). */
#define HELP_DELAY			1000

/* Executors that we started and have not seen attached. */
static BackgroundWorkerHandle **handles = NULL;

static TimestampTz retry_at = DT_NOBEGIN;	/* no worker slot before; real */
static TimestampTz help_at = DT_NOBEGIN;	/* no further executors before; real */
static TimestampTz starving;	/* since when, see WfDatabase.hungry */

/* Owners without an entry that had their turn since an unclean start. */
static List *turns = NIL;		/* in TopMemoryContext */

/* Once, in a runtime that has attached; makes room in the appetite. */
void
wf_dispatch_begin(WfDemand *appetite)
{
	int			n = Max(wf_shared->nexecutors, 1);

	handles = MemoryContextAllocZero(TopMemoryContext, n * sizeof(*handles));
	appetite->hungry = MemoryContextAlloc(TopMemoryContext, n * sizeof(WfWaiting));
}

/* --- those who cannot have one ------------------------------------------- */

/* May this role's work be done here and now?  Needs a transaction. */
static WfWaitReason
check_role(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	WfWaitReason reason = WF_WAIT_NONE;

	if (!HeapTupleIsValid(tuple))
		return WF_WAIT_ROLE_GONE;
	if (!((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin)
		reason = WF_WAIT_ROLE_NOLOGIN;
	else if (superuser_arg(role) && !wf_allow_superuser)
		reason = WF_WAIT_ROLE_SUPERUSER;
	else if (object_aclcheck(DatabaseRelationId, MyDatabaseId, role,
							 ACL_CONNECT) != ACLCHECK_OK)
		reason = WF_WAIT_ROLE_CONNECT;
	ReleaseSysCache(tuple);
	return reason;
}

/* Say once for each owner why its work waits; then hold it back. */
static void
refuse(const WfWaiting *hungry, WfWaitReason reason)
{
	static const char *const why[] = {
		[WF_WAIT_ROLE_GONE] = "the role does not exist",
		[WF_WAIT_ROLE_NOLOGIN] = "the role is not permitted to log in",
		[WF_WAIT_ROLE_CONNECT] = "the role lacks CONNECT privilege on the database",
		[WF_WAIT_ROLE_SUPERUSER] = "the role is a superuser and workflow.allow_superuser is off"
	};

	if (hungry->entry->reason != reason)
	{
		char	   *role = GetUserNameFromId(hungry->role, true);

		ereport(WARNING,
				(errmsg("work of owner %d (\"%s\") has to wait: %s",
						hungry->owner, role ? role : "?", why[reason])));
	}
	wf_pool_failed(hungry->entry, reason,
				   wf_bgworker_back_off(hungry->entry->failures + 1));

	/* Perhaps it is another one by now: look it up before the next try. */
	if (reason == WF_WAIT_ROLE_GONE)
		hungry->entry->role = InvalidOid;
}

/* The postmaster has no room for another worker, or others come first. */
static void
no_worker(const WfWaiting *hungry)
{
	TimestampTz again;

	if (hungry->extra)
	{
		LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
		if (wf_eviction_leaving_locked() == 0)
			(void) wf_eviction_ask_locked(WF_EVICT_COLD, &again);
		LWLockRelease(wf_shared->lock);
		help_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), HELP_DELAY);
		return;
	}
	hungry->entry->reason = WF_WAIT_BGWORKER;
	starving = Min(starving, hungry->since);
	retry_at = wf_bgworker_slots_wait(MyDatabaseId, starving, "executors");
}

/* No slot for one who wants one: have somebody make room, and wait. */
static void
starve(WfDemand *appetite, const WfWaiting *hungry, int n)
{
	TimestampTz again = wf_eviction_make_room(n, hungry->extra);

	appetite->next = Min(appetite->next, wf_clock_at(again));
	if (!hungry->extra)
	{
		starving = Min(starving, hungry->since);
		hungry->entry->reason = WF_WAIT_SLOT;
	}
}

/* --- those who can ------------------------------------------------------- */

/* One that cannot have a turn does not keep others from theirs. */
static void
note_turn(const WfWaiting *hungry)
{
	MemoryContext old;

	if (hungry->entry->owner == hungry->owner || hungry->entry->cleared)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	turns = list_append_unique_int(turns, hungry->owner);
	MemoryContextSwitchTo(old);
}

/*
 * Was an executor started here for this owner, who has no entry in shared
 * memory, while such owners take turns?  Or refused for what its role is.
 */
bool
wf_dispatch_was_served(int32 owner)
{
	return list_member_int(turns, owner);
}

/* Start an executor in a slot that was taken for it; false: it cannot be. */
static bool
start_executor(Oid extension, const WfWaiting *hungry, int slot, uint32 generation)
{
	WfBgworkerArgs args = {.kind = WF_BGWORKER_EXECUTOR};
	WfWaitReason reason = check_role(hungry->role);

	if (reason != WF_WAIT_NONE)
	{
		refuse(hungry, reason);
		note_turn(hungry);
		return false;
	}

	args.slot = slot;
	args.generation = generation;
	args.dbid = MyDatabaseId;
	args.role = hungry->role;
	args.extension = extension;
	args.owner = hungry->owner;
	if (handles[slot])
		pfree(handles[slot]);
	handles[slot] = wf_bgworker_start(&args);
	if (handles[slot] == NULL)
	{
		no_worker(hungry);
		return false;
	}
	note_turn(hungry);
	wf_bgworker_slots_relieved();
	return true;
}

/* Nobody is hungry here: the database waits for no worker. */
void
wf_dispatch_nobody(WfDatabase *database)
{
	wf_bgworker_slots_over(database);
	retry_at = DT_NOBEGIN;
}

/*
 * One of the hungry.  A transaction is begun when the first slot is there, to
 * look at roles; false: the extension is gone.
 */
static bool
serve(Oid extension, WfDemand *appetite, const WfWaiting *hungry, int *unfed,
	  bool *in_transaction)
{
	uint32		generation;
	int			slot;

	if (!wf_bgworker_slots_may_ask(MyDatabaseId, hungry->extra ?
								   DT_NOEND : hungry->since))
	{
		no_worker(hungry);
		return true;
	}
	slot = wf_pool_take(MyDatabaseId, hungry, &generation);
	if (slot < 0)
	{
		starve(appetite, hungry, ++*unfed);
		return true;
	}

	if (!*in_transaction && !wf_transaction_begin("starting executors", extension))
	{
		wf_pool_release(slot, generation);
		return false;
	}
	*in_transaction = true;
	if (!start_executor(extension, hungry, slot, generation))
		wf_pool_release(slot, generation);
	return true;
}

/*
 * Serve the hungry in their order, as far as slots and workers go; at once
 * or, after the postmaster had none, when it is time to ask again.  Lowers
 * appetite->next to when to look again.  To be called with no transaction open.
 * Returns false when the extension is gone.
 */
bool
wf_dispatch(WfDatabase *database, Oid extension, WfDemand *appetite)
{
	bool		in_transaction = false;
	int			unfed = 0;

	if (retry_at > GetCurrentTimestamp())
	{
		appetite->next = Min(appetite->next, wf_clock_at(retry_at));
		return true;
	}

	starving = DT_NOEND;
	retry_at = DT_NOBEGIN;
	for (int i = 0; i < appetite->nhungry && retry_at == DT_NOBEGIN; i++)
	{
		const WfWaiting *hungry = &appetite->hungry[i];

		if (hungry->extra && help_at > GetCurrentTimestamp())
		{
			appetite->next = Min(appetite->next, wf_clock_at(help_at));
			break;				/* they come last */
		}
		if (!serve(extension, appetite, hungry, &unfed, &in_transaction))
			return false;
	}
	if (in_transaction)
		wf_transaction_commit();

	/* the others would fare no better */
	if (retry_at != DT_NOBEGIN)
		appetite->next = Min(appetite->next, wf_clock_at(retry_at));
	else
		wf_dispatch_nobody(database);
	database->hungry = starving;
	return true;
}

/* --- those who never came ------------------------------------------------ */

/* Will an executor that was started at `since` not come any more? */
static bool
is_lost(BackgroundWorkerHandle *handle, TimestampTz since)
{
	pid_t		pid;

	if (handle)
		return GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED;
	return TimestampDifferenceExceeds(since, GetCurrentTimestamp(),
									  ATTACH_TIMEOUT);
}

/*
 * Give back the slots of executors that were started and never came, and hold
 * their owners back for a while.
 */
void
wf_dispatch_reap(void)
{
	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		uint32		generation;
		TimestampTz since;
		bool		waiting = wf_pool_unattached(i, MyDatabaseId,
												 &generation, &since);

		if (waiting && is_lost(handles[i], since))
		{
			WfOwner    *entry = wf_owner_entry(MyDatabaseId,
											   wf_shared->executors[i].owner,
											   false);

			if (entry)
				wf_pool_failed(entry, WF_WAIT_FAILED,
							   wf_bgworker_back_off(entry->failures + 1));
			wf_pool_release(i, generation);
			waiting = false;
		}
		if (!waiting && handles[i])
		{
			pfree(handles[i]);
			handles[i] = NULL;
		}
	}
}

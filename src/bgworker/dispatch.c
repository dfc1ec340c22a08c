/*-------------------------------------------------------------------------
 *
 * dispatch.c
 *	  Executors for the lanes of one database that wait for one.
 *
 * Runs in runtimes.  Looks at roles, for which it begins a transaction of its
 * own when the first slot is there; what it may not start waits, with a reason
 * that workflow.activity shows.  Takes the lock of the
 * instance for moments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/bgworker_slots.h"
#include "bgworker/dispatch.h"
#include "bgworker/eviction.h"
#include "bgworker/login.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "store/transaction.h"

/* Started, but not attached after so long (ms): it will not come. */
#define ATTACH_TIMEOUT		30000

/* Without a background worker for another executor of one lane, ask again after (ms). */
#define HELP_DELAY			1000

/* Executors that we started and have not seen attached. */
static BackgroundWorkerHandle **handles = NULL;

static TimestampTz retry_at = DT_NOBEGIN;	/* no worker slot before; real */
static TimestampTz help_at = DT_NOBEGIN;	/* no further executors before; real */
static TimestampTz starving[WF_LANE_KINDS];	/* since when, see WfDatabase.slot_wanted */

/* Owners without a place that were served since an unclean start. */
static List *served = NIL;		/* in TopMemoryContext */

/* Once, in a runtime that has attached; makes room in the demand. */
void
wf_dispatch_begin(WfDemand *demand)
{
	int			n = Max(wf_slot_count(), 1);

	handles = MemoryContextAllocZero(TopMemoryContext, n * sizeof(*handles));
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		demand->waiting[kind].items = MemoryContextAlloc(TopMemoryContext, n * sizeof(WfWaiting));
}

/* --- those who cannot have one ------------------------------------------- */

/*
 * Until when an owner is held back after one more failure.  What stands for those
 * without a place is not for long: most of them may be well.
 */
static TimestampTz
back_off(const WfOwner *entry)
{
	int			failures = entry->failures + 1;

	return wf_bgworker_back_off(entry->owner == 0 ? Min(failures, 3) : failures);
}

/* Say once for each owner why its work waits; then hold it back. */
static void
refuse(const WfWaiting *waiting, WfWaitReason reason)
{
	static const char *const why[] = {
		[WF_WAIT_ROLE_GONE] = "the role does not exist",
		[WF_WAIT_ROLE_NOLOGIN] = "the role is not permitted to log in",
		[WF_WAIT_ROLE_CONNECT] = "the role lacks CONNECT privilege on the database",
		[WF_WAIT_ROLE_SUPERUSER] = "the role is a superuser and workflow.allow_superuser is off"
	};
	WfOwner    *entry = waiting->lane->entry;

	if (entry->reason != reason)
	{
		char	   *role = GetUserNameFromId(waiting->role, true);

		ereport(WARNING,
				(errmsg("work of owner %d (\"%s\") has to wait: %s",
						waiting->owner, role ? role : "?", why[reason])));
	}
	wf_owner_failed(entry, reason, back_off(entry));

	/* Perhaps it is another one by now: look it up before the next try. */
	if (reason == WF_WAIT_ROLE_GONE)
		wf_owner_set_role(entry, InvalidOid);
}

/* One who waits finds nothing. */
static void
starves(const WfWaiting *waiting)
{
	TimestampTz *since = &starving[waiting->lane->kind];

	*since = Min(*since, waiting->since);
}

/* Since when the first of them waits. */
static TimestampTz
starved_since(void)
{
	TimestampTz since = DT_NOEND;

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		since = Min(since, starving[kind]);
	return since;
}

/*
 * The postmaster has no room for another background worker, or others come
 * first.
 */
static void
no_bgworker(const WfWaiting *waiting)
{
	TimestampTz again;

	if (waiting->extra)
	{
		wf_instance_lock(LW_EXCLUSIVE);
		if (wf_eviction_leaving_locked(wf_slot_range_of_all()) == 0)
			(void) wf_eviction_ask_locked(WF_EVICT_COLD, &again);
		wf_instance_unlock();
		help_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), HELP_DELAY);
		return;
	}
	wf_owner_waits(waiting->lane->entry, WF_WAIT_BGWORKER);
	starves(waiting);
	retry_at = wf_bgworker_slots_wait(MyDatabaseId, starved_since(), "executors");
}

/* Nobody makes room for one whose work is not due yet: look again when it is. */
static bool
is_early(WfDemand *demand, const WfWaiting *waiting)
{
	if (waiting->since <= wf_clock_now())
		return false;
	demand->next = Min(demand->next, waiting->since);
	return true;
}

/* No slot for one who wants one: have somebody make room, and wait. */
static void
starve(WfDemand *demand, const WfWaiting *waiting, int n)
{
	TimestampTz again = wf_eviction_make_room(waiting->lane->kind, n, waiting->extra);

	demand->next = Min(demand->next, wf_clock_at(again));
	if (!waiting->extra)
	{
		starves(waiting);
		wf_owner_waits(waiting->lane->entry, WF_WAIT_SLOT);
	}
}

/* --- those who can ------------------------------------------------------- */

/* One that cannot have an executor does not keep others from theirs. */
static void
note_served(const WfWaiting *waiting)
{
	MemoryContext old;

	if (waiting->lane->owner == waiting->owner || waiting->lane->suspects.cleared)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	served = list_append_unique_int(served, waiting->owner);
	MemoryContextSwitchTo(old);
}

/*
 * Was an executor started here for this owner, who has no place in shared
 * memory, while such owners are served one after the other?  Or refused for
 * what its role is.
 */
bool
wf_dispatch_was_served(int32 owner)
{
	return list_member_int(served, owner);
}

/* Start an executor in a slot that was taken for it; false: it cannot be. */
static bool
start_executor(Oid extension, const WfWaiting *waiting, int slot, uint32 generation)
{
	WfBgworkerArgs args = {.kind = WF_BGWORKER_EXECUTOR};
	WfWaitReason reason = wf_login_check(waiting->role, waiting->lane->kind);

	if (reason != WF_WAIT_NONE)
	{
		refuse(waiting, reason);
		note_served(waiting);
		return false;
	}

	args.slot = slot;
	args.generation = generation;
	args.dbid = MyDatabaseId;
	args.role = waiting->role;
	args.extension = extension;
	args.owner = waiting->owner;
	if (handles[slot])
		pfree(handles[slot]);
	handles[slot] = wf_bgworker_start(&args);
	if (handles[slot] == NULL)
	{
		no_bgworker(waiting);
		return false;
	}
	note_served(waiting);
	wf_bgworker_slots_relieved();
	return true;
}

/* Nobody waits here: the database wants no background worker. */
void
wf_dispatch_nobody(WfDatabase *database)
{
	wf_database_wants_nothing(database);
	retry_at = DT_NOBEGIN;
}

/*
 * One of those who wait.  A transaction is begun when the first slot is there, to
 * look at roles; false: the extension is gone.
 */
static bool
serve(Oid extension, WfDemand *demand, const WfWaiting *waiting, int *unfed,
	  bool *in_transaction)
{
	uint32		generation;
	int			slot;

	if (!wf_bgworker_slots_may_ask(MyDatabaseId, waiting->extra ?
								   DT_NOEND : waiting->since))
	{
		if (!is_early(demand, waiting))
			no_bgworker(waiting);
		return true;
	}
	slot = wf_pool_take(MyDatabaseId, waiting, &generation);
	if (slot < 0)
	{
		if (!is_early(demand, waiting))
			starve(demand, waiting, ++*unfed);
		return true;
	}

	if (!*in_transaction && !wf_transaction_begin("starting executors", extension))
	{
		wf_pool_release(slot, generation);
		return false;
	}
	*in_transaction = true;
	if (!start_executor(extension, waiting, slot, generation))
		wf_pool_release(slot, generation);
	return true;
}

/* Serve those of one kind of work; false: the extension is gone. */
static bool
serve_list(Oid extension, WfDemand *demand, const WfWaitingList *list, bool *in_transaction)
{
	int			unfed = 0;

	for (int i = 0; i < list->n && retry_at == DT_NOBEGIN; i++)
	{
		const WfWaiting *waiting = &list->items[i];

		if (waiting->extra && !wf_clock_is_over(help_at, HELP_DELAY))
		{
			demand->next = Min(demand->next, wf_clock_at(help_at));
			break;				/* they come last */
		}
		if (!serve(extension, demand, waiting, &unfed, in_transaction))
			return false;
	}
	return true;
}

/*
 * Serve those who wait in their order, as far as slots and background workers go; at once
 * or, after the postmaster had none, when it is time to ask again.  Steps come before
 * runs, and these before schedules.  Lowers demand->next to when to look again.  To be called with no transaction
 * open.  Returns false when the extension is gone.
 */
bool
wf_dispatch(WfDatabase *database, Oid extension, WfDemand *demand)
{
	bool		in_transaction = false;

	if (!wf_clock_is_over(retry_at, WF_BGWORKER_SLOTS_DELAY_MAX))
	{
		demand->next = Min(demand->next, wf_clock_at(retry_at));
		return true;
	}

	retry_at = DT_NOBEGIN;
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		starving[kind] = DT_NOEND;
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		if (!serve_list(extension, demand, &demand->waiting[kind], &in_transaction))
			return false;
	if (in_transaction)
		wf_transaction_commit();

	/* the others would fare no better */
	if (retry_at != DT_NOBEGIN)
		demand->next = Min(demand->next, wf_clock_at(retry_at));
	else
		wf_dispatch_nobody(database);
	wf_database_waits(database, starving);
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
 * their owners back for a while: those whom the slot was taken for, or what
 * stands for them.
 */
void
wf_dispatch_reap(void)
{
	for (int i = 0; i < wf_slot_count(); i++)
	{
		uint32		generation;
		TimestampTz since;
		WfLane	   *lane;
		bool		waiting = wf_slot_is_unattached(&wf_slots[i], MyDatabaseId,
													&generation, &since, &lane);

		if (waiting && is_lost(handles[i], since))
		{
			wf_owner_failed(lane->entry, WF_WAIT_FAILED, back_off(lane->entry));
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

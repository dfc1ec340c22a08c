/*-------------------------------------------------------------------------
 *
 * bgworker_slots.c
 *	  When max_worker_processes is exhausted: whose turn it is to have the
 *	  next worker, and who makes room for it.
 *
 * Used by the launcher (for runtimes) and by runtimes (for executors), all
 * under the lock of the instance.  Executor slots are one thing, see pool.c; each
 * executor and each runtime is a worker of the postmaster, too, and of those
 * there may be fewer than our slots and databases, the more so as others need
 * them as well: parallel queries, logical replication.
 *
 * Databases get workers in the order in which they began to wait
 * (WfDatabase.waits_since): those whose runtime wants an executor, and those that
 * have no runtime and want one.  Whoever waits longest is the only one to ask
 * the postmaster, and room is made for it by, in this order,
 *
 *	- an executor that is idle, of any database;
 *	- a runtime without executors that has waited less long, or does not wait:
 *	  it rests, which keeps its place in the order;
 *	- an executor that has been busy for longer than a quantum.
 *
 * With two workers for us, a runtime and its executor, that always succeeds:
 * the runtimes of all but the one that waits longest give way.  So neither can
 * runtimes take all workers and leave none for executors, nor can a database
 * with endless work keep out the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "bgworker/bgworker_slots.h"
#include "bgworker/eviction.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/database_runtime.h"
#include "shmem/instance.h"
#include "shmem/slot.h"

/* Somebody is about to leave, or is first: ask again after (ms). */
#define LEAVING_DELAY		20
#define TURN_DELAY			100

/* Nobody is, for the workers are not ours: (ms), doubling. */
#define RETRY_DELAY_MIN		100

/* Worth a log line after so many tries in vain, or such a delay (ms), and not
 * all the time (ms). */
#define COMPLAIN_TRIES		10
#define COMPLAIN_DELAY		800
#define COMPLAIN_INTERVAL	600000

/* Of this process, since the last worker that could be started. */
static int	retry_delay = 0;	/* ms */
static int	tries = 0;			/* in vain */

/*
 * How many more background workers the server has room for.  A guess, without a
 * lock: those that are about to start are not counted, nor those that use no shared
 * memory.
 */
static int
count_free(void)
{
	int			n = max_worker_processes;

	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		const PGPROC *proc = &ProcGlobal->allProcs[i];

		if (proc->procgloballist == &ProcGlobal->bgworkerFreeProcs &&
			proc->procLatch.owner_pid != 0)
			n--;
	}
	return n;
}

/*
 * Has the server so little room left that a runtime without anything to do is to
 * leave at once?  Others cannot ask for it: a parallel query, a subscription that is
 * refused a worker does without.
 */
bool
wf_bgworker_slots_are_short(void)
{
	return count_free() < max_worker_processes / 2;
}

/*
 * In an executor that has been idle for a while: is it to leave, so that others
 * find room?  If one is leaving already, it may be room enough.  Takes the lock.
 */
bool
wf_bgworker_slots_give_up(void)
{
	bool		result;

	/* Usually there is: asked without the lock, under which it is asked again. */
	if (count_free() >= Max(1, max_worker_processes / 8))
		return false;
	wf_instance_lock(LW_EXCLUSIVE);
	result = count_free() + wf_eviction_leaving_locked(wf_slot_range_of_all()) <
		Max(1, max_worker_processes / 8);
	if (result)
		wf_slot_evict_locked(wf_my_slot);
	wf_instance_unlock();
	return result;
}

/* Who waits longer than that for a worker; under the lock.  NULL: nobody. */
static WfDatabase *
waits_longer(Oid dbid, TimestampTz since)
{
	WfDatabase *first = NULL;

	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *other = &wf_databases[i];

		if (!OidIsValid(other->dbid) || other->dbid == dbid ||
			!other->wants_bgworker || other->state == WF_DB_HELD ||
			other->waits_since >= since)
			continue;
		if (first == NULL || other->waits_since < first->waits_since)
			first = other;
	}
	return first;
}

/*
 * May a database that waits for a worker (its runtime, or an executor) since
 * then ask the postmaster for one?  False: one that waits longer is first,
 * and is told to ask.  Takes the lock.
 */
bool
wf_bgworker_slots_may_ask(Oid dbid, TimestampTz since)
{
	WfDatabase *other;

	wf_instance_lock(LW_SHARED);
	other = waits_longer(dbid, since);
	wf_instance_unlock();

	if (other)
		wf_database_latch(other->dbid);
	return other == NULL;
}

/* How many wait for a worker; under the lock. */
static int
count_waiting(void)
{
	int			n = 0;

	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *database = &wf_databases[i];

		if (OidIsValid(database->dbid) && database->wants_bgworker &&
			database->state != WF_DB_HELD)
			n++;
	}
	return n;
}

/* How many runtimes are about to make room; under the lock. */
static int
count_yielding(void)
{
	int			n = 0;

	for (int i = 0; i < wf_max_databases; i++)
	{
		if (OidIsValid(wf_databases[i].dbid) &&
			wf_databases[i].yield_to != DT_NOEND)
			n++;
	}
	return n;
}

/*
 * The runtime without executors that has least reason to stay; under the
 * lock.  It looks again itself before it goes, and what it wants may be older
 * than we know.
 */
static WfDatabase *
least_needy_runtime(Oid dbid, TimestampTz since)
{
	WfDatabase *found = NULL;

	for (int i = 0; i < wf_max_databases; i++)
	{
		WfDatabase *other = &wf_databases[i];

		if (!OidIsValid(other->dbid) || other->dbid == dbid ||
			other->state != WF_DB_RUNNING || other->runtime == NULL ||
			other->yield_to != DT_NOEND || other->waits_since <= since ||
			wf_pool_count_locked(other->dbid, true) > 0)
			continue;
		if (found == NULL || other->waits_since > found->waits_since)
			found = other;
	}
	return found;
}

/* Have one more worker leave, if as many as wait are not leaving already. */
static bool
make_room(Oid dbid, TimestampTz since)
{
	TimestampTz again;
	WfDatabase *other;

	if (count_yielding() + wf_eviction_leaving_locked(wf_slot_range_of_all()) >= count_waiting())
		return true;
	if (wf_eviction_ask_locked(WF_EVICT_IDLE, &again))
		return true;
	other = least_needy_runtime(dbid, since);
	if (other)
	{
		wf_database_runtime_yield_locked(other, since);
		return true;
	}
	return wf_eviction_ask_locked(WF_EVICT_ANY, &again) || again != DT_NOEND;
}

/* Is it time for a word about it?  Once for the instance; under the lock. */
static bool
time_to_complain(void)
{
	if (++tries < COMPLAIN_TRIES && retry_delay < COMPLAIN_DELAY)
		return false;
	return wf_instance_complains_locked(GetCurrentTimestamp(), COMPLAIN_INTERVAL);
}

static void
complain(const char *whom)
{
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("out of background worker slots for workflow %s", whom),
			 errhint("You might need to increase max_worker_processes.")));
}

/*
 * The postmaster had no worker for it, or it is not its turn: note that it
 * waits, have somebody make room, complain in the log now and then (`whom`: a
 * plural, for whom there is no worker).  Returns the real time to try again.
 * Takes the lock.
 */
TimestampTz
wf_bgworker_slots_wait(Oid dbid, TimestampTz since, const char *whom)
{
	WfDatabase *database;
	int			delay = 0;
	bool		loud;

	wf_instance_lock(LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database)
	{
		wf_database_wants_bgworker_locked(database, since);
		if (waits_longer(dbid, since) != NULL)
			delay = TURN_DELAY;
		else if (make_room(dbid, since))
			delay = LEAVING_DELAY;
	}
	loud = time_to_complain();
	wf_instance_unlock();

	if (loud)
		complain(whom);
	if (delay == 0)
		delay = retry_delay = Min(Max(2 * retry_delay, RETRY_DELAY_MIN),
								  WF_BGWORKER_SLOTS_DELAY_MAX);
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/* It got one: the next wait of this process begins with short intervals. */
void
wf_bgworker_slots_relieved(void)
{
	retry_delay = 0;
	tries = 0;
}

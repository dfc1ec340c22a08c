/*-------------------------------------------------------------------------
 *
 * bgworker_slots.c
 *	  When max_worker_processes is exhausted: whose turn it is to have the
 *	  next worker, and who makes room for it.
 *
 * Used by the launcher (for runtimes) and by runtimes (for executors), all
 * under WfShared.lock.  Executor slots are one thing, see pool.c; each
 * executor and each runtime is a worker of the postmaster, too, and of those
 * there may be fewer than our slots and databases, the more so as others need
 * them as well: parallel queries, logical replication.
 *
 * Databases get workers in the order in which they began to wait
 * (WfDatabase.hungry): those whose runtime wants an executor, and those that
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

#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "bgworker/bgworker_slots.h"
#include "bgworker/eviction.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

/* Somebody is about to leave, or is first: ask again after (ms). */
#define LEAVING_DELAY		20
#define TURN_DELAY			100

/* Nobody is, for the workers are not ours: (ms), doubling. */
#define RETRY_DELAY_MIN		100
#define RETRY_DELAY_MAX		1000

/* Worth a log line after so many tries in vain, or such a delay (ms), and not
 * all the time (ms). */
#define COMPLAIN_TRIES		10
#define COMPLAIN_DELAY		800
#define COMPLAIN_INTERVAL	600000

/* Of this process, since the last worker that could be started. */
static int	retry_delay = 0;	/* ms */
static int	tries = 0;			/* in vain */

/* Who waits longer than that for a worker; under the lock.  NULL: nobody. */
static WfDatabase *
waits_longer(Oid dbid, TimestampTz since)
{
	WfDatabase *first = NULL;

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *other = &wf_shared->databases[i];

		if (!OidIsValid(other->dbid) || other->dbid == dbid ||
			!other->wants_worker || other->state == WF_DB_HELD ||
			other->hungry >= since)
			continue;
		if (first == NULL || other->hungry < first->hungry)
			first = other;
	}
	return first;
}

/*
 * May a database that waits for a worker (its runtime, or an executor) since
 * then ask the postmaster for one?  False: one that waits longer is first,
 * and is told to ask.  Takes WfShared.lock.
 */
bool
wf_bgworker_slots_may_ask(Oid dbid, TimestampTz since)
{
	WfDatabase *other;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	other = waits_longer(dbid, since);
	LWLockRelease(wf_shared->lock);

	if (other)
		wf_database_latch(other->dbid);
	return other == NULL;
}

/* How many wait for a worker; under the lock. */
static int
count_waiting(void)
{
	int			n = 0;

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *database = &wf_shared->databases[i];

		if (OidIsValid(database->dbid) && database->wants_worker &&
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

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		if (OidIsValid(wf_shared->databases[i].dbid) &&
			wf_shared->databases[i].yield_to != DT_NOEND)
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

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *other = &wf_shared->databases[i];

		if (!OidIsValid(other->dbid) || other->dbid == dbid ||
			other->state != WF_DB_RUNNING || other->runtime == NULL ||
			other->yield_to != DT_NOEND || other->hungry <= since ||
			wf_pool_count_locked(other->dbid, true) > 0)
			continue;
		if (found == NULL || other->hungry > found->hungry)
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

	if (count_yielding() + wf_eviction_leaving_locked() >= count_waiting())
		return true;
	if (wf_eviction_ask_locked(WF_EVICT_IDLE, &again))
		return true;
	other = least_needy_runtime(dbid, since);
	if (other)
	{
		other->yield_to = since;
		SetLatch(other->runtime);
		return true;
	}
	return wf_eviction_ask_locked(WF_EVICT_ANY, &again) || again != DT_NOEND;
}

/* Is it time for a word about it?  Once for the instance; under the lock. */
static bool
time_to_complain(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if ((++tries < COMPLAIN_TRIES && retry_delay < COMPLAIN_DELAY) ||
		wf_shared->complain_after > now)
		return false;
	wf_shared->complain_after = TimestampTzPlusMilliseconds(now, COMPLAIN_INTERVAL);
	return true;
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
 * Takes WfShared.lock.
 */
TimestampTz
wf_bgworker_slots_wait(Oid dbid, TimestampTz since, const char *whom)
{
	WfDatabase *database;
	int			delay = 0;
	bool		loud;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database)
	{
		database->wants_worker = true;
		database->hungry = since;
		if (waits_longer(dbid, since) != NULL)
			delay = TURN_DELAY;
		else if (make_room(dbid, since))
			delay = LEAVING_DELAY;
	}
	loud = time_to_complain();
	LWLockRelease(wf_shared->lock);

	if (loud)
		complain(whom);
	if (delay == 0)
		delay = retry_delay = Min(Max(2 * retry_delay, RETRY_DELAY_MIN),
								  RETRY_DELAY_MAX);
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/* It got one: the next wait of this process begins with short intervals. */
void
wf_bgworker_slots_relieved(void)
{
	retry_delay = 0;
	tries = 0;
}

/* A database does not wait any more.  Takes WfShared.lock. */
void
wf_bgworker_slots_over(WfDatabase *database)
{
	if (!database->wants_worker)
		return;
	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database->wants_worker = false;
	database->hungry = DT_NOEND;
	LWLockRelease(wf_shared->lock);
}

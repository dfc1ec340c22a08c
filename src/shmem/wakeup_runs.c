/*-------------------------------------------------------------------------
 *
 * wakeup_runs.c
 *	  What this transaction will tell of runs when it ends.
 *
 * Runs in any backend.  It is a part of wakeup.c, which says when a transaction tells, and
 * calls all that is needed at its end.  Executors hear of the work in their lanes there.
 * Here is who else has to do with runs: those who wait for runs to end, workers outside of
 * the server, members on which queues are placed, and the runtime, by which leases end.
 *
 * What is kept is backend-local, in memory that is never given back, so that nothing is
 * allocated or thrown at the end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "shmem/arrivals.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/ended.h"
#include "shmem/placed.h"
#include "shmem/wakeup_runs.h"

/* Runs that it has ended, or that others are to wait for. */
static struct
{
	pg_uuid_t  *runs;			/* WF_ENDED_MAX, in TopMemoryContext; or NULL */
	int			n;				/* -1: more than that */
	bool		awaited;		/* some of the latter */
}			ended = {0};

/* There is work for outside workers, the first of which is due then. */
static TimestampTz outside_at = DT_NOEND;

/* That was made by this transaction: who waits in await_work() is to look. */
static bool outside = false;

/* Queues with runs that it has made ready, the first of which is due then. */
#define PLACED_MAX	8

static struct
{
	int			n;				/* -1: more of them */
	int32		queues[PLACED_MAX];
	TimestampTz due;
}			readied = {.due = DT_NOEND};

/* A member has looked for runs that are placed on it, and has claimed those that there are. */
static struct
{
	int64		epoch;			/* 0: none has */
	uint64		generation;
	TimestampTz next;
}			looked = {0};

/*
 * The runtime is to look then: a lease ends, a run has to have begun, word was left of a run,
 * an event was published; and whom to tell that.
 */
static TimestampTz leased_until = DT_NOEND;
static WfDatabase *leased_in = NULL;

/* What is done now will be rolled back. */
static bool silent = false;

/* --- what it does ------------------------------------------------------------------ */

/* This transaction ends these runs: who waits for them is to hear of it. */
void
wf_wakeup_runs_ended(int n, const pg_uuid_t *runs)
{
	if (silent || ended.n < 0)
		return;
	if (ended.runs == NULL)
		ended.runs = MemoryContextAlloc(TopMemoryContext, sizeof(pg_uuid_t) * WF_ENDED_MAX);
	if (n > WF_ENDED_MAX - ended.n)
		ended.n = -1;
	else
	{
		memcpy(ended.runs + ended.n, runs, sizeof(pg_uuid_t) * n);
		ended.n += n;
	}
}

/* This transaction makes a run wait for these: have they ended before it commits? */
void
wf_wakeup_runs_awaited(int n, const pg_uuid_t *runs)
{
	wf_database_runs_await(MyDatabaseId);
	wf_wakeup_runs_ended(n, runs);
	ended.awaited = ended.awaited || !silent;
}

/* This transaction makes work for outside workers, due then. */
void
wf_wakeup_runs_outside(TimestampTz due)
{
	if (silent)
		return;
	outside = true;
	outside_at = Min(outside_at, due);
}

/*
 * When work for outside workers is due that this transaction has made; infinity: it has
 * made none.
 */
TimestampTz
wf_wakeup_runs_outside_at(void)
{
	return outside_at;
}

/* This transaction makes or changes a queue that notifies. */
void
wf_wakeup_runs_notifies(void)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);

	if (database != NULL)
		wf_database_runs_notifies(database, true);
	outside_at = DT_NOBEGIN;
}

/* This transaction makes a run of a queue ready, due then: it may be placed elsewhere. */
void
wf_wakeup_runs_queue(int32 queue, TimestampTz due)
{
	int			i = 0;

	if (silent)
		return;
	readied.due = Min(readied.due, due);
	while (i < readied.n && readied.queues[i] != queue)
		i++;
	if (readied.n < 0 || i < readied.n)
		return;
	if (readied.n < PLACED_MAX)
		readied.queues[readied.n++] = queue;
	else
		readied.n = -1;
}

/* It may have made runs of any queue ready that are placed elsewhere. */
void
wf_wakeup_runs_placed(void)
{
	readied.n = silent ? readied.n : -1;
	readied.due = silent ? readied.due : DT_NOBEGIN;
}

/*
 * A member of that epoch claims in this transaction all that is placed on it, due and
 * free, after it has read its generation; there is more to look for at `next`.
 */
void
wf_wakeup_runs_looked(int64 epoch, uint64 generation, TimestampTz next)
{
	looked.epoch = epoch;
	looked.generation = generation;
	looked.next = next;
}

/*
 * A worker has a run until then, once this transaction has committed, or there is something
 * else for the runtime to look after at that time.
 */
void
wf_wakeup_runs_lease(TimestampTz until)
{
	leased_in = wf_database_entry(MyDatabaseId, true);
	leased_until = Min(leased_until, until);
}

/* From now on, what is done will be rolled back; or will not.  See wakeup.h. */
void
wf_wakeup_runs_silence(bool on)
{
	silent = on;
}

/* --- what becomes of it ------------------------------------------------------------ */

/* A savepoint was rolled back: perhaps a member looked within it. */
void
wf_wakeup_runs_rolled_back(void)
{
	looked.epoch = 0;
}

/* Has this transaction ended runs, or given some to workers? */
bool
wf_wakeup_runs_any(void)
{
	return ended.n != 0 || leased_in != NULL;
}

/* There is work for outside workers: queues that notify may have some of it. */
static void
tell_of_outside(void)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, false);

	if (database == NULL)
		return;
	/* a runtime that has looked meanwhile did not see the queue of this transaction */
	if (outside_at == DT_NOBEGIN)
		wf_database_runs_notifies(database, true);
	wf_arrivals_note(&database->overflow->lanes[WF_LANE_RUNS].arrivals, outside_at);
	wf_database_runs_notify(database, outside_at);
}

/* Members have looked, or have something to look for: returns whether they have. */
static bool
tell_members(void)
{
	if (looked.epoch != 0)
		wf_placed_advance(looked.epoch, looked.generation, looked.next);
	return readied.n != 0 && wf_placed_come(readied.n, readied.queues, readied.due);
}

/* The runtime is to look who waits for these runs, if anybody waits for any. */
static void
tell_of_ends(void)
{
	if (ended.n == 0)
		return;
	if (ended.awaited)
		wf_database_runs_await(MyDatabaseId);
	else if (!wf_database_runs_awaited(MyDatabaseId))
		return;
	if (ended.n < 0)
		wf_database_runs_settle(MyDatabaseId, true);
	else
		wf_ended_note(MyDatabaseId, ended.n, ended.runs);
}

/*
 * This transaction has committed.  Returns whether there is something for those who wait,
 * as after a step.
 */
bool
wf_wakeup_runs_tell(void)
{
	bool		come;

	if (outside_at != DT_NOEND)
		tell_of_outside();
	come = tell_members();
	tell_of_ends();
	if (leased_in != NULL)
		wf_database_runs_lease(leased_in, leased_until);
	return come || outside;
}

/* This transaction is over. */
void
wf_wakeup_runs_forget(void)
{
	ended.n = 0;
	ended.awaited = false;
	outside = false;
	outside_at = DT_NOEND;
	readied.n = 0;
	readied.due = DT_NOEND;
	looked.epoch = 0;
	leased_until = DT_NOEND;
	leased_in = NULL;
	silent = false;
}

/* What this transaction, which is being prepared, would tell. */
void
wf_wakeup_runs_describe(WfPrepared *prepared)
{
	prepared->stepped = prepared->stepped || outside;
	prepared->ended = ended.n != 0;
	prepared->leased = leased_in != NULL;
}

/*
 * This session ends a prepared transaction, for which it is going to tell: which runs they
 * were, and of what queues, is not known any more.
 */
void
wf_wakeup_runs_prepared(const WfPrepared *prepared)
{
	for (int i = 0; i < prepared->nlanes; i++)
		if (prepared->lanes[i].kind == WF_LANE_RUNS && prepared->lanes[i].due != DT_NOEND)
			readied.n = -1;
	readied.due = DT_NOBEGIN;
	if (prepared->stepped)
		outside_at = DT_NOBEGIN;	/* perhaps */
	ended.awaited = prepared->ended;
	ended.n = prepared->ended ? -1 : 0;
	if (prepared->leased)
		wf_wakeup_runs_lease(DT_NOBEGIN);	/* perhaps later */
}

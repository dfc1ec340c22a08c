/*-------------------------------------------------------------------------
 *
 * permit.c
 *	  Permits: how many runs may be under way at once.
 *
 * Runs in every backend.  A permit is taken before the row of a run is, and belongs
 * to the transaction, or the subtransaction, that takes it: it comes back when that
 * is rolled back.  When it commits, the permits of atomic runs come back, and those
 * of a claim are the run's, until a transaction that ends the run has committed.  So
 * at no instant are more runs under way than there are permits, whatever sessions
 * see of each other.
 *
 * Counters are in shared memory.  After a start of the server they are not known, and
 * nothing is taken of one before somebody has counted what runs in the tables; see
 * wf_permit_count_begin().  Who finds none free leaves word, and is told once some
 * are; that costs who gives them back nothing if nobody waits.
 *
 * A rate (rate.c) counts what was taken, whatever became of it: code may have run, and a
 * worker seen its run, that is rolled back later.
 *
 * What happens at the end of a transaction allocates nothing and throws nothing: what
 * it needs is set aside before.  There everything is visible already, so who is told
 * finds what is free.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/permit.h"
#include "shmem/permit_counter.h"
#include "shmem/placed.h"
#include "shmem/shmem.h"
#include "shmem/watermark.h"

/* A look while others are between the visible end of a transaction and this (us). */
#define COUNT_PAUSE		1000

/* This part of an interval is short. */
#define SHORT_PART		8

typedef struct Header
{
	LWLock	   *lock;
	int			ending;			/* transactions that are about to change counters */
	uint64		changes;		/* and those that have */
	uint64		takings;		/* calls of wf_permit_take() */
} Header;

/* What this transaction has taken, or will give back. */
typedef struct Held
{
	WfPermitWanted wanted;
	SubTransactionId taker;
	WfPermitLife life;
	bool		gives;			/* at commit */
	bool		ending;			/* its counter knows that that is near */
	TimestampTz at;				/* when it was taken */
} Held;

static Header *header = NULL;

static Held *held = NULL;		/* in TopMemoryContext */
static int	nheld = 0;
static int	held_size = 0;
static bool counted_as_ending = false;	/* in header->ending */

static enum
{
	NOT_ENDING, COMMITTING, ABORTING
}			ending = NOT_ENDING;

/* --- shared memory --------------------------------------------------------- */

/* Bytes of the segment. */
Size
wf_permit_shmem_size(void)
{
	return sizeof(Header);
}

/* And of the table, which lies beside it. */
Size
wf_permit_shmem_beside(void)
{
	return wf_permit_counter_shmem_size();
}

/* Take the segment and the table, and fill them if they were created just now. */
void
wf_permit_shmem_attach(void *segment, bool created)
{
	header = segment;
	if (created)
	{
		memset(header, 0, sizeof(Header));
		header->lock = &GetNamedLWLockTranche(WF_PERMIT_TRANCHE)->lock;
	}
	wf_permit_counter_shmem_attach();
}

/* --- this transaction ------------------------------------------------------ */

/* Make room for n more, so that nothing can fail once they are counted. */
static void
set_aside(int n)
{
	int			size = Max(held_size, 16);

	while (size < nheld + n)
		size *= 2;
	if (size == held_size)
		return;
	held = held == NULL ? MemoryContextAlloc(TopMemoryContext, size * sizeof(Held)) :
		repalloc(held, size * sizeof(Held));
	held_size = size;
}

/* Has this transaction taken it for all of itself? */
static bool
is_held(const WfPermitKey *key)
{
	for (int i = nheld - 1; i >= 0; i--)
		if (held[i].life == WF_PERMIT_FOR_TRANSACTION && !held[i].gives &&
			memcmp(&held[i].wanted.key, key, sizeof(WfPermitKey)) == 0)
			return true;
	return false;
}

/*
 * Take permits, all of them or none, which is for those who wait for it: `waiter`, an
 * owner or 0, is told when one that was missing is given back.  *which: the first
 * that is not to be had.  *retry_at is lowered to when one becomes free by itself.
 * What counts for rates is spent for a run; of those for a transaction, by
 * wf_permit_spend(), run by run.  Takes the lock of the permits.
 */
WfPermitAnswer
wf_permit_take(int n, const WfPermitWanted *wanted, int32 waiter, WfPermitLife life,
			   int *which, TimestampTz *retry_at)
{
	TimestampTz now = GetCurrentTimestamp();
	WfPermitAnswer answer = WF_PERMIT_TAKEN;

	set_aside(n);
	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	header->takings++;
	for (*which = 0; *which < n && answer == WF_PERMIT_TAKEN; (*which)++)
		if (life != WF_PERMIT_FOR_TRANSACTION || !is_held(&wanted[*which].key))
			answer = wf_permit_counter_ask(&wanted[*which], waiter, header->takings, now, retry_at);
	for (int i = 0; i < n && answer == WF_PERMIT_TAKEN && life != WF_PERMIT_TO_ASK; i++)
	{
		if (life == WF_PERMIT_FOR_TRANSACTION && is_held(&wanted[i].key))
			continue;
		wf_permit_counter_take(&wanted[i]);
		if (life == WF_PERMIT_FOR_RUN)
			wf_permit_counter_spend(&wanted[i], wanted[i].units);
		held[nheld++] = (Held) {wanted[i], GetCurrentSubTransactionId(), life, false, false, now};
	}
	LWLockRelease(header->lock);
	(*which)--;
	return answer;
}

/*
 * Give permits of a run back, when this transaction has committed.  Of no unit: who
 * waits for one is told.
 */
void
wf_permit_give(int n, const WfPermitWanted *wanted)
{
	if (n == 1 && wanted->units == 0 && nheld > 0 && held[nheld - 1].gives &&
		memcmp(&held[nheld - 1].wanted.key, &wanted->key, sizeof(WfPermitKey)) == 0)
		return;
	set_aside(n);
	for (int i = 0; i < n; i++)
		held[nheld++] = (Held) {wanted[i], GetCurrentSubTransactionId(), WF_PERMIT_FOR_RUN, true, false, 0};
}

/*
 * For one run more of those that were taken for this transaction: spend what counts
 * for rates, of all or of none.  False: not now; *retry_at is lowered to when.  Takes
 * the lock of the permits.
 */
bool
wf_permit_spend(int n, const WfPermitWanted *wanted, TimestampTz *retry_at)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		may = true;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n && may; i++)
		may = wf_permit_counter_has_rate(&wanted[i], now, retry_at);
	for (int i = 0; i < n && may; i++)
		wf_permit_counter_spend(&wanted[i], wanted[i].units);
	LWLockRelease(header->lock);
	return may;
}

/*
 * A run begins, at `now`, for which that was spent at an instant: it counts from now
 * on.  Between two of one transaction much time may pass.
 */
void
wf_permit_begin(int n, const WfPermitWanted *wanted, TimestampTz spent_at, TimestampTz now)
{
	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
		wf_permit_counter_move(&wanted[i], spent_at, now);
	LWLockRelease(header->lock);
}

/*
 * It is over.  Nobody knows how long it took to its first statement, where a machine
 * has much to do: one that was short counts from its end on, so that no interval sees
 * more of them begin than may.
 */
void
wf_permit_begun(int n, const WfPermitWanted *wanted, TimestampTz begun)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
		if (now - begun <= wanted[i].interval / SHORT_PART)
			wf_permit_counter_move(&wanted[i], begun, now);
	LWLockRelease(header->lock);
}

/* The run was not there: what was spent for it was not. */
void
wf_permit_unspend(int n, const WfPermitWanted *wanted)
{
	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
		wf_permit_counter_spend(&wanted[i], -wanted[i].units);
	LWLockRelease(header->lock);
}

/*
 * Tell `waiter`, an owner or 0, when the next permit of this counter is given back,
 * whether it is full or not.  False: there is no room for that.
 */
bool
wf_permit_wait(const WfPermitKey *key, int32 waiter)
{
	bool		heard;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	heard = wf_permit_counter_leave_word(key, waiter, header->takings);
	LWLockRelease(header->lock);
	return heard;
}

/* What is missing of a counter, as far as is known? */
WfPermitLack
wf_permit_lacks(const WfPermitWanted *wanted)
{
	TimestampTz now = GetCurrentTimestamp();
	WfPermitLack lack;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	lack = wf_permit_counter_lack(wanted, now);
	LWLockRelease(header->lock);
	return lack;
}

/*
 * Units of a counter that are taken, or, of_all, of all that differ from it in their parts
 * at most; those that are taken by transactions under way, too.  -1: it is not known.
 */
int64
wf_permit_taken(const WfPermitKey *key, bool of_all)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		taken;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	taken = of_all ? wf_permit_counter_taken_of_all(key, now) : wf_permit_counter_taken(key, now);
	LWLockRelease(header->lock);
	return taken;
}

/* --- counters that are not known -------------------------------------------- */

/*
 * Before the snapshot is taken by which the runs are counted that hold a permit:
 * returns what wf_permit_count_end() wants to know.  Waits for transactions that are
 * in the middle of their end: of what they have done nobody could say whether the
 * snapshot shows it and the counters know it.
 */
uint64
wf_permit_count_begin(void)
{
	for (;;)
	{
		bool		quiet;
		uint64		changes;

		LWLockAcquire(header->lock, LW_SHARED);
		quiet = header->ending == 0;
		changes = header->changes;
		LWLockRelease(header->lock);
		if (quiet)
			return changes;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(COUNT_PAUSE);
	}
}

/*
 * This is what was seen in the tables.  False: meanwhile another transaction has
 * ended that changes counters, and it is to be counted again.
 */
bool
wf_permit_count_end(const WfPermitWanted *wanted, const WfPermitPast *past, uint64 changes)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		good;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	good = header->ending == 0 && header->changes == changes;
	if (good)
		wf_permit_counter_learn(wanted, past, now);
	LWLockRelease(header->lock);
	return good;
}

/* --- those who wait ---------------------------------------------------------- */

/* Something is due for them, at once. */
static void
tell(const WfPermitWaiters *waiters)
{
	WfDatabase *database;

	if (waiters->all)
		wf_watermark_look(waiters->dbid, WF_LANE_RUNS);
	for (int i = 0; i < waiters->n && !waiters->all; i++)
		if (waiters->owners[i] != 0)
			wf_watermark_look_for(waiters->dbid, waiters->owners[i], WF_LANE_RUNS);
	if (waiters->n == 0 && !waiters->all)
		return;
	(void) wf_placed_look(waiters->dbid);
	wf_database_stepped(waiters->dbid);
	if ((database = wf_database_entry(waiters->dbid, false)) != NULL)
		wf_database_runs_notify(database, DT_NOBEGIN);
}

/* --- counters that are wrong -------------------------------------------------- */

/*
 * Before the snapshot is taken by which what runs is counted: the counters of this
 * database that can be compared with it.  Returns how many.
 */
int
wf_permit_compare_begin(Oid runs, WfPermitSeen **seen)
{
	int			n;

	*seen = palloc(sizeof(WfPermitSeen) * wf_max_partitions);
	LWLockAcquire(header->lock, LW_SHARED);
	n = wf_permit_counter_list(MyDatabaseId, runs, wf_max_partitions, *seen);
	LWLockRelease(header->lock);
	return n;
}

/*
 * So many units runs have in the tables.  True: the counter said that it was *counted, and
 * is mended.
 */
bool
wf_permit_compare_end(const WfPermitSeen *seen, int64 taken, int64 *counted)
{
	TimestampTz now = GetCurrentTimestamp();
	WfPermitWaiters waiters = {0};
	bool		mended;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	mended = wf_permit_counter_compare(seen, taken, now, counted, &waiters);
	LWLockRelease(header->lock);
	tell(&waiters);
	return mended;
}

/* --- the end of a transaction ------------------------------------------------ */

/* Does this one change the counter when the transaction ends so? */
static bool
comes_back(const Held *one, bool committed)
{
	if (committed)
		return one->gives || one->life == WF_PERMIT_FOR_TRANSACTION;
	return !one->gives;
}

/* Give back what those from `first` on come to, and forget them. */
static void
settle(int first, bool committed)
{
	TimestampTz now = GetCurrentTimestamp();
	WfPermitWaiters waiters = {0};

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = first; i < nheld; i++)
	{
		if (comes_back(&held[i], committed))
			wf_permit_counter_give(&held[i].wanted, committed, now, &waiters);
		else if (committed && !held[i].gives)
			/* who has claimed it hears of it now, and begins */
			wf_permit_counter_move(&held[i].wanted, held[i].at, now);
		if (!held[i].gives)
			wf_permit_counter_land(&held[i].wanted);
		wf_permit_counter_changed(&held[i].wanted.key, held[i].ending);
	}
	if (counted_as_ending)
	{
		header->ending--;
		header->changes++;
		counted_as_ending = false;
	}
	LWLockRelease(header->lock);
	nheld = first;
	tell(&waiters);
}

static void
refuse_prepare(void)
{
	if (nheld > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has claimed or ended runs"),
				 errhint("COMMIT it.")));
}

/* From here on what it does may be visible before the counters know it. */
static void
begin_ending(void)
{
	if (nheld == 0)
		return;
	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	header->ending++;
	for (int i = 0; i < nheld; i++)
		held[i].ending = wf_permit_counter_ending(&held[i].wanted.key);
	LWLockRelease(header->lock);
	counted_as_ending = true;
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			begin_ending();
			break;
		case XACT_EVENT_PRE_PREPARE:
			refuse_prepare();
			break;
		case XACT_EVENT_COMMIT:
			ending = COMMITTING;
			break;
		case XACT_EVENT_ABORT:
			ending = ABORTING;
			break;
		default:
			break;
	}
}

/* As in wakeup.c: after the other locks, once for the transaction. */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top, void *arg)
{
	bool		committed = ending == COMMITTING;

	if (ending == NOT_ENDING || !is_top || phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	ending = NOT_ENDING;
	if (nheld > 0 || counted_as_ending)
		settle(0, committed);
}

/* What was taken in a subtransaction is its parent's, or free. */
static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						 void *arg)
{
	int			first = nheld;

	if (event == SUBXACT_EVENT_COMMIT_SUB)
		for (int i = 0; i < nheld; i++)
			if (held[i].taker == mine)
				held[i].taker = parent;
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	/* later ones have later ids, and are behind */
	while (first > 0 && held[first - 1].taker >= mine)
		first--;
	if (first < nheld)
		settle(first, false);
}

/* Registers the callbacks; once, from _PG_init. */
void
wf_permit_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
}

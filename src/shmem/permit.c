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
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/permit.h"
#include "shmem/rate.h"
#include "shmem/shmem.h"
#include "shmem/watermark.h"

/* A look while others are between the visible end of a transaction and this (us). */
#define COUNT_PAUSE		1000

/* This part of an interval is short. */
#define SHORT_PART		8

/* One counter; under the lock. */
typedef struct Entry
{
	WfPermitKey key;			/* first */
	uint64		asked;			/* the value of takings when it was asked for last */
	bool		known;			/* `taken` says what runs in the tables, too */
	int			taken;
	int			ncooling;		/* of those, units whose runs have ended, */
	WfRateMoment cooling[WF_PERMIT_COOLING];	/* free from then on */
	WfRate		rate;
	int			nwaiters;		/* more than there is room for: everybody */
	int32		waiters[WF_PERMIT_WAITERS]; /* owners; 0: outside workers */
} Entry;

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
	TimestampTz at;				/* when it was taken */
} Held;

static Header *header = NULL;
static HTAB *entries = NULL;

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
	return hash_estimate_size(wf_max_partitions, sizeof(Entry));
}

/* Take the segment and the table, and fill them if they were created just now. */
void
wf_permit_shmem_attach(void *segment, bool created)
{
	HASHCTL		info = {.keysize = sizeof(WfPermitKey),.entrysize = sizeof(Entry)};

	header = segment;
	if (created)
	{
		memset(header, 0, sizeof(Header));
		header->lock = &GetNamedLWLockTranche(WF_PERMIT_TRANCHE)->lock;
	}
	entries = ShmemInitHash("workflow permits", wf_max_partitions, wf_max_partitions, &info,
							HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
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

/* --- counting -------------------------------------------------------------- */

static Entry *
find(const WfPermitKey *key)
{
	return hash_search(entries, key, HASH_FIND, NULL);
}

/* Who asks for it later is told then. */
static void
leave_word(Entry *entry, int32 waiter)
{
	for (int i = 0; i < Min(entry->nwaiters, WF_PERMIT_WAITERS); i++)
		if (entry->waiters[i] == waiter)
			return;
	if (entry->nwaiters < WF_PERMIT_WAITERS)
		entry->waiters[entry->nwaiters] = waiter;
	entry->nwaiters = Min(entry->nwaiters + 1, WF_PERMIT_WAITERS + 1);
}

/* Units whose gap is over are free. */
static void
cool(Entry *entry, TimestampTz now)
{
	int			n = 0;

	for (int i = 0; i < entry->ncooling; i++)
	{
		if (entry->cooling[i].at > now)
			entry->cooling[n++] = entry->cooling[i];
		else
			entry->taken -= entry->cooling[i].units;
	}
	entry->ncooling = n;
}

/* Units stay taken until then; where there is no room, with those that do longest. */
static void
keep_warm(Entry *entry, TimestampTz until, int units)
{
	WfRateMoment *last = &entry->cooling[WF_PERMIT_COOLING - 1];

	if (entry->ncooling < WF_PERMIT_COOLING)
		entry->cooling[entry->ncooling++] = (WfRateMoment) {until, units};
	else
		*last = (WfRateMoment) {Max(last->at, until), last->units + units};
}

/* --- rates ------------------------------------------------------------------ */

/* May so many be spent?  If not, *retry_at is lowered to when they may. */
static bool
has_rate(Entry *entry, const WfPermitWanted *wanted, TimestampTz now, TimestampTz *retry_at)
{
	return wanted->rate == 0 ||
		wf_rate_has(&entry->rate, wanted->interval, wanted->rate, wanted->units, now, retry_at);
}

static void
spend(Entry *entry, const WfPermitWanted *wanted, int units)
{
	if (wanted->rate > 0)
		wf_rate_spend(&entry->rate, units);
}

/* What was spent at an instant counts from another one on.  Under the lock. */
static void
move_spent(const WfPermitWanted *wanted, TimestampTz from, TimestampTz to)
{
	Entry	   *entry = wanted->rate > 0 ? find(&wanted->key) : NULL;

	if (entry != NULL)
		wf_rate_move(&entry->rate, wanted->interval, wanted->units, from, to);
}

/* --- entries ---------------------------------------------------------------- */

/*
 * Remove counters of which nothing is taken and that nobody waits for, but for those
 * that the present call asks for: they are counted anew when they are wanted again.
 */
static void
make_room(void)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;
	TimestampTz now = GetCurrentTimestamp();

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->known)
			cool(entry, now);
		if (entry->asked != header->takings && entry->nwaiters == 0 &&
			(!entry->known || entry->taken == 0) && !wf_rate_counts(&entry->rate, now))
			(void) hash_search(entries, &entry->key, HASH_REMOVE, NULL);
	}
}

/* The counter with this key, which is made if there is none; NULL: there is no room. */
static Entry *
find_or_make(const WfPermitKey *key)
{
	bool		found;
	Entry	   *entry = hash_search(entries, key, HASH_ENTER_NULL, &found);

	if (entry == NULL)
	{
		make_room();
		entry = hash_search(entries, key, HASH_ENTER_NULL, &found);
	}
	if (entry == NULL || found)
		return entry;
	entry->known = false;
	entry->taken = entry->ncooling = entry->nwaiters = 0;
	memset(&entry->rate, 0, sizeof(entry->rate));
	return entry;
}

/* Is there room for what is wanted of one of them?  Under the lock. */
static WfPermitAnswer
ask(const WfPermitWanted *wanted, int32 waiter, TimestampTz now, TimestampTz *retry_at)
{
	Entry	   *entry = find_or_make(&wanted->key);

	if (entry == NULL)
		return WF_PERMIT_NO_ROOM;
	entry->asked = header->takings;
	if (!entry->known || (wanted->rate > 0 && !wf_rate_is_known(&entry->rate)))
		return WF_PERMIT_UNKNOWN;
	cool(entry, now);
	if (entry->taken + wanted->units <= wanted->limit)
		return has_rate(entry, wanted, now, retry_at) ? WF_PERMIT_TAKEN : WF_PERMIT_FULL;
	for (int i = 0; i < entry->ncooling; i++)
		*retry_at = Min(*retry_at, entry->cooling[i].at);
	leave_word(entry, waiter);
	return WF_PERMIT_FULL;
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
			answer = ask(&wanted[*which], waiter, now, retry_at);
	for (int i = 0; i < n && answer == WF_PERMIT_TAKEN && life != WF_PERMIT_TO_ASK; i++)
	{
		Entry	   *entry;

		if (life == WF_PERMIT_FOR_TRANSACTION && is_held(&wanted[i].key))
			continue;
		entry = find(&wanted[i].key);
		entry->taken += wanted[i].units;
		if (life == WF_PERMIT_FOR_RUN)
			spend(entry, &wanted[i], wanted[i].units);
		held[nheld++] = (Held) {wanted[i], GetCurrentSubTransactionId(), life, false, now};
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
		held[nheld++] = (Held) {wanted[i], GetCurrentSubTransactionId(), WF_PERMIT_FOR_RUN, true, 0};
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
		may = wanted[i].rate == 0 || has_rate(find(&wanted[i].key), &wanted[i], now, retry_at);
	for (int i = 0; i < n && may; i++)
		if (wanted[i].rate > 0)
			spend(find(&wanted[i].key), &wanted[i], wanted[i].units);
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
		move_spent(&wanted[i], spent_at, now);
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
			move_spent(&wanted[i], begun, now);
	LWLockRelease(header->lock);
}

/* The run was not there: what was spent for it was not. */
void
wf_permit_unspend(int n, const WfPermitWanted *wanted)
{
	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
		if (wanted[i].rate > 0 && find(&wanted[i].key) != NULL)
			spend(find(&wanted[i].key), &wanted[i], -wanted[i].units);
	LWLockRelease(header->lock);
}

/*
 * Tell `waiter`, an owner or 0, when the next permit of this counter is given back,
 * whether it is full or not.  False: there is no room for that.
 */
bool
wf_permit_wait(const WfPermitKey *key, int32 waiter)
{
	Entry	   *entry;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	entry = find_or_make(key);
	if (entry != NULL)
		leave_word(entry, waiter);
	LWLockRelease(header->lock);
	return entry != NULL;
}

/* What is missing of a counter, as far as is known? */
WfPermitLack
wf_permit_lacks(const WfPermitWanted *wanted)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz retry_at;
	WfPermitLack lack = WF_LACKS_NOTHING;
	Entry	   *entry;
	int			warm = 0;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	entry = find(&wanted->key);
	if (entry != NULL && entry->known)
	{
		cool(entry, now);
		for (int i = 0; i < entry->ncooling; i++)
			warm += entry->cooling[i].units;
		if (entry->taken + wanted->units > wanted->limit)
			lack = entry->taken - warm + wanted->units > wanted->limit ? WF_LACKS_UNITS : WF_LACKS_GAP;
		else if (wf_rate_is_known(&entry->rate) && !has_rate(entry, wanted, now, &retry_at))
			lack = WF_LACKS_RATE;
	}
	LWLockRelease(header->lock);
	return lack;
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
	Entry	   *entry;
	bool		good;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	entry = find(&wanted->key);
	good = header->ending == 0 && header->changes == changes;
	if (good && entry != NULL && wanted->rate > 0 && !wf_rate_is_known(&entry->rate))
		wf_rate_begin(&entry->rate, wanted->interval, now, past->nbegun, past->begun);
	if (good && entry != NULL && !entry->known)
	{
		entry->known = true;
		entry->taken = (int) Min(past->taken, PG_INT32_MAX / 2);
		for (int i = 0; i < past->nended; i++)
		{
			keep_warm(entry, past->ended[i].at + wanted->gap, past->ended[i].units);
			entry->taken += past->ended[i].units;
		}
	}
	LWLockRelease(header->lock);
	return good;
}

/* --- the end of a transaction ------------------------------------------------ */

/* Those who wait for one of these; filled under the lock, told without it. */
typedef struct Waiters
{
	Oid			dbid;
	int			n;
	bool		all;
	int32		owners[2 * WF_PERMIT_WAITERS];
} Waiters;

static void
collect(Waiters *waiters, Entry *entry)
{
	waiters->dbid = entry->key.dbid;
	if (entry->nwaiters > WF_PERMIT_WAITERS)
		waiters->all = true;
	for (int i = 0; i < Min(entry->nwaiters, WF_PERMIT_WAITERS); i++)
	{
		if (waiters->n == lengthof(waiters->owners))
			waiters->all = true;
		else
			waiters->owners[waiters->n++] = entry->waiters[i];
	}
	entry->nwaiters = 0;
}

/* Something is due for them, at once. */
static void
tell(const Waiters *waiters)
{
	WfDatabase *database;

	if (waiters->all)
		wf_watermark_look(waiters->dbid, WF_LANE_RUNS);
	for (int i = 0; i < waiters->n && !waiters->all; i++)
		if (waiters->owners[i] != 0)
			wf_watermark_look_for(waiters->dbid, waiters->owners[i], WF_LANE_RUNS);
	if (waiters->n == 0 && !waiters->all)
		return;
	wf_database_stepped(waiters->dbid);
	if ((database = wf_database_entry(waiters->dbid, false)) != NULL)
		wf_database_runs_notify(database, DT_NOBEGIN);
}

/* The units stay taken for a while, or are free.  Under the lock. */
static void
give_back(const WfPermitWanted *wanted, bool ended, TimestampTz now, Waiters *waiters)
{
	Entry	   *entry = find(&wanted->key);

	if (entry == NULL)
		return;
	collect(waiters, entry);
	/* Not known: it is counted anew, without them. */
	if (!entry->known || wanted->units == 0)
		return;
	cool(entry, now);
	if (ended && wanted->gap > 0)
		keep_warm(entry, now + wanted->gap, wanted->units);
	else
		entry->taken -= wanted->units;
}

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
	Waiters		waiters = {0};

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	for (int i = first; i < nheld; i++)
	{
		if (comes_back(&held[i], committed))
			give_back(&held[i].wanted, committed, now, &waiters);
		else if (committed && !held[i].gives)
			/* who has claimed it hears of it now, and begins */
			move_spent(&held[i].wanted, held[i].at, now);
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

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
#include "shmem/permit.h"
#include "shmem/shmem.h"
#include "shmem/watermark.h"

/* A look while others are between the visible end of a transaction and this (us). */
#define COUNT_PAUSE		1000

/* One counter; under the lock. */
typedef struct Entry
{
	WfPermitKey key;			/* first */
	uint64		asked;			/* the value of takings when it was asked for last */
	bool		known;			/* `taken` says what runs in the tables, too */
	int			taken;
	int			ncooling;		/* of those, units whose runs have ended, */
	TimestampTz cooling[WF_PERMIT_COOLING]; /* free from then on; real */
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
		if (entry->cooling[i] > now)
			entry->cooling[n++] = entry->cooling[i];
		else
			entry->taken--;
	}
	entry->ncooling = n;
}

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
			(!entry->known || entry->taken == 0))
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
	if (!entry->known)
		return WF_PERMIT_UNKNOWN;
	cool(entry, now);
	if (entry->taken + wanted->units <= wanted->limit)
		return WF_PERMIT_TAKEN;
	for (int i = 0; i < entry->ncooling; i++)
		*retry_at = Min(*retry_at, entry->cooling[i]);
	leave_word(entry, waiter);
	return WF_PERMIT_FULL;
}

/*
 * Take permits, all of them or none, which is for those who wait for it: `waiter`, an
 * owner or 0, is told when one that was missing is given back.  *which: the first
 * that is not to be had.  *retry_at is lowered to when one becomes free by itself.
 * Takes the lock of the permits.
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
		if (life == WF_PERMIT_FOR_RUN || !is_held(&wanted[*which].key))
			answer = ask(&wanted[*which], waiter, now, retry_at);
	for (int i = 0; i < n && answer == WF_PERMIT_TAKEN; i++)
	{
		if (life == WF_PERMIT_FOR_TRANSACTION && is_held(&wanted[i].key))
			continue;
		find(&wanted[i].key)->taken += wanted[i].units;
		held[nheld++] = (Held) {wanted[i], GetCurrentSubTransactionId(), life, false};
	}
	LWLockRelease(header->lock);
	(*which)--;
	return answer;
}

/* Give permits of a run back, when this transaction has committed. */
void
wf_permit_give(int n, const WfPermitWanted *wanted)
{
	set_aside(n);
	for (int i = 0; i < n; i++)
		held[nheld++] = (Held) {wanted[i], GetCurrentSubTransactionId(), WF_PERMIT_FOR_RUN, true};
}

/* How many units are taken; -1: not known. */
int
wf_permit_taken(const WfPermitKey *key)
{
	Entry	   *entry;
	int			taken = -1;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	entry = find(key);
	if (entry != NULL && entry->known)
	{
		cool(entry, GetCurrentTimestamp());
		taken = entry->taken;
	}
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
 * So many units were seen to be taken.  False: meanwhile another transaction has
 * ended that changes counters, and it is to be counted again.
 */
bool
wf_permit_count_end(const WfPermitKey *key, int taken, uint64 changes)
{
	Entry	   *entry;
	bool		good;

	LWLockAcquire(header->lock, LW_EXCLUSIVE);
	entry = find(key);
	good = header->ending == 0 && header->changes == changes;
	if (good && entry != NULL && !entry->known)
	{
		entry->known = true;
		entry->taken = taken;
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
	if (waiters->all)
		wf_watermark_look(waiters->dbid, WF_LANE_RUNS);
	for (int i = 0; i < waiters->n && !waiters->all; i++)
		if (waiters->owners[i] != 0)
			wf_watermark_look_for(waiters->dbid, waiters->owners[i], WF_LANE_RUNS);
	if (waiters->n > 0 || waiters->all)
		wf_database_stepped(waiters->dbid);
}

/* The units stay taken for a while, or are free.  Under the lock. */
static void
give_back(const WfPermitWanted *wanted, bool ended, TimestampTz now, Waiters *waiters)
{
	Entry	   *entry = find(&wanted->key);

	/* Not known: it is counted anew, without them. */
	if (entry == NULL || !entry->known)
		return;
	cool(entry, now);
	for (int i = 0; i < wanted->units; i++)
	{
		if (ended && wanted->gap > 0 && entry->ncooling < WF_PERMIT_COOLING)
			entry->cooling[entry->ncooling++] = now + wanted->gap;
		else
			entry->taken--;
	}
	collect(waiters, entry);
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
		if (comes_back(&held[i], committed))
			give_back(&held[i].wanted, committed, now, &waiters);
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

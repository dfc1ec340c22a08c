/*-------------------------------------------------------------------------
 *
 * permit_counter.c
 *	  Counters of permits: what is taken of a queue, a partition or a limit.
 *
 * Under the lock of permit.c, all of it.  A counter that nobody has counted yet is not
 * known, and nothing is taken of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/permit_counter.h"
#include "shmem/rate.h"

/* One counter. */
typedef struct Entry
{
	WfPermitKey key;			/* first */
	uint64		asked;			/* the call that has asked for it last */
	bool		known;			/* `taken` says what runs in the tables, too */
	int			taken;
	int			flying;			/* of those, units of transactions that go on; the
								 * tables do not show them */
	int			ending;			/* transactions that are about to change it, */
	uint64		changes;		/* and those that have */
	int			ncooling;		/* of those, units whose runs have ended, */
	WfRateMoment cooling[WF_PERMIT_COOLING];	/* free from then on */
	WfRate		rate;
	int			nwaiters;		/* more than there is room for: everybody */
	int32		waiters[WF_PERMIT_WAITERS]; /* owners; 0: outside workers */
} Entry;

static HTAB *entries = NULL;

/* --- shared memory --------------------------------------------------------- */

/* Bytes of the table. */
Size
wf_permit_counter_shmem_size(void)
{
	return hash_estimate_size(wf_max_partitions, sizeof(Entry));
}

/* Take the table, and make it if there is none. */
void
wf_permit_counter_shmem_attach(void)
{
	HASHCTL		info = {.keysize = sizeof(WfPermitKey),.entrysize = sizeof(Entry)};

	entries = ShmemInitHash("workflow permits", wf_max_partitions, wf_max_partitions, &info,
							HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
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

/* Units of runs that have ended. */
static int
units_cooling(const Entry *entry)
{
	int			units = 0;

	for (int i = 0; i < entry->ncooling; i++)
		units += entry->cooling[i].units;
	return units;
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

static bool
has_rate(Entry *entry, const WfPermitWanted *wanted, TimestampTz now, TimestampTz *retry_at)
{
	return wanted->rate == 0 ||
		wf_rate_has(&entry->rate, wanted->interval, wanted->rate, wanted->units, now, retry_at);
}

/*
 * May what a run takes for its rate be spent?  If not, *retry_at is lowered to when it
 * may.  The counter was asked for.
 */
bool
wf_permit_counter_has_rate(const WfPermitWanted *wanted, TimestampTz now, TimestampTz *retry_at)
{
	return wanted->rate == 0 || has_rate(find(&wanted->key), wanted, now, retry_at);
}

/* Spend so many units, or, less than 0, take them back. */
void
wf_permit_counter_spend(const WfPermitWanted *wanted, int units)
{
	Entry	   *entry = wanted->rate > 0 ? find(&wanted->key) : NULL;

	if (entry != NULL)
		wf_rate_spend(&entry->rate, units);
}

/* What was spent at an instant counts from another one on. */
void
wf_permit_counter_move(const WfPermitWanted *wanted, TimestampTz from, TimestampTz to)
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
make_room(uint64 call)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;
	TimestampTz now = GetCurrentTimestamp();

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->known)
			cool(entry, now);
		if (entry->asked != call && entry->nwaiters == 0 &&
			(!entry->known || entry->taken == 0) && !wf_rate_counts(&entry->rate, now))
			(void) hash_search(entries, &entry->key, HASH_REMOVE, NULL);
	}
}

/* The counter with this key, which is made if there is none; NULL: there is no room. */
static Entry *
find_or_make(const WfPermitKey *key, uint64 call)
{
	bool		found;
	Entry	   *entry = hash_search(entries, key, HASH_ENTER_NULL, &found);

	if (entry == NULL)
	{
		make_room(call);
		entry = hash_search(entries, key, HASH_ENTER_NULL, &found);
	}
	if (entry == NULL || found)
		return entry;
	entry->known = false;
	entry->taken = entry->flying = entry->ending = entry->ncooling = entry->nwaiters = 0;
	entry->changes = call << 32;	/* as no other entry of this key had, or has */
	memset(&entry->rate, 0, sizeof(entry->rate));
	return entry;
}

/*
 * Is there room for what is wanted?  If not, `waiter` is told when a permit comes back,
 * and *retry_at is lowered to when one is free by itself.  call: a number of the call
 * that asks for several.
 */
WfPermitAnswer
wf_permit_counter_ask(const WfPermitWanted *wanted, int32 waiter, uint64 call, TimestampTz now,
					  TimestampTz *retry_at)
{
	Entry	   *entry = find_or_make(&wanted->key, call);

	if (entry == NULL)
		return WF_PERMIT_NO_ROOM;
	entry->asked = call;
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

/* Take what was asked for. */
void
wf_permit_counter_take(const WfPermitWanted *wanted)
{
	Entry	   *entry = find(&wanted->key);

	entry->taken += wanted->units;
	entry->flying += wanted->units;
}

/* The transaction that has taken them has ended: what of them is not free, runs have. */
void
wf_permit_counter_land(const WfPermitWanted *wanted)
{
	Entry	   *entry = find(&wanted->key);

	if (entry != NULL)
		entry->flying = Max(entry->flying - wanted->units, 0);
}

/* A transaction is about to change it; false: there is no such counter. */
bool
wf_permit_counter_ending(const WfPermitKey *key)
{
	Entry	   *entry = find(key);

	if (entry != NULL)
		entry->ending++;
	return entry != NULL;
}

/* One has changed it, which has said so before, or has not. */
void
wf_permit_counter_changed(const WfPermitKey *key, bool ending)
{
	Entry	   *entry = find(key);

	if (entry == NULL)
		return;
	entry->changes++;
	if (ending)
		entry->ending = Max(entry->ending - 1, 0);
}

/*
 * `waiter` is told when the next permit comes back, whether the counter is full or not.
 * False: there is no room for that.
 */
bool
wf_permit_counter_leave_word(const WfPermitKey *key, int32 waiter, uint64 call)
{
	Entry	   *entry = find_or_make(key, call);

	if (entry != NULL)
		leave_word(entry, waiter);
	return entry != NULL;
}

/* What is missing, as far as is known? */
WfPermitLack
wf_permit_counter_lack(const WfPermitWanted *wanted, TimestampTz now)
{
	TimestampTz retry_at = DT_NOEND;
	Entry	   *entry = find(&wanted->key);
	int			warm;

	if (entry == NULL || !entry->known)
		return WF_LACKS_NOTHING;
	cool(entry, now);
	warm = units_cooling(entry);
	if (entry->taken + wanted->units > wanted->limit)
		return entry->taken - warm + wanted->units > wanted->limit ? WF_LACKS_UNITS : WF_LACKS_GAP;
	if (wf_rate_is_known(&entry->rate) && !has_rate(entry, wanted, now, &retry_at))
		return WF_LACKS_RATE;
	return WF_LACKS_NOTHING;
}

/* Units that are taken; -1: it is not known. */
static int64
taken(Entry *entry, TimestampTz now)
{
	if (entry == NULL || !entry->known)
		return -1;
	cool(entry, now);
	return entry->taken;
}

/* Units that are taken; -1: it is not known. */
int64
wf_permit_counter_taken(const WfPermitKey *key, TimestampTz now)
{
	return taken(find(key), now);
}

/* The same of all counters that differ from this one in their parts at most. */
int64
wf_permit_counter_taken_of_all(const WfPermitKey *like, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;
	int64		sum = -1;

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		WfPermitKey key = entry->key;

		key.part = like->part;
		if (memcmp(&key, like, sizeof(WfPermitKey)) == 0 && entry->known)
			sum = Max(sum, 0) + taken(entry, now);
	}
	return sum;
}

/* This was seen in the tables: the counter is known from now on. */
void
wf_permit_counter_learn(const WfPermitWanted *wanted, const WfPermitPast *past, TimestampTz now)
{
	Entry	   *entry = find(&wanted->key);

	if (entry == NULL)
		return;
	if (wanted->rate > 0 && !wf_rate_is_known(&entry->rate))
		wf_rate_begin(&entry->rate, wanted->interval, now, past->nbegun, past->begun);
	if (entry->known)
		return;
	entry->known = true;
	entry->taken = (int) Min(past->taken, PG_INT32_MAX / 2);
	for (int i = 0; i < past->nended; i++)
	{
		keep_warm(entry, past->ended[i].at + wanted->gap, past->ended[i].units);
		entry->taken += past->ended[i].units;
	}
}

/* --- giving back ------------------------------------------------------------ */

static void
collect(WfPermitWaiters *waiters, Entry *entry)
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

/*
 * The counters of a table of runs that are known and that nobody is about to change, up
 * to so many.
 */
int
wf_permit_counter_list(Oid dbid, Oid runs, int max, WfPermitSeen *seen)
{
	HASH_SEQ_STATUS scan;
	Entry	   *entry;
	int			n = 0;

	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (n < max && entry->known && entry->ending == 0 &&
			entry->key.dbid == dbid && entry->key.runs == runs)
			seen[n++] = (WfPermitSeen) {entry->key, entry->changes};
	return n;
}

/*
 * So many units runs have in the tables.  If the counter says something else, and nobody
 * has changed it meanwhile, it is mended: *counted becomes what it has said, and those who
 * wait are added to *waiters.  Returns whether it was.
 */
bool
wf_permit_counter_compare(const WfPermitSeen *seen, int64 taken, TimestampTz now, int64 *counted,
						  WfPermitWaiters *waiters)
{
	Entry	   *entry = find(&seen->key);
	int			others;

	if (entry == NULL || !entry->known || entry->ending > 0 || entry->changes != seen->changes)
		return false;
	cool(entry, now);
	others = entry->flying + units_cooling(entry);
	*counted = entry->taken - others;
	if (*counted == taken)
		return false;
	entry->taken = (int) Min(taken, PG_INT32_MAX / 2) + others;
	collect(waiters, entry);
	return true;
}

/*
 * The units stay taken for a while, when a run has ended, or are free.  Those who wait
 * are added to *waiters.
 */
void
wf_permit_counter_give(const WfPermitWanted *wanted, bool ended, TimestampTz now,
					   WfPermitWaiters *waiters)
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

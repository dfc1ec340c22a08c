/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  What the authors' code has cost: a table of workflow.max_costs entries.
 *
 * Written by any backend that calls code, read by sessions that look.  An entry is one
 * function or expression of one definition or job.  When all are taken, the one that was
 * called longest ago makes room.  Nothing of it is in a table: after a start of the server
 * it begins anew.
 *
 * Locks: the table has an LWLock, under which no other one is taken; it is held where
 * entries are looked for, taken and freed.  All of an entry is guarded by its spinlock, so
 * whoever has found it once adds to it without the LWLock.  Entries never move.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/cost.h"
#include "shmem/instance.h"

typedef struct WfCostEntry
{
	slock_t		mutex;
	bool		used;
	uint64		called_in;		/* CostTable.takings when it was called last */
	WfCostLine	line;
} WfCostEntry;

typedef struct CostTable
{
	LWLock		lock;
	pg_atomic_uint64 takings;	/* how often an entry was taken: the clock by which
								 * calls are long ago */
	WfCostEntry entries[FLEXIBLE_ARRAY_MEMBER];
} CostTable;

static CostTable *table = NULL;

/* Bytes of the segment. */
Size
wf_cost_shmem_size(void)
{
	return add_size(offsetof(CostTable, entries), mul_size(wf_max_costs, sizeof(WfCostEntry)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_cost_shmem_attach(void *segment, bool created)
{
	table = segment;
	if (!created)
		return;
	LWLockInitialize(&table->lock, wf_instance->lock->tranche);
	pg_atomic_init_u64(&table->takings, 0);
	for (int i = 0; i < wf_max_costs; i++)
		SpinLockInit(&table->entries[i].mutex);
}

static bool
is_of(const WfCostEntry *entry, const WfCostKey *key)
{
	return entry->used && memcmp(&entry->line.key, key, sizeof(WfCostKey)) == 0;
}

static void
sum_up(WfCosts *sum, const WfCosts *costs)
{
	sum->calls += costs->calls;
	sum->failures += costs->failures;
	sum->time += costs->time;
	sum->longest = Max(sum->longest, costs->longest);
	sum->shared_hit += costs->shared_hit;
	sum->shared_read += costs->shared_read;
	sum->shared_dirtied += costs->shared_dirtied;
	sum->shared_written += costs->shared_written;
	sum->temp_read += costs->temp_read;
	sum->temp_written += costs->temp_written;
	sum->wal_records += costs->wal_records;
	sum->wal_fpi += costs->wal_fpi;
	sum->wal_bytes += costs->wal_bytes;
}

/* Add to an entry, if it is that of the key. */
static bool
add_to(WfCostEntry *entry, const WfCostKey *key, const WfCosts *costs)
{
	uint64		takings = pg_atomic_read_u64(&table->takings);
	bool		fits;

	SpinLockAcquire(&entry->mutex);
	fits = is_of(entry, key);
	if (fits)
	{
		sum_up(&entry->line.costs, costs);
		entry->called_in = takings;
	}
	SpinLockRelease(&entry->mutex);
	return fits;
}

/* Is `entry` to make room rather than `other`?  Under the LWLock. */
static bool
is_before(const WfCostEntry *entry, const WfCostEntry *other)
{
	if (entry->used != other->used)
		return !entry->used;
	if (entry->called_in != other->called_in)
		return entry->called_in < other->called_in;
	return entry->line.costs.calls < other->line.costs.calls;
}

/* Have an entry be that of a key.  Under the LWLock, exclusively. */
static void
take(WfCostEntry *entry, const WfCostKey *key, const char *text, TimestampTz now)
{
	int			length = pg_mbcliplen(text, (int) strnlen(text, WF_COST_TEXT + 1), WF_COST_TEXT);

	(void) pg_atomic_fetch_add_u64(&table->takings, 1);
	SpinLockAcquire(&entry->mutex);
	memset(&entry->line, 0, sizeof(entry->line));
	entry->used = true;
	entry->line.key = *key;
	entry->line.since = now;
	memcpy(entry->line.text, text, length);
	SpinLockRelease(&entry->mutex);
}

/* The entry of a key, which is taken if there is none. */
static WfCostEntry *
find_or_take(const WfCostKey *key, const char *text, TimestampTz now)
{
	WfCostEntry *free = &table->entries[0];

	for (int i = 0; i < wf_max_costs; i++)
	{
		WfCostEntry *entry = &table->entries[i];

		if (is_of(entry, key))
			return entry;
		if (is_before(entry, free))
			free = entry;
	}
	take(free, key, text, now);
	return free;
}

/*
 * Add what calls of some code have cost.  entry: that of the code, as the last call of this
 * session returned it, or NULL; it may be another one's by now.  Returns it, or NULL: nothing
 * is kept.  Throws nothing.
 */
struct WfCostEntry *
wf_cost_add(struct WfCostEntry *entry, const WfCostKey *key, const char *text, const WfCosts *costs)
{
	TimestampTz now;

	if (table == NULL || wf_max_costs == 0)
		return NULL;
	if (likely(entry != NULL && add_to(entry, key, costs)))
		return entry;
	now = GetCurrentTimestamp();
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	entry = find_or_take(key, text, now);
	(void) add_to(entry, key, costs);
	LWLockRelease(&table->lock);
	return entry;
}

/* The entries of this database and extension, copied; returns how many. */
int
wf_cost_list(Oid definitions, WfCostLine **lines)
{
	int			n = 0;

	*lines = palloc(mul_size(wf_max_costs + 1, sizeof(WfCostLine)));
	if (table == NULL)
		return 0;
	LWLockAcquire(&table->lock, LW_SHARED);
	for (int i = 0; i < wf_max_costs; i++)
	{
		WfCostEntry *entry = &table->entries[i];

		if (!entry->used || entry->line.key.dbid != MyDatabaseId || entry->line.key.definitions != definitions)
			continue;
		SpinLockAcquire(&entry->mutex);
		(*lines)[n++] = entry->line;
		SpinLockRelease(&entry->mutex);
	}
	LWLockRelease(&table->lock);
	return n;
}

/* Forget those; returns how many there were. */
int64
wf_cost_reset(Oid definitions)
{
	int64		n = 0;

	if (table == NULL)
		return 0;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wf_max_costs; i++)
	{
		WfCostEntry *entry = &table->entries[i];

		if (!entry->used || entry->line.key.dbid != MyDatabaseId || entry->line.key.definitions != definitions)
			continue;
		SpinLockAcquire(&entry->mutex);
		entry->used = false;
		SpinLockRelease(&entry->mutex);
		n++;
	}
	LWLockRelease(&table->lock);
	return n;
}

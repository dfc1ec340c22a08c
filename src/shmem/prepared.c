/*-------------------------------------------------------------------------
 *
 * prepared.c
 *	  What prepared transactions will tell the background workers when they end.
 *
 * Used by every backend, at PREPARE TRANSACTION, COMMIT PREPARED and ROLLBACK
 * PREPARED.  The session that ends a prepared transaction is rarely the one
 * that prepared it, so what that one touched is kept here by its global
 * identifier.  So is that it touched nothing of ours, because a transaction
 * without an entry may have touched anything: it was prepared before a restart
 * of the server, or before a promotion on the primary, or by a logical
 * replication worker, which passes no utility hook; or it touched more than an
 * entry holds.  Hence an entry may be lost at any time, but must never be taken
 * for that of another transaction.
 *
 * Identifiers are used again.  An entry is put before anybody can end its
 * transaction, and replaces one with the same identifier.  So whoever has ended
 * a transaction, and has found the same entry (by its serial number) before and
 * afterwards, has ended the one that the entry describes.
 *
 * There are as many entries as there may be prepared transactions.  None is
 * pushed out unless others were left behind, by sessions that failed between
 * the end of a transaction and the removal of its entry.
 *
 * Locks: all of the table is guarded by its own LWLock, under which no other
 * lock is taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/twophase.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "shmem/instance.h"
#include "shmem/prepared.h"

typedef struct PreparedTable
{
	LWLock		lock;
	uint64		last_serial;
	int			n;				/* entries in use, from the first on */
	WfPrepared	entries[FLEXIBLE_ARRAY_MEMBER];
} PreparedTable;

static PreparedTable *table = NULL;

/* The size of the table, for max_prepared_transactions entries. */
Size
wf_prepared_shmem_size(void)
{
	return add_size(offsetof(PreparedTable, entries),
					mul_size(max_prepared_xacts, sizeof(WfPrepared)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_prepared_shmem_attach(void *segment, bool created)
{
	table = segment;
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/* The entry of an identifier, or NULL; under the lock. */
static WfPrepared *
find(const char *gid)
{
	for (int i = 0; i < table->n; i++)
		if (strcmp(table->entries[i].gid, gid) == 0)
			return &table->entries[i];
	return NULL;
}

/* A place for a new entry, the oldest one's if all are in use; under the lock. */
static WfPrepared *
make_place(void)
{
	WfPrepared *oldest = table->entries;

	if (table->n < max_prepared_xacts)
		return &table->entries[table->n++];
	for (int i = 1; i < table->n; i++)
		if (table->entries[i].serial < oldest->serial)
			oldest = &table->entries[i];
	return oldest;
}

/*
 * Remember a transaction, under a new serial number, in place of one with the
 * same identifier.  Called while it is prepared and nobody else can end it yet.
 * Never throws.
 */
void
wf_prepared_put(const WfPrepared *prepared)
{
	WfPrepared *entry;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	entry = find(prepared->gid);
	if (entry == NULL)
		entry = make_place();
	*entry = *prepared;
	entry->serial = ++table->last_serial;
	LWLockRelease(&table->lock);
}

/* Copy the entry of an identifier; false: there is none. */
bool
wf_prepared_get(const char *gid, WfPrepared *prepared)
{
	WfPrepared *entry;

	LWLockAcquire(&table->lock, LW_SHARED);
	entry = find(gid);
	if (entry != NULL)
		*prepared = *entry;
	LWLockRelease(&table->lock);
	return entry != NULL;
}

/*
 * Remove the entry of an identifier if there is one.  Returns whether it had
 * this serial number; 0 is that of none.
 */
bool
wf_prepared_remove(const char *gid, uint64 serial)
{
	WfPrepared *entry;
	bool		same = false;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	entry = find(gid);
	if (entry != NULL)
	{
		same = entry->serial == serial;
		*entry = table->entries[--table->n];
	}
	LWLockRelease(&table->lock);
	return same;
}

/*-------------------------------------------------------------------------
 *
 * ended.c
 *	  Runs that have ended, for the runtime to look who waits for them.
 *
 * One transaction ends a run, another one makes a run that waits for it, and neither
 * sees the other.  So both say so when they have committed, here, and the runtime looks
 * once more, with a snapshot that is younger than both.  Whoever ends a run does that
 * only while runs wait for others, WfDatabase.runs_awaited, which is set before and
 * after the commit of who waits: who finds it unset has ended his run before that
 * commit, and is seen by who looks because of it.
 *
 * What does not find a place here is found by a look at all runs that wait, as after a
 * start of the server.
 *
 * Locks: the table is guarded by its own LWLock, under which no other lock is taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lwlock.h"

#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/ended.h"
#include "shmem/instance.h"

typedef struct EndedRun
{
	Oid			dbid;
	pg_uuid_t	run;
} EndedRun;

typedef struct EndedTable
{
	LWLock		lock;
	int			n;
	EndedRun	runs[WF_ENDED_MAX];
} EndedTable;

static EndedTable *table = NULL;

/* Bytes of the segment. */
Size
wf_ended_shmem_size(void)
{
	return sizeof(EndedTable);
}

/* Take the segment, and fill it if it was created just now. */
void
wf_ended_shmem_attach(void *segment, bool created)
{
	table = segment;
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/*
 * These runs have ended, or are waited for, as everybody can see by now: the runtime
 * of their database is to look.  Never throws.
 */
void
wf_ended_note(Oid dbid, int n, const pg_uuid_t *runs)
{
	bool		fits;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	fits = n <= WF_ENDED_MAX - table->n;
	for (int i = 0; fits && i < n; i++)
		table->runs[table->n++] = (EndedRun) {dbid, runs[i]};
	LWLockRelease(&table->lock);
	wf_database_runs_settle(dbid, !fits);
}

/* Take those of a database; runs has room for WF_ENDED_MAX.  Returns how many. */
int
wf_ended_take(Oid dbid, pg_uuid_t *runs)
{
	int			taken = 0;
	int			left = 0;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < table->n; i++)
	{
		if (table->runs[i].dbid == dbid)
			runs[taken++] = table->runs[i].run;
		else
			table->runs[left++] = table->runs[i];
	}
	table->n = left;
	LWLockRelease(&table->lock);
	return taken;
}

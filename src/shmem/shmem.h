/*
 * shmem.h
 *	  What the processes of one PostgreSQL instance know of each other.
 *
 * Shared memory holds hints and handles, never the only copy of anything:
 * after a crash it starts empty and is rebuilt from the tables.
 *
 * Locks: WfShared.lock (LWLock) guards which entries are in use, who holds
 * them, and every state change; an owner's mark and generation are guarded by
 * that owner's spinlock, because every commit that leaves work passes there.
 * Entries never move.  They are freed only when their database was dropped
 * (or, to make room, that of a database without the extension), so that a
 * backend may keep a pointer to an entry of its own database.
 *
 * What a committing backend reads to find whom to wake (dbid, owner, state
 * and latch of an executor, the latch of a runtime) it reads without a lock;
 * shmem.c says why no wake is lost.  Latches are those of PGPROC entries,
 * which never go away, so setting one that belongs to somebody else by now is
 * harmless.
 */
#ifndef WF_SHMEM_H
#define WF_SHMEM_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/uuid.h"

#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/slot.h"

typedef struct WfShared
{
	LWLock	   *lock;
	Latch	   *launcher;		/* or NULL */
	pid_t		launcher_pid;
	bool		unclean_start;	/* the server had not been shut down cleanly */
	TimestampTz started_at;
	int			ndatabases;		/* sizes of the arrays below */
	int			nowners;
	int			nexecutors;
	WfDatabase *databases;
	WfOwner    *owners;			/* open addressing on (dbid, owner) */
	WfExecutor *executors;
	TimestampTz complain_after; /* no word about a lack of workers before */
	WfExecutor *on_trial;		/* see wf_pool_trial_begin(); or NULL */
	pg_atomic_uint32 changing;	/* transactions, see wf_wakeup_changing() */
} WfShared;

extern WfShared *wf_shared;		/* NULL when the library was not preloaded */
extern WfExecutor *wf_my_executor;	/* the slot of this process, or NULL */

extern void wf_shmem_init(void);

#endif							/* WF_SHMEM_H */

/*
 * instance.h
 *	  What is there once in a PostgreSQL instance: the lock, the launcher, how
 *	  the server was started.
 */
#ifndef WF_INSTANCE_H
#define WF_INSTANCE_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define WF_INSTANCE_TRANCHE	"workflow"

/* Counters of databases, a power of two. */
#define WF_INSTANCE_CHANGING	1024

typedef struct WfInstance
{
	LWLock	   *lock;			/* see README.md */
	Latch	   *launcher;		/* or NULL */
	pid_t		launcher_pid;
	bool		unclean_start;	/* the server had not been shut down cleanly */
	int64		epoch;			/* of this start of the server, a random number */
	TimestampTz complain_after; /* no word about a lack of background workers
								 * before that */

	/*
	 * Transactions of each database that change what its sessions keep, see
	 * wf_wakeup_changing().  Databases share a counter if their OIDs leave the
	 * same remainder, which costs them a few look-ups.
	 */
	pg_atomic_uint32 changing[WF_INSTANCE_CHANGING];
} WfInstance;

extern WfInstance *wf_instance; /* NULL when the library was not preloaded */

extern Size wf_instance_shmem_size(void);
extern void wf_instance_shmem_attach(void *segment, bool created);
extern void wf_instance_lock(LWLockMode mode);
extern void wf_instance_unlock(void);
extern void wf_instance_launcher_attach(void);
extern void wf_instance_launcher_detach(void);
extern void wf_instance_launcher_wake(void);
extern bool wf_instance_complains_locked(TimestampTz now, int interval);
extern pg_atomic_uint32 *wf_instance_changing(void);
extern void wf_instance_changing_begin(void);
extern void wf_instance_changing_end(void);

#endif							/* WF_INSTANCE_H */

/*
 * bgworker_slots.h
 *	  When max_worker_processes is exhausted: whose turn it is to have the next
 *	  worker, and who makes room for it.
 */
#ifndef WF_SHORTAGE_H
#define WF_SHORTAGE_H

#include "shmem/shmem.h"

/*
 * May a database that waits for a worker (its runtime, or an executor) since
 * then ask the postmaster for one?  False: one that waits longer is first,
 * and is told to ask.  Takes WfShared.lock.
 */
extern bool wf_shortage_my_turn(Oid dbid, TimestampTz since);

/*
 * The postmaster had no worker for it, or it is not its turn: note that it
 * waits, have somebody make room, complain in the log now and then (`whom`: a
 * plural, for whom there is no worker).  Returns the real time to try again.
 * Takes WfShared.lock.
 */
extern TimestampTz wf_shortage_wait(Oid dbid, TimestampTz since,
									const char *whom);

/* It got one: the next wait of this process begins with short intervals. */
extern void wf_shortage_relieved(void);

/* A database does not wait any more.  Takes WfShared.lock. */
extern void wf_shortage_over(WfDatabase *database);

#endif							/* WF_SHORTAGE_H */

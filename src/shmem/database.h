/*
 * database.h
 *	  What the processes of an instance know of a database.
 */
#ifndef WF_DATABASE_H
#define WF_DATABASE_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"

#include "shmem/owner.h"

/*
 * What the launcher knows of a database.
 *
 *	UNKNOWN		never looked at since server start: to be probed
 *	ABSENT		has no extension: nothing to do until CREATE EXTENSION wakes us
 *	STARTING	a runtime was asked of the postmaster
 *	RUNNING		its runtime is connected and loops
 *	RESTING		has the extension, no runtime; started at the next due time or
 *				by a wake
 *	HELD		DROP, RENAME, MOVE or TEMPLATE of it is under way: nothing is
 *				started until the hold is over
 */
typedef enum WfDatabaseState
{
	WF_DB_UNKNOWN,
	WF_DB_ABSENT,
	WF_DB_STARTING,
	WF_DB_RUNNING,
	WF_DB_RESTING,
	WF_DB_HELD
} WfDatabaseState;

typedef struct WfDatabase
{
	Oid			dbid;			/* InvalidOid: entry is free */
	uint32		generation;		/* counts uses of this entry */
	WfDatabaseState state;
	TimestampTz since;			/* when it took its present state */
	bool		wake;			/* somebody asks to look at it (again) */
	TimestampTz yield_to;		/* its runtime is to rest if it has no executor
								 * and has waited for less long than since
								 * then; infinity: nobody asks it to */
	int			holds;			/* statements that keep it HELD */
	Oid			extension;		/* OID of the extension seen by the runtime */
	pid_t		runtime_pid;
	Latch	   *runtime;		/* or NULL */
	TimestampTz not_before;		/* no new runtime before this */
	int			failures;		/* runtimes in a row that ended badly */
	TimestampTz hungry;			/* since when its runtime wants an executor
								 * slot and finds none, or a worker is wanted;
								 * infinity: it does not */
	bool		wants_worker;	/* and there is none: see bgworker_slots.h */
	bool		recovered;		/* a runtime looked after the backlog of before
								 * the server's start */
	bool		careful;		/* backlog of before an unclean start, see work.h */
	TimestampTz careful_until;	/* timers due up to here are suspects */

	/*
	 * Stands for all owners of this database that found no room (owner 0): its
	 * mark is the earliest of theirs.  Its runtime looks up who they are.
	 */
	WfOwner		others;

	/* processes that wait in await(); broadcast at each commit of a step */
	pg_atomic_uint32 awaiting;
	ConditionVariable stepped;
} WfDatabase;

extern void wf_database_state(WfDatabase *database, WfDatabaseState state);
extern WfOwner *wf_database_owner(Oid dbid, int32 owner, bool create);
extern bool wf_database_has_suspects(const WfDatabase *database,
									 const WfOwner *entry);
extern WfDatabase *wf_database_entry(Oid dbid, bool create);
extern WfDatabase *wf_database_entry_locked(Oid dbid, bool create);
extern void wf_database_forget(Oid dbid);
extern void wf_database_latch(Oid dbid);
extern void wf_database_wake(Oid dbid);
extern void wf_database_release(Oid dbid);
extern void wf_database_stepped(Oid dbid);

#endif							/* WF_DATABASE_H */

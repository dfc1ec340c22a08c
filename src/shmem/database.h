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

#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/trouble.h"

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

/* Housekeeping in a database, see housekeeping.c. */
typedef struct WfChores
{
	bool		busy;
	bool		locked;			/* the last attempt met rows or tables in use */
	int			failures;		/* in a row, of whatever is to be done */
	TimestampTz since;			/* when it took its present state; 0: never */
	TimestampTz not_before;		/* the next attempt */
	WfTrouble	trouble;		/* the last one */
} WfChores;

typedef struct WfDatabase
{
	/* Under the lock of the instance. */
	Oid			dbid;			/* InvalidOid: the entry is free */
	uint32		generation;		/* counts uses of this entry */
	WfDatabaseState state;
	TimestampTz since;			/* when it took its present state */
	bool		wake;			/* somebody asks to look at it (again) */
	TimestampTz yield_to;		/* its runtime is to end if it has no executor
								 * and has waited for less long than since
								 * then; infinity: nobody asks it to */
	int			holds;			/* statements that keep it HELD */
	Oid			extension;		/* OID of the extension seen by the runtime */
	pid_t		runtime_pid;
	Latch	   *runtime;		/* or NULL */
	pid_t		watcher_pid;	/* who looks for files that make runs; 0: nobody */
	Latch	   *watcher;		/* or NULL */
	pid_t		files_pid;		/* who writes its files; 0: nobody */
	TimestampTz not_before;		/* no new runtime before this */
	int			failures;		/* runtimes in a row that ended badly */
	TimestampTz waits_since;	/* its runtime wants an executor slot and finds
								 * none, or a background worker is wanted;
								 * infinity: neither */
	TimestampTz slot_wanted[WF_LANE_KINDS]; /* the former, by kinds of work */
	bool		wants_bgworker; /* and there is none: see bgworker_slots.c */
	bool		recovered;		/* a runtime looked after the backlog of before
								 * the server's start */
	bool		careful;		/* backlog of before an unclean start, see
								 * quarantine.c */
	TimestampTz careful_until;	/* timers due up to here are suspects */

	bool		foreign;		/* its rows were written in another place: it
								 * waits for adopt() */
	bool		blind;			/* the last sweep failed */
	WfTrouble	trouble;		/* the last error of a runtime */
	bool		lost_runs;		/* executors have ended amid runs: the runtime looks */
	WfChores	chores;
	TimestampTz chores_at;		/* when a runtime is to come for housekeeping, by
								 * wf_clock_now(); infinity: not for that */

	pg_atomic_uint64 leases_at; /* when the earliest lease of a worker that is known
								 * ends, by wf_clock_now(); infinity: none */
	pg_atomic_uint64 notify_at; /* when workers are to be notified of work, by
								 * wf_clock_now(); infinity: of none */
	pg_atomic_uint64 alerts_at; /* when alerts are to be looked at, by wf_clock_now();
								 * infinity: when somebody tells */
	pg_atomic_uint64 files_at;	/* the same for files that are to be written, */
	pg_atomic_uint64 watch_at;	/* for who looks for files that make runs, */
	pg_atomic_uint64 members_at;	/* and for the runtimes of its cluster */
	pg_atomic_uint64 alerts_after;	/* so long (us) after something was written; -1: never */
	pg_atomic_uint64 load_at;	/* when what was done is to be summed, by wf_clock_now();
								 * infinity: nothing was */
	pg_atomic_uint64 walk_at;	/* see database_walk.c */
	pg_atomic_uint64 walk_retention;
	pg_atomic_uint32 walk_news;
	pg_atomic_uint32 walks;
	bool		notifies;		/* it has queues that do so, or may have */
	bool		leases_renewed; /* since the server's start; by its runtime */

	/* Without a lock: see ended.c. */
	bool		runs_awaited;	/* runs may wait for others */
	bool		settle;			/* the runtime is to look at some of them, */
	bool		settle_all;		/* or at all */

	WfOwner    *overflow;		/* see wf_owner_overflow(); set once */

	/* processes that wait in await(); broadcast at each commit of a step */
	pg_atomic_uint32 awaiting;
	ConditionVariable stepped;
} WfDatabase;

extern WfDatabase *wf_databases;	/* workflow.max_databases */

extern Size wf_database_shmem_size(void);
extern void wf_database_shmem_attach(void *segment, bool created);
extern WfDatabase *wf_database_entry(Oid dbid, bool create);
extern WfDatabase *wf_database_peek(Oid dbid);
extern WfDatabase *wf_database_entry_locked(Oid dbid, bool create);
extern WfLane *wf_database_lane(Oid dbid, int32 owner, WfLaneKind kind);
extern bool wf_database_has_suspects(const WfDatabase *database, const WfLane *lane);
extern bool wf_database_has_room_locked(void);
extern bool wf_database_wants_any_bgworker_locked(void);
extern void wf_database_forget(Oid dbid);
extern void wf_database_set_state_locked(WfDatabase *database, WfDatabaseState state);

/* What its runtime tells. */
extern bool wf_database_foreign(WfDatabase *database, bool foreign);
extern void wf_database_blind(WfDatabase *database, bool blind);
extern void wf_database_trouble(WfDatabase *database, const WfTrouble *trouble);
extern void wf_database_chores(WfDatabase *database, const WfChores *chores);
extern void wf_database_chores_at(WfDatabase *database, TimestampTz at);

/* Holds. */
extern void wf_database_begin_hold(Oid dbid);
extern void wf_database_end_hold(Oid dbid);

/* Who waits for slots and background workers. */
extern void wf_database_waits(WfDatabase *database, const TimestampTz *since);
extern void wf_database_wants_bgworker_locked(WfDatabase *database, TimestampTz since);
extern void wf_database_wants_nothing(WfDatabase *database);
extern void wf_database_waits_for_nothing_locked(WfDatabase *database);

/* Wakes. */
extern void wf_database_latch(Oid dbid);
extern void wf_database_lower(WfDatabase *database, pg_atomic_uint64 *mark, TimestampTz at);
extern void wf_database_wake(Oid dbid, const char *name);
extern void wf_database_latch_all(void);
extern void wf_database_awaits(WfDatabase *database);
extern void wf_database_awaits_no_more(WfDatabase *database);
extern void wf_database_stepped(Oid dbid);

#endif							/* WF_DATABASE_H */

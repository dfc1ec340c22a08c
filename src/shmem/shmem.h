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

/* Why due work of an owner is not being done. */
typedef enum WfWaitReason
{
	WF_WAIT_NONE,
	WF_WAIT_SLOT,				/* all executor slots are busy */
	WF_WAIT_WORKER,				/* max_worker_processes is exhausted */
	WF_WAIT_ROLE_GONE,
	WF_WAIT_ROLE_NOLOGIN,
	WF_WAIT_ROLE_CONNECT,		/* no CONNECT privilege on the database */
	WF_WAIT_ROLE_SUPERUSER,		/* and workflow.allow_superuser is off */
	WF_WAIT_FAILED				/* its last executor ended with an error */
} WfWaitReason;

/* What has become of an attempt that was committed before the step. */
typedef enum WfAttempt
{
	WF_ATTEMPT_NONE,			/* none is counted, or it stays so */
	WF_ATTEMPT_COUNTED,			/* not begun, or ended: to be taken back */
	WF_ATTEMPT_BEGUN			/* under way: stays if we end now */
} WfAttempt;

/* An event whose attempt was committed before its step, see careful.c. */
typedef struct WfSuspect
{
	pg_uuid_t	process;
	int64		seq;			/* -1: none */
	int			spared;			/* how often its executor was told to go */
	WfAttempt	attempt;
} WfSuspect;

/*
 * So many are remembered: the others may be locked by clients, and then come
 * before the one that was under way.
 */
#define WF_SUSPECTS		4

/*
 * Work of one owner in one database.
 *
 * mark: no visible timer of this owner that is not parked is due before it.
 * It is both where claims start (past dead index entries) and when somebody
 * has to look next.  -infinity: not known, look now.  +infinity: nothing.
 * Lowered by every commit that inserted below it; raised only by a scan that
 * began after it read (mark, generation), and only if generation has not
 * moved since.
 */
typedef struct WfOwner
{
	Oid			dbid;			/* InvalidOid: entry is free */
	int32		owner;			/* workflow.owner.id */
	slock_t		mutex;
	TimestampTz mark;
	uint64		generation;
	TimestampTz cursor_due;		/* claims of other executors have got so far, */
	int64		cursor_seq;		/* see wf_cursor_read() */
	uint64		cursor_epoch;
	Oid			role;			/* as loaded by the runtime; or InvalidOid */
	TimestampTz not_before;		/* back-off: no executor is started earlier */
	TimestampTz served;			/* when an executor last left it: its turn
								 * comes after those who wait longer */
	int			failures;		/* executors in a row that ended badly */
	int			executors;		/* slots this owner holds */
	WfWaitReason reason;
	bool		cleared;		/* its suspects of an unclean start are done */
	TimestampTz suspect_until;	/* timers due up to here ended their executor,
								 * see careful.h; -infinity: none */
	WfSuspect	suspects[WF_SUSPECTS];	/* the last ones */
	int			suspect;		/* which of them is the last */
	bool		backlog;		/* its last batch was full: another executor
								 * would find work */
} WfOwner;

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
	bool		wants_worker;	/* and there is none: see shortage.h */
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

typedef enum WfExecutorState
{
	WF_EXEC_FREE,
	WF_EXEC_STARTING,			/* registered, not yet attached */
	WF_EXEC_BUSY,
	WF_EXEC_IDLE				/* waits on its latch, warm */
} WfExecutorState;

typedef struct WfExecutor
{
	WfExecutorState state;
	uint32		generation;		/* counts uses of this slot */
	Oid			dbid;
	int32		owner;
	Oid			role;
	pid_t		pid;
	Latch	   *latch;			/* or NULL until attached */
	WfOwner    *entry;			/* which counts it: its owner's, or others */
	bool		evict;			/* give the slot up after this batch */
	bool		stalled;		/* BUSY with one batch for longer than
								 * WF_STALL_MS */
	TimestampTz since;			/* when it took its present state */
	int64		steps;			/* events stepped so far, for the activity view */
	int64		batches;
} WfExecutor;

/* A batch that takes longer no longer counts as looking after its owner. */
#define WF_STALL_MS		200

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
	pg_atomic_uint32 changing;	/* transactions, see wf_wake_changing() */
} WfShared;

extern WfShared *wf_shared;		/* NULL when the library was not preloaded */
extern WfExecutor *wf_my_executor;	/* the slot of this process, or NULL */

/* _PG_init's part: chains the request and startup hooks. */
extern void wf_shmem_init(void);

/* Under WfShared.lock, exclusive: an entry takes another state. */
extern void wf_database_state(WfDatabase *database, WfDatabaseState state);

/* --- owners ------------------------------------------------------------ */

/*
 * The entry of an owner of a database, made (mark -infinity) when it does not
 * exist and `create`.  NULL when there is none, or the table is full: then
 * the owner has no mark of its own, see WfDatabase.others (one WARNING).
 */
extern WfOwner *wf_owner_entry(Oid dbid, int32 owner, bool create);

/* The same, or else what stands for it; NULL: there is no database entry. */
extern WfOwner *wf_owner_or_others(Oid dbid, int32 owner, bool create);

/* mark and generation at one moment. */
extern TimestampTz wf_mark_read(WfOwner *entry, uint64 *generation);

/*
 * Raise (or lower) the mark to what a scan found, unless somebody inserted
 * meanwhile (generation moved).  Returns whether it was set.
 */
extern bool wf_mark_advance(WfOwner *entry, uint64 generation, TimestampTz mark);

/*
 * The same at the commit of a transaction that claimed timers of the owner
 * and inserted some itself, the earliest due at `inserted` (infinity: none).
 * `mark` was scanned by that transaction and covers its own timers; other
 * scans may not have seen them, so the generation moves.
 */
extern void wf_mark_publish(WfOwner *entry, uint64 generation,
							TimestampTz mark, TimestampTz inserted);

/*
 * Where the next claim starts when several executors work for one owner: past
 * what the others have claimed, so that nobody walks over timers of processes
 * that are locked anyway.  A hint: between mark and cursor everything is being
 * worked by somebody, or was skipped.  Whatever may leave something there (an
 * abort, a timer put back, a lock released, a new timer) sets it back, which
 * moves the epoch; a claim that finds less than it wanted goes back, too.
 */
extern uint64 wf_cursor_read(WfOwner *entry, TimestampTz *due, int64 *seq);
extern void wf_cursor_advance(WfOwner *entry, uint64 epoch, TimestampTz due, int64 seq);
extern void wf_cursor_reset(WfOwner *entry);

/*
 * Work of this owner may be due at `due`: lowers the mark, moves the
 * generation, and if anybody has to look earlier than planned sets the latch
 * of an executor of this owner (an idle one first), else of the runtime, else
 * of the launcher.  Never throws: called at the end of transactions.
 */
extern void wf_mark_lower(WfOwner *entry, TimestampTz due);

/*
 * A lock on a process of this owner was released, which an executor may have
 * skipped: wakes as wf_mark_lower() does if anything is due.  Never throws.
 */
extern void wf_mark_released(WfOwner *entry);

/* Set the latch of whoever should look after an owner now.  Never throws. */
extern void wf_owner_wake(WfOwner *entry);

/* Has an owner timers that may have crashed the server?  See careful.h. */
extern bool wf_owner_has_suspects(const WfDatabase *database,
								  const WfOwner *entry);

/* All owners of a database: mark -infinity, wake.  After COMMIT PREPARED. */
extern void wf_mark_forget(Oid dbid);

/* --- databases ----------------------------------------------------------- */

/*
 * The entry of a database, made as UNKNOWN if `create`; NULL when there is
 * none, or full (entries of databases without the extension are reused).
 */
extern WfDatabase *wf_database_entry(Oid dbid, bool create);

/* The same for callers that hold WfShared.lock (exclusive to create). */
extern WfDatabase *wf_database_entry_locked(Oid dbid, bool create);

/* Forget a dropped database and its owners. */
extern void wf_database_forget(Oid dbid);

/* The earliest mark of the owners of a database. */
extern TimestampTz wf_database_mark(Oid dbid);

/* Set the latch of its runtime, or else of the launcher.  Never throws. */
extern void wf_database_latch(Oid dbid);

/*
 * Tell its runtime, or else the launcher, that a database is to be looked at
 * anew (extension created or dropped, database created or altered).  Called
 * at the end of transactions.
 */
extern void wf_database_wake(Oid dbid);

/* A hold (WF_DB_HELD) is over: have the database looked at anew.  Never throws. */
extern void wf_database_release(Oid dbid);

/* Somebody in await() may want to look again.  Never throws. */
extern void wf_database_stepped(Oid dbid);

#endif							/* WF_SHMEM_H */

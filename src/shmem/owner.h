/*
 * owner.h
 *	  What the processes of an instance know of an owner of work.
 */
#ifndef WF_OWNER_H
#define WF_OWNER_H

#include "datatype/timestamp.h"
#include "storage/spin.h"
#include "utils/uuid.h"

/* Why due work of an owner is not being done. */
typedef enum WfWaitReason
{
	WF_WAIT_NONE,
	WF_WAIT_SLOT,				/* all executor slots are busy */
	WF_WAIT_BGWORKER,				/* max_worker_processes is exhausted */
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

/* An event whose attempt was committed before its step, see quarantine.c. */
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
	int64		cursor_seq;		/* see wf_watermark_cursor_read() */
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
								 * see quarantine.h; -infinity: none */
	WfSuspect	suspects[WF_SUSPECTS];	/* the last ones */
	int			suspect;		/* which of them is the last */
	bool		backlog;		/* its last batch was full: another executor
								 * would find work */
} WfOwner;

extern WfOwner *wf_owner_entry(Oid dbid, int32 owner, bool create);
extern void wf_owner_init(WfOwner *entry, Oid dbid, int32 owner);
extern void wf_owner_forget_locked(Oid dbid);

#endif							/* WF_OWNER_H */

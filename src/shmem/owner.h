/*
 * owner.h
 *	  What the processes of an instance know of an owner of work.
 */
#ifndef WF_OWNER_H
#define WF_OWNER_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"

/* Why due work of an owner is not being done. */
typedef enum WfWaitReason
{
	WF_WAIT_NONE,
	WF_WAIT_SLOT,				/* all executor slots are busy */
	WF_WAIT_BGWORKER,			/* max_worker_processes is exhausted */
	WF_WAIT_ROLE_GONE,
	WF_WAIT_ROLE_NOLOGIN,
	WF_WAIT_ROLE_CONNECT,		/* no CONNECT privilege on the database */
	WF_WAIT_ROLE_SUPERUSER,		/* and workflow.allow_superuser is off */
	WF_WAIT_FAILED				/* its last executor ended with an error */
} WfWaitReason;

/* Nobody is held back for longer (ms). */
#define WF_OWNER_BACK_OFF_MAX	60000

/* An owner in one database; its work is in the lanes. */
typedef struct WfOwner
{
	Oid			dbid;			/* InvalidOid: the entry is free */
	int32		owner;			/* workflow.owner.id; 0: see wf_owner_overflow() */
	WfLane	   *lanes;			/* by WfLaneKind; set once */
	Oid			role;			/* as loaded by the runtime; or InvalidOid */
	TimestampTz not_before;		/* back-off: no executor is started earlier */
	int			failures;		/* executors in a row that ended badly */
	WfWaitReason reason;		/* see wf_owner_waits() */
} WfOwner;

/* workflow.max_owners entries; open addressing on (dbid, owner). */
extern WfOwner *wf_owners;

extern Size wf_owner_shmem_size(void);
extern void wf_owner_shmem_attach(void *segment, bool created);
extern WfOwner *wf_owner_entry(Oid dbid, int32 owner, bool create);
extern WfOwner *wf_owner_overflow(int database);
extern bool wf_owner_any_backlog(Oid dbid);
extern void wf_owner_init(WfOwner *entry, Oid dbid, int32 owner, TimestampTz mark);
extern void wf_owner_forget_locked(Oid dbid);
extern TimestampTz wf_owner_held_until(const WfOwner *entry);
extern void wf_owner_try_again(Oid dbid);
extern void wf_owner_recheck(void);
extern void wf_owner_set_role(WfOwner *entry, Oid role);
extern void wf_owner_waits(WfOwner *entry, WfWaitReason reason);
extern void wf_owner_failed(WfOwner *entry, WfWaitReason reason, TimestampTz not_before);
extern void wf_owner_proved(WfOwner *entry);

#endif							/* WF_OWNER_H */

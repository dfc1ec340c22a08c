/*
 * pool.h
 *	  The executor slots of the instance, and whose turn it is to have one.
 */
#ifndef WF_POOL_H
#define WF_POOL_H

#include "datatype/timestamp.h"

#include "shmem/owner.h"
#include "shmem/slot.h"

/* An owner with due work that nobody is looking after. */
typedef struct WfWaiting
{
	WfOwner    *entry;
	int32		owner;
	Oid			role;
	TimestampTz since;			/* waits since then: who waits longest is next */
	bool		extra;			/* has an executor already, wants another */
} WfWaiting;

/* What a database's owners want, found without a transaction. */
typedef struct WfDemand
{
	int			nhungry;		/* at most max_executors, in order of service */
	WfWaiting   *hungry;			/* array of max_executors, the caller's */
	bool		unknown;		/* an owner's mark or role has to be loaded */
	TimestampTz next;			/* when to ask again, by wf_clock_now() */
	TimestampTz first_mark;		/* earliest mark of all */
} WfDemand;

extern void wf_pool_demand(Oid dbid, WfDemand *appetite);
extern void wf_pool_want(WfDemand *appetite, WfOwner *others, int32 owner,
						 Oid role, TimestampTz since);
extern TimestampTz wf_pool_waits_since(Oid dbid);
extern int	wf_pool_take(Oid dbid, const WfWaiting *hungry, uint32 *generation);

/* Who may be asked to leave. */
typedef enum WfEviction
{
	WF_EVICT_COLD,				/* who has been idle for a while */
	WF_EVICT_IDLE,				/* who is idle */
	WF_EVICT_ANY				/* who has been busy for a while, too */
} WfEviction;

extern bool wf_pool_trial_begin(void);
extern void wf_pool_trial_end(void);
extern void wf_pool_release(int index, uint32 generation);
extern bool wf_pool_unattached(int index, Oid dbid, uint32 *generation,
							   TimestampTz *since);
extern bool wf_pool_attach(int index, uint32 generation);
extern void wf_pool_state(WfExecutorState state);
extern void wf_pool_help(void);
extern int	wf_pool_count(Oid dbid, bool all);
extern int	wf_pool_count_locked(Oid dbid, bool all);
extern void wf_pool_evict(Oid dbid);
extern void wf_pool_failed(WfOwner *entry, WfWaitReason reason,
						   TimestampTz not_before);

#endif							/* WF_POOL_H */

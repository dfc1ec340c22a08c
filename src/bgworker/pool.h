/*
 * pool.h
 *	  The executor slots of the instance, and who is to have the next one.
 */
#ifndef WF_POOL_H
#define WF_POOL_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"

/* A lane with due work that nobody is looking after. */
typedef struct WfWaiting
{
	WfLane	   *lane;
	int32		owner;			/* not that of the lane, if that is for several */
	Oid			role;
	TimestampTz since;			/* waits since then: who waits longest is next */
	bool		extra;			/* has an executor already, wants another */
} WfWaiting;

/* Those of one kind of work, in order of service; as many at most as there are slots. */
typedef struct WfWaitingList
{
	int			n;
	WfWaiting  *items;			/* the caller's array */
} WfWaitingList;

/* What a database's lanes want, found without a transaction. */
typedef struct WfDemand
{
	WfWaitingList waiting[WF_LANE_KINDS];	/* each has executors of its own */
	bool		unknown;		/* a lane's mark or role has to be loaded */
	TimestampTz next;			/* when to ask again, by wf_clock_now() */
	TimestampTz first_due;		/* when the earliest work of all is due */
} WfDemand;

extern void wf_pool_demand(Oid dbid, WfDemand *demand);
extern void wf_pool_want(WfDemand *demand, WfLane *overflow, int32 owner,
						 Oid role, TimestampTz since);
extern TimestampTz wf_pool_waits_since(Oid dbid);
extern int	wf_pool_take(Oid dbid, const WfWaiting *waiting, uint32 *generation);
extern void wf_pool_release(int index, uint32 generation);
extern bool wf_pool_attach(int index, uint32 generation);
extern void wf_pool_help(void);
extern int	wf_pool_count(Oid dbid, bool all);
extern int	wf_pool_count_locked(Oid dbid, bool all);
extern void wf_pool_evict(Oid dbid);

#endif							/* WF_POOL_H */

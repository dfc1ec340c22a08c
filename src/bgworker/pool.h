/*
 * pool.h
 *	  The executor slots of the instance, and whose turn it is to have one.
 */
#ifndef WF_POOL_H
#define WF_POOL_H

#include "shmem/shmem.h"

/* An owner with due work that nobody is looking after. */
typedef struct WfHungry
{
	WfOwner    *entry;
	int32		owner;
	Oid			role;
	TimestampTz since;			/* waits since then: who waits longest is next */
	bool		extra;			/* has an executor already, wants another */
} WfHungry;

/* What a database's owners want, found without a transaction. */
typedef struct WfAppetite
{
	int			nhungry;		/* at most max_executors, in order of service */
	WfHungry   *hungry;			/* array of max_executors, the caller's */
	bool		unknown;		/* an owner's mark or role has to be loaded */
	TimestampTz next;			/* when to ask again, by wf_now() */
	TimestampTz first_mark;		/* earliest mark of all */
} WfAppetite;

/* Find the owners of a database that want an executor. */
extern void wf_pool_appetite(Oid dbid, WfAppetite *appetite);

/*
 * The same for an owner that `others` stands for, whose work is due since
 * then: it goes into the appetite, unless it has an executor, which looks.
 */
extern void wf_pool_want(WfAppetite *appetite, WfOwner *others, int32 owner,
						 Oid role, TimestampTz since);

/*
 * Since when the owner of a database that waits longest for an executor has
 * done so; infinity: none does.
 */
extern TimestampTz wf_pool_waits_since(Oid dbid);

/*
 * Take a slot for an owner (STARTING).  Returns its index, or -1 when there
 * is none, or somebody in another database has waited longer.
 */
extern int	wf_pool_take(Oid dbid, const WfHungry *hungry, uint32 *generation);

/*
 * Have a slot given up by whoever needs it least, for the n-th of those who
 * wait.  Returns the (real) time to ask again, infinity: a latch will be set.
 */
extern TimestampTz wf_pool_make_room(int n, bool extra);

/* Who may be asked to leave. */
typedef enum WfEviction
{
	WF_EVICT_COLD,				/* who has been idle for a while */
	WF_EVICT_IDLE,				/* who is idle */
	WF_EVICT_ANY				/* who has been busy for a while, too */
} WfEviction;

/*
 * Under WfShared.lock, exclusive: ask one executor of the instance to leave.
 * False: there is none; one may be at *again, infinity: not known.
 */
extern bool wf_pool_evict_locked(WfEviction kind, TimestampTz *again);

/* Under the lock: executors that were asked to leave, and will soon. */
extern int	wf_pool_leaving_locked(void);

/*
 * What was under way at a crash before is stepped by one executor of the
 * instance at a time, so that nothing innocent is blamed for the next crash.
 * Begin: false while it is somebody else's turn.  Ends with the executor, too.
 */
extern bool wf_pool_trial_begin(void);
extern void wf_pool_trial_end(void);

/* Give a slot back, if it is still the one of that generation. */
extern void wf_pool_release(int index, uint32 generation);

/* Is this slot of a database still to be attached?  Gives its generation. */
extern bool wf_pool_unattached(int index, Oid dbid, uint32 *generation,
							   TimestampTz *since);

/* Executor: take possession of the slot; false: it is not ours any more. */
extern bool wf_pool_attach(int index, uint32 generation);

/* Executor: BUSY or IDLE. */
extern void wf_pool_state(WfExecutorState state);

/* Executor: there is more to do than one can. */
extern void wf_pool_help(void);

/* Executors of a database, attached ones only; STARTING ones too if `all`. */
extern int	wf_pool_count(Oid dbid, bool all);
extern int	wf_pool_count_locked(Oid dbid, bool all);

/* Ask all executors of a database to leave. */
extern void wf_pool_evict(Oid dbid);

/* Account for the end of an executor that ended badly. */
extern void wf_pool_failed(WfOwner *entry, WfWaitReason reason,
						   TimestampTz not_before);

#endif							/* WF_POOL_H */

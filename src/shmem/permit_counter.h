/*
 * permit_counter.h
 *	  Counters of permits: what is taken of a queue, a partition or a limit.
 */
#ifndef WF_PERMIT_COUNTER_H
#define WF_PERMIT_COUNTER_H

#include "shmem/permit.h"

/* Those who wait for one of these; filled under the lock, told without it. */
typedef struct WfPermitWaiters
{
	Oid			dbid;
	int			n;
	bool		all;
	int32		owners[2 * WF_PERMIT_WAITERS];
} WfPermitWaiters;

extern Size wf_permit_counter_shmem_size(void);
extern void wf_permit_counter_shmem_attach(void);
extern bool wf_permit_counter_has_rate(const WfPermitWanted *wanted, TimestampTz now,
									   TimestampTz *retry_at);
extern void wf_permit_counter_spend(const WfPermitWanted *wanted, int units);
extern void wf_permit_counter_move(const WfPermitWanted *wanted, TimestampTz from, TimestampTz to);
extern WfPermitAnswer wf_permit_counter_ask(const WfPermitWanted *wanted, int32 waiter, uint64 call,
											TimestampTz now, TimestampTz *retry_at);
extern void wf_permit_counter_take(const WfPermitWanted *wanted);
extern bool wf_permit_counter_leave_word(const WfPermitKey *key, int32 waiter, uint64 call);
extern WfPermitLack wf_permit_counter_lack(const WfPermitWanted *wanted, TimestampTz now);
extern void wf_permit_counter_learn(const WfPermitWanted *wanted, const WfPermitPast *past,
									TimestampTz now);
extern void wf_permit_counter_land(const WfPermitWanted *wanted);
extern int64 wf_permit_counter_taken(const WfPermitKey *key, TimestampTz now);
extern int64 wf_permit_counter_taken_of_all(const WfPermitKey *like, TimestampTz now);
extern bool wf_permit_counter_ending(const WfPermitKey *key);
extern void wf_permit_counter_changed(const WfPermitKey *key, bool ending);
extern int	wf_permit_counter_list(Oid dbid, Oid runs, int max, WfPermitSeen *seen);
extern bool wf_permit_counter_compare(const WfPermitSeen *seen, int64 taken, TimestampTz now,
									  int64 *counted, WfPermitWaiters *waiters);
extern void wf_permit_counter_give(const WfPermitWanted *wanted, bool ended, TimestampTz now,
								   WfPermitWaiters *waiters);

#endif							/* WF_PERMIT_COUNTER_H */

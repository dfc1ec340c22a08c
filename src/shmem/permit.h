/*
 * permit.h
 *	  Permits: how many runs may be under way at once.
 */
#ifndef WF_PERMIT_H
#define WF_PERMIT_H

#include "shmem/rate.h"

/* What is counted. */
typedef enum WfPermitKind
{
	WF_PERMIT_QUEUE,			/* id: the number of a queue */
	WF_PERMIT_PARTITION,		/* id: of its queue; part: its own */
	WF_PERMIT_LIMIT				/* id: of a named limit */
} WfPermitKind;

/* Zeroed before it is filled in: it is compared as bytes. */
typedef struct WfPermitKey
{
	Oid			dbid;
	int32		kind;
	int32		id;
	Oid			runs;			/* the table of runs: it is another one when the
								 * extension was dropped and created */
	int64		part;
} WfPermitKey;

/* What a run takes of one of them. */
typedef struct WfPermitWanted
{
	WfPermitKey key;
	int			limit;			/* units that there are */
	int			units;
	int64		gap;			/* us for which they stay taken when it has ended */
	int			rate;			/* units that may be taken in any interval; 0: any */
	int64		interval;		/* us */
} WfPermitWanted;

/* For how long permits are taken. */
typedef enum WfPermitLife
{
	WF_PERMIT_FOR_TRANSACTION,	/* until the transaction ends; once, however often */
	WF_PERMIT_FOR_RUN,			/* until wf_permit_give(), if the transaction commits */
	WF_PERMIT_TO_ASK			/* not at all: could they be? */
} WfPermitLife;

typedef enum WfPermitAnswer
{
	WF_PERMIT_TAKEN,
	WF_PERMIT_FULL,				/* so many are taken; the caller hears when not */
	WF_PERMIT_UNKNOWN,			/* to be counted first: wf_permit_count_begin() */
	WF_PERMIT_NO_ROOM			/* shared memory counts no more of them */
} WfPermitAnswer;

/* Why one is not to be had. */
typedef enum WfPermitLack
{
	WF_LACKS_NOTHING,
	WF_LACKS_UNITS,				/* so many run */
	WF_LACKS_GAP,				/* so many have run just now */
	WF_LACKS_RATE				/* so many have begun */
} WfPermitLack;

/* What the tables say of a counter that is not known. */
typedef struct WfPermitPast
{
	int64		taken;			/* units of runs that run */
	int			nended;
	const WfRateMoment *ended;	/* ends within the gap before now, */
	int			nbegun;
	const WfRateMoment *begun;	/* and claims within the interval */
} WfPermitPast;

/* A counter that is to be compared with the tables. */
typedef struct WfPermitSeen
{
	WfPermitKey key;
	uint64		changes;		/* as many had there been, when it was looked at */
} WfPermitSeen;

/* Owners that are told by name when permits are free; more of them: all are. */
#define WF_PERMIT_WAITERS	4

/* Ends that are remembered one by one, for gaps. */
#define WF_PERMIT_COOLING	32

#define WF_PERMIT_TRANCHE	"workflow permits"

extern Size wf_permit_shmem_size(void);
extern Size wf_permit_shmem_beside(void);
extern void wf_permit_shmem_attach(void *segment, bool created);
extern void wf_permit_init(void);
extern WfPermitAnswer wf_permit_take(int n, const WfPermitWanted *wanted, int32 waiter,
									 WfPermitLife life, int *which, TimestampTz *retry_at);
extern void wf_permit_give(int n, const WfPermitWanted *wanted);
extern uint64 wf_permit_count_begin(void);
extern bool wf_permit_count_end(const WfPermitWanted *wanted, const WfPermitPast *past,
								uint64 changes);
extern int	wf_permit_compare_begin(Oid runs, WfPermitSeen **seen);
extern bool wf_permit_compare_end(const WfPermitSeen *seen, int64 taken, int64 *counted);
extern bool wf_permit_spend(int n, const WfPermitWanted *wanted, TimestampTz *retry_at);
extern void wf_permit_begin(int n, const WfPermitWanted *wanted, TimestampTz spent_at,
							TimestampTz now);
extern void wf_permit_begun(int n, const WfPermitWanted *wanted, TimestampTz begun);
extern void wf_permit_unspend(int n, const WfPermitWanted *wanted);
extern bool wf_permit_wait(const WfPermitKey *key, int32 waiter);
extern WfPermitLack wf_permit_lacks(const WfPermitWanted *wanted);
extern int64 wf_permit_taken(const WfPermitKey *key, bool of_all);

#endif							/* WF_PERMIT_H */

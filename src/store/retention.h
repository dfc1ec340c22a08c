/*
 * retention.h
 *	  Processes that are over expire.
 */
#ifndef WF_RETENTION_H
#define WF_RETENTION_H

#include "utils/uuid.h"

#include "shmem/database.h"
#include "store/run_expire.h"

/* Partitions of workflow.history and workflow.receipt. */
#define WF_RETENTION_SLOTS	8

/*
 * The partition that is written to, for statements that insert.  Without a row
 * nothing has ever expired here.
 */
#define WF_RETENTION_SLOT \
	"COALESCE((SELECT r.slot FROM workflow.ring r), 0::pg_catalog.int2)"

/* By what a round goes. */
typedef struct WfRetentionTimes
{
	TimestampTz now;
	int64		retention;		/* of what no rule is for; 0: for ever */
	TimestampTz cutoff;			/* what no rule is for, and ended before this, goes */
	bool		rules;			/* there are some */
	int64		pace;			/* the shortest of all retentions; 0: nothing ever goes */
} WfRetentionTimes;

/* A round, and how far the rounds have come. */
typedef struct WfRetentionRound
{
	int16		slot;			/* of the partition that is written to */
	int16		oldest;			/* of the partition that is to be emptied */
	pg_uuid_t	after;			/* processes up to this one have been looked at */
	int64		expired;		/* processes that were deleted */
	int64		carried;		/* rows of history that were moved */
	WfRunExpireCarry carry;		/* of runs: how far that has come */
	bool		moved;			/* the ring moved on */
	bool		asked;			/* walk, however short a time ago the last walk was */
	bool		walked;			/* a walk came to its end */
	bool		runs_walked;	/* that over runs did; */
	pg_uuid_t	runs_after;		/* those up to this one have been looked at */
	bool		held;			/* nothing was done: another session is at a round */
	uint32		walk;			/* the number of the walk, see database_walk.c; 0: of none */
	bool		whole;			/* it began with the first process */
	TimestampTz next;			/* when the first of what it has left goes */
	TimestampTz walk_after;		/* the next walk comes then at the earliest */
} WfRetentionRound;

extern int16 wf_retention_slot(void);
extern bool wf_retention_round(int64 retention, WfRetentionRound *round);
extern bool wf_retention_cycle(Oid extension, bool *more);
extern TimestampTz wf_retention_next(WfDatabase *database);

#endif							/* WF_RETENTION_H */

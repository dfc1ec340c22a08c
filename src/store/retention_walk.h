/*
 * retention_walk.h
 *	  The walk over all that is over: what has outlived its time goes.
 */
#ifndef WF_RETENTION_WALK_H
#define WF_RETENTION_WALK_H

#include "store/retention.h"

/* Where the walk over processes is. */
typedef struct WfRetentionWalk
{
	bool		known;			/* the SQL of this database has a walk */
	bool		under_way;
	pg_uuid_t	after;			/* processes up to this one have been looked at */
	TimestampTz to;				/* those that ended before this go */
	TimestampTz walked_to;		/* of the last one that came to its end */
} WfRetentionWalk;

extern void wf_retention_walk_where(WfRetentionWalk *walk);
extern bool wf_retention_walk_some(const WfRetentionTimes *times, WfRetentionRound *round);
extern void wf_retention_walk_end(WfRetentionRound *round);
extern void wf_retention_walk_anew(void);

#endif							/* WF_RETENTION_WALK_H */

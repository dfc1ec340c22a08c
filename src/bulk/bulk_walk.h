/*
 * bulk_walk.h
 *	  The items of a bulk operation, in their order.
 */
#ifndef WF_BULK_WALK_H
#define WF_BULK_WALK_H

#include "bulk/bulk_scope.h"

/* So many rows a stretch looks at, at most. */
#define WF_BULK_WALK_MOST	10000

/* A walk, in one slice. */
typedef struct WfBulkWalk
{
	const WfBulk *bulk;
	WfBulkFilter filter;
	WfBulkScope scope;
} WfBulkWalk;

/* What a walk has come to. */
typedef struct WfBulkStretch
{
	pg_uuid_t  *items;
	int			n;
	pg_uuid_t	last;			/* all up to this one was looked at */
	bool		end;			/* there is nothing behind that, in this table */
} WfBulkStretch;

/* How an item is found when its turn comes. */
typedef enum WfBulkFound
{
	WF_BULK_FOUND_FREE,			/* it is ours now */
	WF_BULK_FOUND_TAKEN,		/* another session has it */
	WF_BULK_FOUND_OTHER,		/* it does not fit any more */
	WF_BULK_FOUND_NONE			/* there is none */
} WfBulkFound;

extern int	wf_bulk_walk_sources(WfBulkAct act);
extern void wf_bulk_walk_begin(const WfBulk *bulk, WfBulkWalk *walk);
extern void wf_bulk_walk_next(const WfBulkWalk *walk, int limit, WfBulkStretch *stretch);
extern WfBulkFound wf_bulk_walk_hold(const WfBulkWalk *walk, const pg_uuid_t *id);

#endif							/* WF_BULK_WALK_H */

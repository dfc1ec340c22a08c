/*
 * bulk_filter.h
 *	  Which processes or runs a bulk operation is for.
 */
#ifndef WF_BULK_FILTER_H
#define WF_BULK_FILTER_H

#include "bulk/bulk_row.h"

/* So many ids may be named. */
#define WF_BULK_MOST_IDS	100000

/* What a filter says; of what it does not say, any. */
typedef struct WfBulkFilter
{
	const char *object;			/* the definition or the job; NULL: any */
	int32		version;		/* of the definition; 0: any */
	ArrayType  *states;			/* text[]: of processes, or names of those of runs */
	ArrayType  *status;			/* text[] */
	int			suspended;		/* 0, 1; -1: whatever */
	ArrayType  *tags;			/* text[] */
	Jsonb	   *attributes;		/* as search() has them */
	const char *queue;
	const char *partition;
	const char *key;
	TimestampTz since;
	TimestampTz until;
	int			nids;			/* so many are named; -1: none is, and any may be meant */
} WfBulkFilter;

extern WfBulkAct wf_bulk_filter_act(const char *name, Jsonb *json);
extern void wf_bulk_filter_read(WfBulkAct act, Jsonb *json, WfBulkFilter *filter);
extern Jsonb *wf_bulk_filter_settle(WfBulkAct act, Jsonb *json, WfBulkFilter *filter);
extern bool wf_bulk_filter_behind(Jsonb *json, const pg_uuid_t *position, int limit, pg_uuid_t *ids, int *n);

#endif							/* WF_BULK_FILTER_H */

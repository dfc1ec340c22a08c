/*
 * bulk_scope.h
 *	  Whose processes or runs a bulk operation may touch.
 */
#ifndef WF_BULK_SCOPE_H
#define WF_BULK_SCOPE_H

#include "bulk/bulk_filter.h"

/* What the names of a filter stand for now; NULL: any. */
typedef struct WfBulkScope
{
	ArrayType  *managed;		/* versions of definitions or jobs, int4[], whose items may be touched */
	ArrayType  *named;			/* runs: versions of the job that was named */
	Oid			starter;		/* runs: that of this role may be touched, too; or none */
	int32		queue;			/* its number; 0: any */
} WfBulkScope;

extern void wf_bulk_scope_take(WfBulk *bulk, const WfBulkFilter *filter);
extern const char *wf_bulk_scope_lost(const WfBulk *bulk);
extern void wf_bulk_scope_resolve(const WfBulk *bulk, const WfBulkFilter *filter, WfBulkScope *scope);

#endif							/* WF_BULK_SCOPE_H */

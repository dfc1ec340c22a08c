/*
 * bulk_item.h
 *	  The table workflow.bulk_item: what came of the items of bulk operations.
 */
#ifndef WF_BULK_ITEM_H
#define WF_BULK_ITEM_H

#include "bulk/bulk_row.h"

/* What came of an item. */
typedef struct WfBulkOutcome
{
	WfBulkResult result;
	const char *code;			/* SQLSTATE; or NULL */
	const char *message;		/* or NULL */
	const char *detail;			/* or NULL */
} WfBulkOutcome;

extern void wf_bulk_item_record(WfBulk *bulk, const pg_uuid_t *id, const WfBulkOutcome *outcome);
extern int	wf_bulk_item_locked(const WfBulk *bulk, int limit, pg_uuid_t *ids);
extern bool wf_bulk_item_is_locked(const WfBulk *bulk, const pg_uuid_t *id, int *tries);

#endif							/* WF_BULK_ITEM_H */

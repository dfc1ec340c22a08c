/*
 * bulk_slice.h
 *	  One slice of a bulk operation, in the present transaction.
 */
#ifndef WF_BULK_SLICE_H
#define WF_BULK_SLICE_H

#include "bulk/bulk_row.h"

/* Called between items: is it time to commit? */
typedef bool (*WfBulkIsUp) (void *arg);

/*
 * After a loss of the server so many items are done one by one, for one of those of the
 * slice that was under way may be to blame.
 */
#define WF_BULK_SLICE_ALONE	48

extern void wf_bulk_slice_refuse_inside(const pg_uuid_t *id);
extern int	wf_bulk_slice(WfBulk *bulk, int limit, WfBulkIsUp is_up, void *arg);
extern void wf_bulk_slice_failed(WfBulk *bulk, const ErrorData *error, bool shortage);

#endif							/* WF_BULK_SLICE_H */

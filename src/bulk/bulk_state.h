/*
 * bulk_state.h
 *	  Bulk operations that begin, rest, go on and end.
 */
#ifndef WF_BULK_STATE_H
#define WF_BULK_STATE_H

#include "bulk/bulk_row.h"

extern void wf_bulk_state_go(WfBulk *bulk);
extern bool wf_bulk_state_pause(WfBulk *bulk, const char *note);
extern bool wf_bulk_state_resume(WfBulk *bulk);
extern bool wf_bulk_state_cancel(WfBulk *bulk, const char *note);
extern void wf_bulk_state_stop(WfBulk *bulk, const char *reason);
extern void wf_bulk_state_finish(WfBulk *bulk);

#endif							/* WF_BULK_STATE_H */

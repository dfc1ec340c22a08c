/*
 * bulk_act.h
 *	  What bulk operations do to an item.
 */
#ifndef WF_BULK_ACT_H
#define WF_BULK_ACT_H

#include "bulk/bulk_item.h"

extern WfBulkAct wf_bulk_act_by_name(const char *name, const char *kind);
extern bool wf_bulk_act_find(const char *name, bool *of_processes, bool *of_runs);
extern const char *wf_bulk_act_name(WfBulkAct act);
extern const char *wf_bulk_act_kind(WfBulkAct act);
extern bool wf_bulk_act_is_of_runs(WfBulkAct act);
extern Jsonb *wf_bulk_act_check_changes(WfBulkAct act, Jsonb *changes);
extern bool wf_bulk_act_may_call(WfBulkAct act);
extern void wf_bulk_act_do(const WfBulk *bulk, const pg_uuid_t *id, WfBulkOutcome *outcome);
extern void wf_bulk_act_explain(const WfBulk *bulk, const ErrorData *error, WfBulkOutcome *outcome);

#endif							/* WF_BULK_ACT_H */

/*
 * changes.h
 *	  Collects what the steps of one transaction write, in sets of rows.
 */
#ifndef WF_CHANGES_H
#define WF_CHANGES_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "store/change_sets.h"
#include "store/process_row.h"
#include "store/timer.h"

/* The span of a step. */
typedef struct WfTraced
{
	const char *context;		/* in which its event came; NULL: it is in no trace */
	TimestampTz began;
} WfTraced;

extern WfChanges *wf_changes_new(int32 claimed);

extern void wf_changes_divert(WfChanges *out, WfChangesObserver *sink);
extern void wf_changes_mark(const WfChanges *out, WfChangesMark *mark);
extern void wf_changes_back_to(WfChanges *out, const WfChangesMark *mark);
extern void wf_changes_start(WfChanges *out, const WfRow *row, TimestampTz at,
							 Oid starter, const char *key);
extern void wf_changes_step(WfChanges *out, const WfRow *row, TimestampTz at);
extern void wf_changes_migrate(WfChanges *out, const WfRow *row, TimestampTz at);
extern void wf_changes_history(WfChanges *out, const WfRow *row, const char *event,
							   TimestampTz at, TimestampTz due, bool taken,
							   Datum from_states, Datum to_states,
							   const char *actor, Jsonb *data, const char *reason,
							   const WfTraced *traced);
extern void wf_changes_disarm(WfChanges *out, const pg_uuid_t *process,
							  const char *state, const char *name);
extern void wf_changes_arm(WfChanges *out, const WfTimerRow *timer, int32 owner,
						   bool parked, bool if_absent);
extern void wf_changes_let_go(WfChanges *out, const pg_uuid_t *process,
							  const pg_uuid_t *child);
extern void wf_changes_defer(WfChanges *out, const WfTimerRow *event, const char *state);
extern void wf_changes_recall(WfChanges *out, const pg_uuid_t *process, int64 seq);
extern void wf_changes_rest(WfChanges *out, const char *definition,
							const pg_uuid_t *process);
extern void wf_changes_forget(WfChanges *out, const pg_uuid_t *process, const char *name);
extern void wf_changes_attribute(WfChanges *out, const pg_uuid_t *process,
								 const char *definition, const char *name, Jsonb *value);
extern void wf_changes_close_task(WfChanges *out, const pg_uuid_t *process, const char *state,
								  const char *event, const char *actor);
extern void wf_changes_move_task(WfChanges *out, const pg_uuid_t *process, const char *was,
								 const char *state, const List *events);
extern void wf_changes_postpone_task(WfChanges *out, const pg_uuid_t *process,
									 const char *state, TimestampTz due);
extern void wf_changes_ask(WfChanges *out, const WfTaskRow *task);
extern void wf_changes_settled(WfChanges *out, const WfTimerRow *timer);
extern void wf_changes_reopen(WfChanges *out, const WfTimerRow *told);
extern void wf_changes_end(WfChanges *out, const pg_uuid_t *process);
extern TupleDesc wf_changes_descriptor(WfSetKind kind);
extern const char *wf_changes_set_name(WfSetKind kind);

#endif							/* WF_CHANGES_H */

/*
 * changes.h
 *	  What steps of one transaction write: sets of rows.
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

extern WfOutput *wf_output_new(int32 claimed);

extern void wf_output_divert(WfOutput *out, WfOutputSink *sink);
extern void wf_output_start(WfOutput *out, const WfRow *row, TimestampTz at,
							Oid starter, const char *key);
extern void wf_output_step(WfOutput *out, const WfRow *row, TimestampTz at);
extern void wf_output_migrate(WfOutput *out, const WfRow *row, TimestampTz at);
extern void wf_output_history(WfOutput *out, const WfRow *row, const char *event,
							  TimestampTz at, TimestampTz due, bool taken,
							  Datum from_states, Datum to_states,
							  const char *actor, Jsonb *data, const char *reason);
extern void wf_output_disarm(WfOutput *out, const pg_uuid_t *process,
							 const char *state, const char *name);
extern void wf_output_arm(WfOutput *out, const WfTimerRow *timer, int32 owner,
						  bool parked, bool if_absent);
extern void wf_output_let_go(WfOutput *out, const pg_uuid_t *process,
							 const pg_uuid_t *child);
extern void wf_output_defer(WfOutput *out, const WfTimerRow *event, const char *state);
extern void wf_output_recall(WfOutput *out, const pg_uuid_t *process, int64 seq);
extern void wf_output_rest(WfOutput *out, const char *definition,
						   const pg_uuid_t *process);
extern void wf_output_forget(WfOutput *out, const pg_uuid_t *process, const char *name);
extern void wf_output_attribute(WfOutput *out, const pg_uuid_t *process,
								const char *definition, const char *name, Jsonb *value);
extern void wf_output_settled(WfOutput *out, const WfTimerRow *timer);
extern TupleDesc wf_set_descriptor(WfSetKind kind);
extern const char *wf_set_name(WfSetKind kind);

#endif							/* WF_CHANGES_H */

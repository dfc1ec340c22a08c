/*
 * send.h
 *	  Events from one process to another.
 */
#ifndef WF_SEND_H
#define WF_SEND_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "process/process.h"
#include "store/timer.h"

extern void wf_send_check(const char *event, bool across);
extern void wf_send_across(WfProcess *process, const char *target,
						   const char *event, Jsonb *data, const char *id,
						   TimestampTz due, const char *actor);
extern const char *wf_send_actor(WfProcess *process, const WfDefinition *receiver,
								 const char *actor);
extern WfDefinition *wf_send_definition_of(const pg_uuid_t *id, bool *over, Datum *tenant);
extern void wf_send_forward(WfProcess *process, const WfTimerRow *timer);

#endif							/* WF_SEND_H */

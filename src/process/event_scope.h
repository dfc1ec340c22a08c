/*
 * event_scope.h
 *	  What the author's code sees of a process and of the event it works.
 */
#ifndef WF_EVENT_SCOPE_H
#define WF_EVENT_SCOPE_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "eval/eval.h"
#include "interpreter/machine.h"
#include "process/process.h"

extern const WfPayload *wf_event_scope_payload(const WfEvent *event);
extern const char *wf_event_scope_actor(WfProcess *process, const WfEvent *event);
extern Jsonb *wf_event_scope_value(WfProcess *process, const WfValue *value,
								   const WfEvent *event);
extern char *wf_event_scope_string(WfProcess *process, const WfValue *value,
								   const WfEvent *event, const WfAction *action,
								   const char *what);
extern WfScope *wf_event_scope(WfProcessScope *scope, WfProcess *process,
							   const WfEvent *event);

#endif							/* WF_EVENT_SCOPE_H */

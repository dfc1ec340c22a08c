/*
 * event_scope.h
 *	  What the author's code sees of a process and of the event it works.
 */
#ifndef WF_EVENT_SCOPE_H
#define WF_EVENT_SCOPE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "eval/eval.h"
#include "interpreter/machine.h"
#include "process/process.h"

/* What WfEvent.payload points to: what an event carries.  May be NULL. */
typedef struct WfPayload
{
	Jsonb	   *data;
	Jsonb	   *output;			/* of the events done.state and done.invoke */
	Jsonb	   *failure;		/* of the event error.invoke */
	Jsonb	   *votes;			/* of a task, that decided for the event */
	const char *actor;
	TimestampTz due;			/* when it was due; 0: it came at once */
	ErrorData  *error;			/* the error that this error event is about, or
								 * NULL */
	bool		raised;			/* by the process itself, on the internal queue */
	Jsonb	   *built;			/* the event as the author's code sees it; NULL
								 * until it is asked for */
} WfPayload;

/* A scope for evaluating on behalf of a process; see wf_event_scope(). */
typedef struct WfProcessScope
{
	WfScope		scope;
	WfProcess  *process;
	const WfEvent *event;
} WfProcessScope;

extern const WfPayload *wf_event_scope_payload(const WfEvent *event);
extern const char *wf_event_scope_actor(WfProcess *process, const WfEvent *event);
extern WfScope *wf_event_scope(WfProcessScope *scope, WfProcess *process,
							   const WfEvent *event);
extern Jsonb *wf_event_scope_value(WfProcess *process, const WfValue *value,
								   const WfEvent *event);
extern char *wf_event_scope_string(WfProcess *process, const WfValue *value,
								   const WfEvent *event, const WfAction *action,
								   const char *key);

#endif							/* WF_EVENT_SCOPE_H */

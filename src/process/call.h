/*
 * call.h
 *	  Calls of the author's code, which is caught where its errors are events.
 */
#ifndef WF_CALL_H
#define WF_CALL_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

/*
 * error_event.c: errors of the author's code that become events.  Only in
 * definitions that have a transition for them.
 */
static inline bool
wf_call_catches(const WfProcess *process)
{
	return unlikely(process->definition->chart->catches_errors);
}

/* Code of the author's that is about to run. */
typedef struct WfCode
{
	const char *kind;			/* "guard", "assign", ... */
	const char *path;			/* JSON path */
	bool		pure;			/* needs no bracket */
} WfCode;

/*
 * call.c.  Each of these throws what the code throws; in definitions that have
 * a transition for errors, as far as wf_error_event_catch() does.
 */

extern bool wf_call_guard(WfProcess *process, const WfExpr *expr,
						  const WfEvent *event);
extern bool wf_call_delay(WfProcess *process, const WfDelay *delay,
						  const WfEvent *event, TimestampTz now, TimestampTz *due);
extern bool wf_call_output(WfProcess *process, const WfState *final,
						   const WfEvent *event, Jsonb **output);
extern bool wf_call_action(WfProcess *process, const WfAction *action,
						   const WfEvent *event, void (*function) (void *arg),
						   void *arg);

#endif							/* WF_CALL_H */

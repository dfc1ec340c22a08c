/*
 * call.h
 *	  Calls of the author's code from a step.
 */
#ifndef WF_CALL_H
#define WF_CALL_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

/* A piece of the author's code that is about to run. */
typedef struct WfCode
{
	const char *kind;			/* "guard", "assign", ...: for the error event */
	const char *path;			/* JSON path in the definition */
	bool		pure;			/* runs without a user context */
} WfCode;

/*
 * Do errors of the author's code become events of this process?  Only if its
 * definition has a transition for them: a subtransaction a call is the price.
 */
static inline bool
wf_call_catches(const WfProcess *process)
{
	return unlikely(process->definition->chart->catches_errors);
}

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

/*
 * call.h
 *	  Calls of the author's code, which is caught where its errors are events.
 */
#ifndef WF_CALL_H
#define WF_CALL_H

#include "process/process.h"

/*
 * catch.c: errors of the author's code that become events.  Only in
 * definitions that have a transition for them.
 */
static inline bool
wf_catches(const WfProcess *process)
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
 * Call back in a subtransaction.  False: it failed, its effects are undone,
 * and error.execution is raised.  The callback must leave the process in
 * memory as it was until nothing can fail any more, and must make nothing that
 * belongs to a resource owner and outlives it.  Throws what is not for
 * handlers: see is_catchable().
 */
extern bool wf_catch(WfProcess *process, const WfEvent *event, const WfCode *code,
					 void (*call) (void *arg), void *arg);

/* An internal event that nobody took: an error goes on its way after all. */
extern void wf_not_caught(const WfEvent *event);

/*
 * call.c.  Each of these throws what the code throws; in definitions that have
 * a transition for errors, as far as wf_catch() does.
 */

/* Does it hold?  One that failed and was caught does not, nor does the whole. */
extern bool wf_call_guard(WfProcess *process, const WfExpr *expr,
						  const WfEvent *event);
/* When a delay is over, counted from now; false: never, or it failed. */
extern bool wf_call_delay(WfProcess *process, const WfDelay *delay,
						  const WfEvent *event, TimestampTz now, TimestampTz *due);
/* The output of a final state that has one; false: it failed. */
extern bool wf_call_output(WfProcess *process, const WfState *final,
						   const WfEvent *event, Jsonb **output);
/*
 * What may fail of an action, as wf_catch() calls it.  False: it failed, and
 * the rest of the block goes with it.
 */
extern bool wf_call_action(WfProcess *process, const WfAction *action,
						   const WfEvent *event, void (*function) (void *arg),
						   void *arg);

#endif							/* WF_CALL_H */

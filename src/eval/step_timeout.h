/*
 * step_timeout.h
 *	  workflow.step_timeout: user code that takes too long is interrupted.
 */
#ifndef WF_TIMEOUT_H
#define WF_TIMEOUT_H

#include "datatype/timestamp.h"

/* Until when user code of a step that begins now may run; DT_NOEND: for ever. */
extern TimestampTz wf_timeout_until(void);

/*
 * Around each call of user code: begin (own: the time is the definition's, not
 * the setting's), then end when it returned, or failed
 * when it threw (in PG_CATCH; `context` is the caller's memory context).  Both
 * throw the error of the timeout if the time is over.  Calls nest; what begin
 * returns is for the one that belongs to it.
 */
extern TimestampTz wf_timeout_begin(TimestampTz until, bool own);
extern void wf_timeout_end(TimestampTz outer);
extern void wf_timeout_failed(TimestampTz outer, MemoryContext context);

#endif							/* WF_TIMEOUT_H */

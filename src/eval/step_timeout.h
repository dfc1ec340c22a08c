/*
 * step_timeout.h
 *	  The time limit of a step: user code that takes too long is
 *	  interrupted.
 */
#ifndef WF_STEP_TIMEOUT_H
#define WF_STEP_TIMEOUT_H

#include "datatype/timestamp.h"

extern TimestampTz wf_step_timeout_until(void);
extern TimestampTz wf_step_timeout_begin(TimestampTz until, bool own);
extern void wf_step_timeout_end(TimestampTz outer);
extern void wf_step_timeout_failed(TimestampTz outer, MemoryContext context);

#endif							/* WF_STEP_TIMEOUT_H */

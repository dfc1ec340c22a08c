/*
 * step_timeout.h
 *	  The time limit of a step: user code that takes too long is
 *	  interrupted.
 */
#ifndef WF_STEP_TIMEOUT_H
#define WF_STEP_TIMEOUT_H

#include "datatype/timestamp.h"

/* What set a limit. */
typedef enum WfLimitOf
{
	WF_LIMIT_OF_SETTING,
	WF_LIMIT_OF_DEFINITION,
	WF_LIMIT_OF_JOB
} WfLimitOf;

/* A limit: until when code may run, and what set it. */
typedef struct WfStepTimeout
{
	TimestampTz until;			/* DT_NOEND: for ever */
	WfLimitOf	of;
} WfStepTimeout;

extern TimestampTz wf_step_timeout_until(TimestampTz began);
extern void wf_step_timeout_begin(WfStepTimeout *outer, TimestampTz until, WfLimitOf of);
extern void wf_step_timeout_end(const WfStepTimeout *outer);
extern bool wf_step_timeout_is_request(const ErrorData *error);
extern void wf_step_timeout_failed(const WfStepTimeout *outer, MemoryContext context);

#endif							/* WF_STEP_TIMEOUT_H */

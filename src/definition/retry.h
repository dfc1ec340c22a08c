/*
 * retry.h
 *	  When an event whose step failed is tried again.
 */
#ifndef WF_RETRY_H
#define WF_RETRY_H

#include "datatype/timestamp.h"

#include "chart/chart.h"

extern const WfPolicy *wf_retry_compile(const char *json);
extern bool wf_retry_plan(const WfPolicy *policy, const char *code, int attempts,
						  TimestampTz *due);

#endif							/* WF_RETRY_H */

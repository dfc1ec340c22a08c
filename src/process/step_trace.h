/*
 * step_trace.h
 *	  The spans of steps: in which trace a step is, and what it makes.
 */
#ifndef WF_STEP_TRACE_H
#define WF_STEP_TRACE_H

#include "process/process.h"

extern void wf_step_trace_of_process(WfProcess *process, const char *context);
extern void wf_step_trace_begin(WfProcess *process, const char *context);
extern void wf_step_trace_follow(WfProcess *process, const char *context);
extern void wf_step_trace_failed(WfProcess *process, const char *context);
extern const char *wf_step_trace_span(const WfProcess *process);

#endif							/* WF_STEP_TRACE_H */

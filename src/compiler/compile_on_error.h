/*
 * compile_on_error.h
 *	  `on_error` of the root, a state or a transition: what happens to an
 *	  event whose step failed in an executor.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_ON_ERROR_H
#define WF_COMPILE_ON_ERROR_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern void wf_compile_on_error_add(WfCompiler *c, const WfJson *json, const WfPath *path,
									const WfPolicy **policy, const char *event);
extern const char *wf_compile_on_error_of_job(WfCompiler *c, const WfJson *json, const WfPath *path);
extern const WfPolicy *wf_compile_on_error_retries(const char *text, int len,
												   WfFaults *faults);

#endif							/* WF_COMPILE_ON_ERROR_H */

/*
 * compile_invoke.h
 *	  What a state invokes: processes of definitions, and runs of jobs.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_INVOKE_H
#define WF_COMPILE_INVOKE_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern WfValue *wf_compile_invoke_priority(WfCompiler *c, const WfJson *json,
										   const WfPath *path);
extern const WfInvoke *wf_compile_invoke(WfCompiler *c, WfState *state, const WfJson *json,
										 const WfPath *path);

#endif							/* WF_COMPILE_INVOKE_H */

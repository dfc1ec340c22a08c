/*
 * compile_target.h
 *	  Names of states as authors write them: targets, ids, event names.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_TARGET_H
#define WF_COMPILE_TARGET_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern WfStateId wf_compile_target_state(WfCompiler *c, const WfJson *json,
										 const WfPath *path);
extern WfStateId *wf_compile_targets(WfCompiler *c, const WfJson *json,
									 const WfPath *path, WfStateId base,
									 WfStateId dotted, int *n);
extern bool wf_compile_target_together(WfCompiler *c, const WfStateId *targets, int n,
									   const WfPath *path, bool fatal);
extern char *wf_compile_target_descriptor(WfCompiler *c, const char *descriptor,
										  const WfPath *path);

#endif							/* WF_COMPILE_TARGET_H */

/*
 * compile_transition.h
 *	  Transitions in all their forms, and who is allowed to cause them.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_TRANSITION_H
#define WF_COMPILE_TRANSITION_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

extern void wf_compile_transitions(WfCompiler *c, WfStateId source,
								   const WfJson *json, const WfPath *path,
								   WfList *into, bool *keep);
extern WfTransition *wf_compile_transition_default(WfCompiler *c, WfStateId source,
												   const WfJson *json,
												   const WfPath *path);
extern const WfAllow *wf_compile_transition_allow(WfCompiler *c, const WfJson *json,
												  const WfPath *path);

#endif							/* WF_COMPILE_TRANSITION_H */

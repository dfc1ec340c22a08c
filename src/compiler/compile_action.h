/*
 * compile_action.h
 *	  Actions: calls of functions and the built-in ones.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_ACTION_H
#define WF_COMPILE_ACTION_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern WfActionList wf_compile_actions(WfCompiler *c, const WfJson *json,
									   const WfPath *path);

#endif							/* WF_COMPILE_ACTION_H */

/*
 * compile_sensitive.h
 *	  `sensitive` of the root: what is not shown to everybody.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_SENSITIVE_H
#define WF_COMPILE_SENSITIVE_H

#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern void wf_compile_sensitive(WfCompiler *c, const WfJson *json, const WfPath *path);

#endif							/* WF_COMPILE_SENSITIVE_H */

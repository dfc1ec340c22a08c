/*
 * compile_on_error.h
 *	  `on_error`: what happens to an event whose step failed in an
 *	  executor.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_ON_ERROR_H
#define WF_COMPILE_ON_ERROR_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

extern const WfPolicy *wf_compile_on_error(WfCompiler *c, const WfJson *json,
										   const WfPath *path);
extern void wf_compile_on_error_then(WfCompiler *c, const WfJson *root, WfList *into);

#endif							/* WF_COMPILE_ON_ERROR_H */

/*
 * compile_value.h
 *	  What the author computes: expressions, values, guards.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_VALUE_H
#define WF_COMPILE_VALUE_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern const char *wf_compile_value_builtin(const char *type, bool *prefixed);
extern bool wf_compile_value_is_expr(const WfJson *json);
extern WfExpr *wf_compile_value_expr(WfCompiler *c, WfExprUse use,
									 const WfJson *json, const WfPath *path);
extern WfExpr *wf_compile_value_call(WfCompiler *c, WfExprUse use, const char *name,
									 const WfJson *params, const WfPath *path);
extern WfValue *wf_compile_value_const(WfCompiler *c, const char *text);
extern WfValue *wf_compile_value(WfCompiler *c, const WfJson *json,
								 const WfPath *path);
extern const WfGuard *wf_compile_value_guard(WfCompiler *c, const WfJson *json,
											 const WfPath *path);
extern const WfGuard *wf_compile_value_and(const WfGuard *a, const WfGuard *b);

#endif							/* WF_COMPILE_VALUE_H */

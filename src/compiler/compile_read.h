/*
 * compile_read.h
 *	  Read keys and values of a definition, with a fault for wrong types.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_READ_H
#define WF_COMPILE_READ_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern bool wf_compile_read_expect(WfCompiler *c, const WfJson *json,
								   const WfPath *path, WfJsonKind kind);
extern bool wf_compile_read_object(WfCompiler *c, const WfJson *json, const WfPath *path,
								   const char *hint);
extern void wf_compile_read_keys(WfCompiler *c, const WfJson *json,
								 const WfPath *path, const char *const *known);
extern void wf_compile_read_same(WfCompiler *c, const WfJson *json, const WfPath *path,
								 const char *key, const char *other);
extern void wf_compile_read_call_keys(WfCompiler *c, WfExprUse use, const char *type,
									  const WfJson *json, const WfPath *path,
									  const char *const *builtins);
extern const WfJson *wf_compile_read_get(const WfJson *json, const char *key);
extern const char *wf_compile_read_string(WfCompiler *c, const WfJson *json,
										  const char *key, const WfPath *path);
extern bool wf_compile_read_bool(WfCompiler *c, const WfJson *json,
								 const char *key, const WfPath *path);
extern const char **wf_compile_read_strings(WfCompiler *c, const WfJson *json,
											const WfPath *path, int *n);

#endif							/* WF_COMPILE_READ_H */

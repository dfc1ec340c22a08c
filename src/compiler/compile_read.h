/*
 * compile_read.h
 *	  What the rooms of the compiler read with: keys and types, or a fault.
 */
#ifndef WF_COMPILE_READ_H
#define WF_COMPILE_READ_H

#include "chart/diagnostic.h"
#include "chart/json.h"
#include "compiler/compiler.h"

extern void wf_list_add(WfList *list, void *item);
extern void wf_compile_fault(WfCompiler *c, const WfPath *path,
							 const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);
extern void wf_compile_warn(WfCompiler *c, const WfPath *path,
							const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);
extern bool wf_compile_expect(WfCompiler *c, const WfJson *json,
							  const WfPath *path, WfJsonKind kind);
extern void wf_compile_keys(WfCompiler *c, const WfJson *json,
							const WfPath *path, const char *const *known);
extern void wf_compile_call_keys(WfCompiler *c, const char *kind, const char *type,
								 const WfJson *json, const WfPath *path,
								 const char *const *builtins);
extern const WfJson *wf_compile_get(const WfJson *json, const char *key);
extern const char *wf_compile_string(WfCompiler *c, const WfJson *json,
									 const char *key, const WfPath *path);
extern bool wf_compile_bool(WfCompiler *c, const WfJson *json,
							const char *key, const WfPath *path);
extern const char **wf_compile_strings(WfCompiler *c, const WfJson *json,
									   const WfPath *path, int *n);
extern int	wf_named_find(const WfNamed *table, int n, const char *name,
						  int len);

#endif							/* WF_COMPILE_READ_H */

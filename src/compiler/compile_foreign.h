/*
 * compile_foreign.h
 *	  Words of other languages, and what they are called here.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_FOREIGN_H
#define WF_COMPILE_FOREIGN_H

#include "chart/json.h"
#include "compiler/compiler.h"

extern const char *wf_compile_foreign_key(const char *key, const char *const *known);
extern const char *wf_compile_foreign_type(const char *type);
extern const char *wf_compile_foreign_action(const char *name);
extern const char *wf_compile_foreign_text(const char *text);
extern bool wf_compile_foreign_document(WfCompiler *c, const WfJson *json);

#endif							/* WF_COMPILE_FOREIGN_H */

/*
 * define.h
 *	  Compiles and checks the texts of definitions.
 */
#ifndef WF_DEFINE_H
#define WF_DEFINE_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/missing.h"
#include "eval/evaluator.h"

extern WfChart *wf_define_compile(text *source, Oid role, const char *path,
								  WfMissing *missing, WfEvaluator **evaluator);
extern char *wf_define_path(void);
extern WfDefinition *wf_define_unstored(text *source);
extern const char *wf_define_missing_queue(const WfInvoke *invoke);
extern void wf_define_warn(const WfChart *chart);
extern ArrayType *wf_define_failures(const WfChart *chart);
extern char *wf_define_canonical(const WfChart *chart);

#endif							/* WF_DEFINE_H */

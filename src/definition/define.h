/*
 * define.h
 *	  Compiles, checks and stores versions of definitions.
 */
#ifndef WF_DEFINE_H
#define WF_DEFINE_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/missing.h"
#include "eval/evaluator.h"

/* What a version of a definition is, besides its owner. */
typedef struct WfDefineVersion
{
	const char *name;
	text	   *source;			/* as the author wrote it */
	const char *canonical;
	const char *path;			/* search_path for user code */
	const char *zone;			/* time zone for user code */
	Jsonb	   *functions;		/* see wf_eval_define_functions() */
	Jsonb	   *named;			/* the same, only those that are named */
	Jsonb	   *calls;			/* see wf_eval_define_calls() */
	ArrayType  *failures;		/* see wf_define_failures(), or NULL */
	ArrayType  *sensitive;		/* JSON pointers, or NULL */
} WfDefineVersion;

extern WfChart *wf_define_compile(text *source, Oid role, const char *path,
								  WfMissing *missing, WfEvaluator **evaluator);
extern void wf_define_lock_name(const char *name);
extern char *wf_define_path(void);
extern WfDefinition *wf_define_unstored(text *source);
extern void wf_define_warn(const WfChart *chart);
extern ArrayType *wf_define_failures(const WfChart *chart);
extern char *wf_define_canonical(const WfChart *chart);
extern bool wf_define_is_defined(const char *name);
extern int32 wf_define_store(const WfDefineVersion *version, Oid role);

#endif							/* WF_DEFINE_H */

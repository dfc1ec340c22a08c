/*
 * definition_row.h
 *	  The table workflow.definition: versions that are stored.
 */
#ifndef WF_DEFINITION_ROW_H
#define WF_DEFINITION_ROW_H

#include "utils/array.h"
#include "utils/jsonb.h"

/* What a version of a definition is, besides its owner. */
typedef struct WfDefinitionVersion
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
} WfDefinitionVersion;

extern void wf_definition_row_lock_name(const char *name);
extern bool wf_definition_row_is_there(const char *name);
extern int32 wf_definition_row_store(const WfDefinitionVersion *version, Oid role);

#endif							/* WF_DEFINITION_ROW_H */

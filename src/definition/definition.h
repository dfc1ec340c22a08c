/*
 * definition.h
 *	  A session's cache of definitions.
 */
#ifndef WF_DEFINITION_H
#define WF_DEFINITION_H

#include "utils/array.h"

#include "chart/chart.h"
#include "eval/evaluator.h"

/* A version of a definition, which never changes. */
typedef struct WfDefinition
{
	int32		id;				/* hash key */
	int32		version;
	int32		owner;			/* workflow.owner.id; change_owner() may change it */
	Oid			role;			/* of that owner; adopt() may change it, too */
	const char *name;
	const char *search_path;	/* for user code */
	const char *time_zone;		/* for user code: that of the author */
	WfChart    *chart;
	WfEvaluator *evaluator;
	bool		sends_later;	/* may have delayed events of its own pending */
	ArrayType **leaf_arrays;	/* text[] of one active state, made lazily */
	struct WfParameters **event_data;	/* by WfEventType.id, made lazily */
	MemoryContext context;
} WfDefinition;

extern void wf_definition_roles_changing(void);
extern WfDefinition *wf_definition(int32 id);
extern WfDefinition *wf_definition_unstored(const char *chart, Oid role,
											const char *search_path);
extern void wf_definition_keep(const WfDefinition *definition);
extern void wf_definition_lock_for_drop(int32 id);
extern bool wf_definition_exists(int32 id);
extern bool wf_definition_is_cached(int32 id);
extern bool wf_definition_is_orphaned(int32 id, const char **name);
extern void wf_definition_free(WfDefinition *definition);
extern uint64 wf_definition_mark(void);
extern void wf_definition_forget(uint64 mark);
extern WfDefinition *wf_definition_by_name(const char *name, int32 version);
extern WfDefinition *wf_definition_newest(const char *name);
extern WfDefinition *wf_definition_newest_kept(const char *name);
extern ArrayType *wf_definition_states_array(WfDefinition *definition,
											 const WfStateId *leaves, int n);

#endif							/* WF_DEFINITION_H */

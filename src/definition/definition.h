/*
 * definition.h
 *	  Definitions as this backend knows them, and who may do what with them.
 */
#ifndef WF_DEFINITION_H
#define WF_DEFINITION_H

#include "utils/array.h"

#include "chart/chart.h"
#include "eval/eval.h"

/* SQLSTATEs of our own: refusals, so that clients can tell them from failures. */
#define WF_ERR_NO_PROCESS		MAKE_SQLSTATE('W','F','0','0','1')
#define WF_ERR_NOT_ALLOWED		MAKE_SQLSTATE('W','F','0','0','2')
#define WF_ERR_SUSPENDED		MAKE_SQLSTATE('W','F','0','0','3')
#define WF_ERR_OVER				MAKE_SQLSTATE('W','F','0','0','4')
#define WF_ERR_BUSY				MAKE_SQLSTATE('W','F','0','0','5')
#define WF_ERR_NO_DEFINITION	MAKE_SQLSTATE('W','F','0','0','6')
#define WF_ERR_FAULTY			MAKE_SQLSTATE('W','F','0','0','7')
#define WF_ERR_NO_TIMER			MAKE_SQLSTATE('W','F','0','0','8')
#define WF_ERR_NOT_OVER			MAKE_SQLSTATE('W','F','0','0','9')

/* A version of a definition: immutable, cached for the life of the session. */
typedef struct WfDefinition
{
	int32		id;				/* hash key */
	int32		version;
	int32		owner;			/* workflow.owner.id */
	Oid			role;			/* of that owner */
	const char *name;
	const char *search_path;
	const char *time_zone;		/* of the author */
	WfChart    *chart;
	WfEvaluator *evaluator;
	bool		sends_later;	/* may have delayed events of its own pending */
	ArrayType **leaf_arrays;	/* text[] of one active state, made lazily */
	MemoryContext context;
} WfDefinition;

/* Must be called before the statement that gives owners other roles. */
extern void wf_definition_roles_changing(void);

/* By id; SPI must be connected.  Error WF006 when there is none. */
extern WfDefinition *wf_definition(int32 id);

/*
 * From its canonical form alone, in the current memory context: stored nowhere
 * and found by nobody (id 0, no version, no owner's id).
 */
extern WfDefinition *wf_definition_unstored(const char *chart, Oid role,
											const char *search_path);
extern void wf_definition_free(WfDefinition *definition);

/*
 * Compile what define() would store, with its errors, and store nothing; what
 * it invokes need not be there.  Error WF007, WF002.
 */
extern WfDefinition *wf_define_unstored(text *source);

/*
 * Forget the definitions that were loaded since the mark was read; nobody uses
 * them: what loaded them has been rolled back, and maybe they with it.
 */
extern uint64 wf_definition_mark(void);
extern void wf_definition_forget(uint64 mark);

/* By name; version 0: the newest.  Error WF006. */
extern WfDefinition *wf_definition_by_name(const char *name, int32 version);

/* The newest version, or NULL when there is no such name. */
extern WfDefinition *wf_definition_newest(const char *name);

/*
 * May the current user do this ("start", "send", "read") with it?  The owner,
 * its members, superusers and workflow_admin may do anything,
 * workflow_monitor may read.
 */
extern bool wf_may(const WfDefinition *definition, const char *privilege);

/*
 * The same for one that need not be usable: administrators and monitors look
 * at what was not adopted yet, and at what has no owner.  Error WF006; 55000
 * for others before adopt().
 */
extern bool wf_may_by_id(int32 id, const char *privilege);
extern bool wf_role_may(Oid role, const WfDefinition *definition, const char *privilege);

/*
 * May this role speak for an actor?  For roles whose rights it has; for
 * everybody, with the privilege "act" or the rights of the owner.
 */
extern bool wf_role_may_act(Oid role, const WfDefinition *definition, const char *actor);

/* Error WF002 when not. */
extern void wf_require_actor(const WfDefinition *definition, const char *actor);
extern void wf_require(const WfDefinition *definition, const char *privilege);

/*
 * Error WF002 unless the current user is the owner, a member of that role, or
 * of workflow_admin: for what no privilege is enough.
 */
extern void wf_require_owner(const WfDefinition *definition);

/* The id in workflow.owner of a role, or 0. */
extern int32 wf_owner_of_role(Oid role);

/*
 * The same, entered when it has none; from then on DROP ROLE is refused.
 * Locks against other roles that come first.
 */
extern int32 wf_owner_enter(Oid role);

/* text[] of state names. */
extern ArrayType *wf_states_array(WfDefinition *definition,
								  const WfStateId *leaves, int n);

#endif							/* WF_DEFINITION_H */

/*
 * compile_internal.h
 *	  What the rooms of the compiler share; nobody else includes it.
 *
 * compile.c			the whole: root, checks
 * compile_tree.c		the tree of states, ids
 * compile_state.c		what is in a state: handlers, timers, invokes
 * compile_transition.c	transitions
 * compile_target.c		names of states, targets
 * compile_action.c		actions
 * compile_value.c		values, guards
 * compile_delay.c		delays
 * compile_policy.c	on_error
 * compile_read.c		keys and types, or a fault; lists
 * canonical*.c			back to text
 */
#ifndef WF_COMPILE_INTERNAL_H
#define WF_COMPILE_INTERNAL_H

#include "compiler/compile.h"
#include "chart/json.h"

/* Deepest nesting of states. */
#define WF_DEEPEST_STATE	64

/* A growing array of pointers. */
typedef struct WfList
{
	int			n;
	int			size;
	void	  **items;
} WfList;

/* Constructs that WfChart.features names. */
typedef enum WfFeature
{
	WF_HAS_PARALLEL,
	WF_HAS_HISTORY,
	WF_HAS_FINAL,
	WF_HAS_ALWAYS,
	WF_HAS_AFTER,
	WF_HAS_KEEP,
	WF_HAS_INVOKE,
	WF_HAS_RETRY,
	WF_HAS_DEFER,
	WF_HAS_ALLOW,
	WF_HAS_OUTPUT,
	WF_HAS_TAGS,
	WF_HAS_WILDCARD,
	WF_HAS_ERROR,
	WF_HAS_GUARD,
	WF_HAS_IN_STATE,
	WF_HAS_EXPR,
	WF_HAS_CALL,
	WF_HAS_ASSIGN,
	WF_HAS_RAISE,
	WF_HAS_SEND,
	WF_HAS_DELAY,
	WF_HAS_CANCEL,
	WF_HAS_LOG,
	WF_HAS_CHOOSE,
	WF_HAS_FOREACH,
	WF_HAS_REENTER,
	WF_HAS_ON_ERROR,
	WF_HAS_STEP_TIMEOUT,
	WF_FEATURES
} WfFeature;

/* A name in a table that is sorted once and then searched. */
typedef struct WfNamed
{
	const char *name;
	int			value;
} WfNamed;

typedef struct WfCompiler
{
	WfFaults   *faults;
	WfChart    *chart;
	int			states_size;
	const WfJson **sources;		/* of the states */
	const WfAllow **allow;		/* of the states, inherited */
	int			nids;			/* custom ids, sorted */
	WfNamed    *ids;
	int			ndelays;		/* named delays, sorted */
	WfNamed    *delays;			/* value: index into delay_list */
	WfList		expr_list;
	WfList		const_list;
	WfList		delay_list;
	WfList		invoke_list;	/* WfInvoke, for unique ids */
	bool		features[WF_FEATURES];
} WfCompiler;

/* compile_read.c */
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

/* compile_tree.c */
extern void wf_compile_tree(WfCompiler *c, const WfJson *json);
extern WfNamed *wf_index_ids(const WfChart *chart, int *n);

/* compile_state.c */
extern void wf_compile_state(WfCompiler *c, WfStateId id);

/* compile_transition.c */
extern void wf_compile_transitions(WfCompiler *c, WfStateId source,
								   const WfJson *json, const WfPath *path,
								   WfList *into, bool *keep);
extern WfTransition *wf_compile_default(WfCompiler *c, WfStateId source,
										const WfJson *json,
										const WfPath *path);
extern const WfAllow *wf_compile_allow(WfCompiler *c, const WfJson *json,
									const WfPath *path);

/* compile_target.c */
extern WfStateId wf_compile_state_ref(WfCompiler *c, const WfJson *json,
									  const WfPath *path);
extern WfStateId *wf_compile_targets(WfCompiler *c, const WfJson *json,
									 const WfPath *path, WfStateId base,
									 WfStateId dotted, int *n);
extern bool wf_check_together(WfCompiler *c, const WfStateId *targets, int n,
							  const WfPath *path, bool fatal);
extern char *wf_compile_descriptor(WfCompiler *c, const char *descriptor,
								   const WfPath *path);

/* compile_action.c */
extern WfActionList wf_compile_actions(WfCompiler *c, const WfJson *json,
									   const WfPath *path);

/* compile_value.c */
extern const char *wf_builtin_name(const char *type, bool *prefixed);
extern bool wf_is_expr(const WfJson *json);
extern WfExpr *wf_compile_expr(WfCompiler *c, WfExprUse use,
							   const WfJson *json, const WfPath *path);
extern WfExpr *wf_compile_call(WfCompiler *c, WfExprUse use, const char *name,
							   const WfJson *params, const WfPath *path);
extern WfValue *wf_compile_const(WfCompiler *c, const char *text);
extern WfValue *wf_compile_value(WfCompiler *c, const WfJson *json,
								 const WfPath *path);
extern const WfGuard *wf_compile_guard(WfCompiler *c, const WfJson *json,
									   const WfPath *path);
extern const WfGuard *wf_guard_and(const WfGuard *a, const WfGuard *b);

/* compile_policy.c */
extern const WfPolicy *wf_compile_policy(WfCompiler *c, const WfJson *json,
										 const WfPath *path);
extern void wf_compile_then(WfCompiler *c, const WfJson *root, WfList *into);

/* compile_delay.c */
extern WfDelay *wf_compile_delay(WfCompiler *c, const WfJson *json,
								 const WfPath *path);
extern WfDelay *wf_compile_delay_text(WfCompiler *c, const char *text,
									  const WfPath *path);
extern void wf_compile_delays(WfCompiler *c, const WfJson *json,
							  const WfPath *path);

#endif							/* WF_COMPILE_INTERNAL_H */

/*
 * eval.h
 *	  The author's SQL: guards, values, actions and delays of a definition.
 *
 * All of it runs as the definition's owner, under the search_path and the time
 * zone stored with the definition, without SPI.
 */
#ifndef WF_EVAL_H
#define WF_EVAL_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "eval/restricted.h"

typedef struct WfEvaluator WfEvaluator;

/*
 * The bracket around user code of one step: role, path and settings as they
 * were before.  Zeroed when closed.  An error needs no undo.
 */
typedef struct WfBracket
{
	bool		open;
	Oid			user;
	int			sec_context;
	int			guc_level;
	bool		foreign;		/* the session is not the owner's */
	int			depth;			/* foreign: for the leave */
	TimestampTz until;			/* user code may run so long; 0: not known yet */
} WfBracket;

/*
 * What expressions and functions are given.  event may be NULL (no event);
 * make_event is called when somebody looks at it for the first time, its
 * result is kept in `event` by the callee.
 */
typedef struct WfScope
{
	Jsonb	   *context;
	Jsonb	   *event;
	Jsonb	   *(*make_event) (void *arg);
	void	   *arg;
	WfBracket  *bracket;		/* opened by the first code that is not pure */
} WfScope;

/*
 * An evaluator for a chart, in the current memory context; compiles nothing
 * yet.  chart, search_path and time_zone (the author's) must live as long.
 */
extern WfEvaluator *wf_evaluator_new(const WfChart *chart, Oid owner,
									 const char *search_path,
									 const char *time_zone);

/* The role as which its code runs from now on. */
extern void wf_evaluator_set_owner(WfEvaluator *evaluator, Oid owner);

/*
 * Give back what an evaluator has outside of its memory context, before that
 * is deleted.  None of its expressions may be under way.
 */
extern void wf_evaluator_free(WfEvaluator *evaluator);

/*
 * Compile every expression of the chart now and check every constant delay;
 * for define().  Must be called as the owner, under the path to be stored.
 * check(arg, path, error) is called for each one that fails.
 */
extern void wf_evaluator_check(WfEvaluator *evaluator,
							   void (*check) (void *arg, const char *path, ErrorData *error),
							   void *arg);

/* The functions a chart names: jsonb {"schema.name(args)": "hash"}. */
extern Jsonb *wf_evaluator_functions(WfEvaluator *evaluator);

/*
 * Evaluate.  Results are palloc'd in the current context.  All throw what the
 * user's code throws.
 *	guard	NULL is false
 *	action	the new context, or NULL when the function returns void
 *	value	never NULL (SQL null is JSON null)
 *	delay	false: never; else *due, counted from `now`
 */
extern bool wf_eval_guard(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope);
extern Jsonb *wf_eval_action(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope);
extern Jsonb *wf_eval_value(WfEvaluator *evaluator, const WfValue *value, WfScope *scope);
/*
 * What a process can be searched by: a list of values, each of them once, none
 * of them null; what gives a list has all of its elements.
 */
extern Jsonb *wf_eval_attribute(WfEvaluator *evaluator, const WfAttribute *attribute,
								WfScope *scope);
extern bool wf_eval_delay(WfEvaluator *evaluator, const WfDelay *delay, WfScope *scope,
						  TimestampTz now, TimestampTz *due);

/*
 * Open a bracket ahead of the code that will need it; for code that runs in a
 * subtransaction of its own, and yet in the step's bracket.  Errors: those of
 * foreign.h.
 */
extern void wf_user_enter(WfEvaluator *evaluator, WfBracket *bracket);

/* Does this run without a bracket?  False when it is not known yet. */
extern bool wf_is_pure(WfEvaluator *evaluator, const WfExpr *expr);

/*
 * Close a bracket: settings and role are as before.  Call after each event;
 * cheap when nothing but pure expressions ran.
 */
extern void wf_user_leave(WfBracket *bracket);

/* Has any code that is not pure run in this session since the last look? */
extern bool wf_user_ran(void);

/* overlay's keys laid over base; both objects. */
extern Jsonb *wf_jsonb_merge(Jsonb *base, Jsonb *overlay);

/* {"key1": v1, ...}; NULL values are left out. */
extern Jsonb *wf_jsonb_object(int n, const char **keys, Jsonb **values);
extern Jsonb *wf_jsonb_array(int n, Jsonb **values);
extern Jsonb *wf_jsonb_string(const char *text);
/* A numeric, text or boolean as jsonb; a jsonb as it is. */
extern Jsonb *wf_jsonb_scalar(Datum value, Oid type);
extern Jsonb *wf_jsonb_parse(const char *json);
/* A string's text, else NULL. */
extern char *wf_jsonb_text(Jsonb *value);

#endif							/* WF_EVAL_H */

/*
 * eval_internal.h
 *	  An evaluator, as eval.c, bracket.c and the other eval_*.c share it.
 */
#ifndef WF_EVAL_INTERNAL_H
#define WF_EVAL_INTERNAL_H

#include "nodes/execnodes.h"
#include "pgtime.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "eval/eval.h"

/* One expression of a chart, compiled. */
typedef struct WfCompiled
{
	const WfExpr *expr;
	CachedExpression *cached;	/* or NULL: to be compiled (again) */
	List	   *given_up;		/* older ones that were being executed when they
								 * were compiled anew */
	Oid			type;			/* of its result */
	bool		uses_event;
	bool		pure;			/* built-in and immutable: needs no bracket */
	bool		may_be_constant;	/* its result may lie in the plan */
	ExprState  *state;			/* good for state_lxid and state_user */
	LocalTransactionId state_lxid;
	Oid			state_user;
	bool		in_use;			/* its state is being executed */
} WfCompiled;

struct WfEvaluator
{
	const WfChart *chart;
	int			nexprs;			/* of the chart */
	Oid			owner;
	const char *search_path;
	const char *time_zone;
	pg_tz	   *zone;			/* the same, when it was needed */
	MemoryContext context;
	WfCompiled *compiled;		/* by WfExpr.id */
	Jsonb	  **consts;			/* by WfValue.const_id */
	Datum	   *jsonpaths;		/* by WfAttribute.id; 0: not yet */
	Interval  **intervals;		/* by WfDelay.id, of WF_DELAY_TEXT and WORKING */
	MemoryContextCallback at_end;
};

/* eval.c: parse and plan, inside the bracket. */
extern void wf_eval_compile(WfEvaluator *evaluator, WfCompiled *compiled,
							WfBracket *bracket);
/* eval.c: *type is the one that the expression was found to have. */
extern Datum wf_eval_expr(WfEvaluator *evaluator, const WfExpr *expr,
						  WfScope *scope, bool *isnull, Oid *type);

/* eval_interval.c: the interval of a delay that is a text, kept. */
extern Interval *wf_eval_interval(WfEvaluator *evaluator, const WfDelay *delay);
/*
 * Days and months are added in a time zone: the author's, also outside of the
 * bracket.
 */
extern TimestampTz wf_eval_add_interval(WfEvaluator *evaluator, TimestampTz now,
										Interval *interval);
/* As wf_eval_delay(), of a delay that is no expression. */
extern bool wf_eval_fixed_delay(WfEvaluator *evaluator, const WfDelay *delay,
								TimestampTz now, TimestampTz *due);

/* eval_attribute.c: the path of an attribute that has one, kept. */
extern Datum wf_eval_jsonpath(WfEvaluator *evaluator, const WfAttribute *attribute);

#endif							/* WF_EVAL_INTERNAL_H */

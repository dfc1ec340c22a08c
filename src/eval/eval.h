/*
 * eval.h
 *	  The author's SQL: guards, values, actions and delays of a definition.
 *
 * It runs as the definition's owner, under the search_path and the time zone
 * that are stored with the definition, without SPI.
 */
#ifndef WF_EVAL_H
#define WF_EVAL_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "eval/evaluator.h"
#include "eval/user_context.h"

/*
 * The arguments of expressions and functions.  event may be NULL, which means
 * no event, or not yet: if make_event is set, it is called for the first
 * expression that uses the event, and its result is kept in `event`.
 */
typedef struct WfScope
{
	Jsonb	   *context;
	Jsonb	   *event;
	Jsonb	   *(*make_event) (void *arg);
	ArrayType  *(*make_states) (void *arg); /* the active states; NULL: null */
	void	   *arg;
	const WfDelay *step_timeout;	/* of the transition that the event has taken,
									 * or NULL */
	WfUserContext *bracket;		/* entered by the first code that is not pure */
} WfScope;

extern bool wf_eval_guard(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope);
extern Jsonb *wf_eval_action(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope);
extern Jsonb *wf_eval_value(WfEvaluator *evaluator, const WfValue *value, WfScope *scope);
extern Datum wf_eval_expr(WfEvaluator *evaluator, const WfExpr *expr,
						  WfScope *scope, bool *isnull, Oid *type);

extern bool wf_eval_depends_on_data(WfEvaluator *evaluator, const WfExpr *expr,
									WfUserContext *bracket);

#endif							/* WF_EVAL_H */

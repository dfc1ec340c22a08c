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
#include "eval/evaluator.h"
#include "eval/user_context.h"

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
	WfUserContext  *bracket;		/* opened by the first code that is not pure */
} WfScope;

extern bool wf_eval_guard(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope);
extern Jsonb *wf_eval_action(WfEvaluator *evaluator, const WfExpr *expr, WfScope *scope);
extern Jsonb *wf_eval_value(WfEvaluator *evaluator, const WfValue *value, WfScope *scope);
extern Datum wf_eval_expr(WfEvaluator *evaluator, const WfExpr *expr,
						  WfScope *scope, bool *isnull, Oid *type);

#endif							/* WF_EVAL_H */

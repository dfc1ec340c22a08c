/*
 * eval_define.h
 *	  What define() asks: is all of the author's SQL right, and what does
 *	  it name?
 */
#ifndef WF_EVAL_DEFINE_H
#define WF_EVAL_DEFINE_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "eval/evaluator.h"

/* Is told of what fails. */
typedef void (*WfEvalDefineCheck) (void *arg, const char *path, const WfExpr *expr,
								   ErrorData *error);

extern void wf_eval_define_check(WfEvaluator *evaluator, WfEvalDefineCheck check,
								 void *arg);
extern void wf_eval_define_resolve(WfEvaluator *evaluator);
extern Jsonb *wf_eval_define_functions(WfEvaluator *evaluator, bool expressions);
extern Jsonb *wf_eval_define_calls(WfEvaluator *evaluator);

#endif							/* WF_EVAL_DEFINE_H */

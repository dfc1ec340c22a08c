/*
 * eval_define.h
 *	  What define() asks: is all of the author's SQL right, and what does
 *	  it name?
 */
#ifndef WF_EVAL_DEFINE_H
#define WF_EVAL_DEFINE_H

#include "utils/jsonb.h"

#include "eval/evaluator.h"

extern void wf_eval_define_check(WfEvaluator *evaluator,
								 void (*check) (void *arg, const char *path, ErrorData *error),
								 void *arg);
extern Jsonb *wf_eval_define_functions(WfEvaluator *evaluator);

#endif							/* WF_EVAL_DEFINE_H */

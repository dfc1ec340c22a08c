/*
 * eval_attribute.h
 *	  Search attributes: the values by which a process can be found.
 */
#ifndef WF_EVAL_ATTRIBUTE_H
#define WF_EVAL_ATTRIBUTE_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/evaluator.h"

extern Jsonb *wf_eval_attribute(WfEvaluator *evaluator, const WfAttribute *attribute,
								WfScope *scope);
extern Datum wf_eval_attribute_jsonpath(WfEvaluator *evaluator, const WfAttribute *attribute);

#endif							/* WF_EVAL_ATTRIBUTE_H */

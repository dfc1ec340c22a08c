/*
 * eval_interval.h
 *	  Delays of a definition that are known without evaluating an
 *	  expression.
 */
#ifndef WF_EVAL_INTERVAL_H
#define WF_EVAL_INTERVAL_H

#include "datatype/timestamp.h"

#include "chart/chart.h"
#include "eval/evaluator.h"

extern pg_tz *wf_eval_interval_zone(WfEvaluator *evaluator);
extern Interval *wf_eval_interval_of(const char *text);
extern Interval *wf_eval_interval(WfEvaluator *evaluator, const WfDelay *delay);
extern TimestampTz wf_eval_interval_add(WfEvaluator *evaluator, TimestampTz now,
										Interval *interval);
extern bool wf_eval_interval_fixed(WfEvaluator *evaluator, const WfDelay *delay,
								   TimestampTz now, TimestampTz *due);

#endif							/* WF_EVAL_INTERVAL_H */

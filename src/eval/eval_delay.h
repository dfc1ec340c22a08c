/*
 * eval_delay.h
 *	  When a delay of a definition ends.
 */
#ifndef WF_EVAL_DELAY_H
#define WF_EVAL_DELAY_H

#include "datatype/timestamp.h"

#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/evaluator.h"

extern bool wf_eval_delay(WfEvaluator *evaluator, const WfDelay *delay, WfScope *scope,
						  TimestampTz now, TimestampTz *due);

#endif							/* WF_EVAL_DELAY_H */

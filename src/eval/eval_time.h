/*
 * eval_time.h
 *	  Times as the author's code sees them.
 */
#ifndef WF_EVAL_TIME_H
#define WF_EVAL_TIME_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "eval/evaluator.h"

extern Jsonb *wf_eval_time(WfEvaluator *evaluator, TimestampTz time);

#endif							/* WF_EVAL_TIME_H */

/*
 * eval_recurring.h
 *	  Delays that end at the next time of a recurrence.
 */
#ifndef WF_EVAL_RECURRING_H
#define WF_EVAL_RECURRING_H

#include "datatype/timestamp.h"

#include "chart/chart.h"
#include "eval/evaluator.h"
#include "recurrence/recurrence.h"

extern void wf_eval_recurring_check(WfEvaluator *evaluator, const WfDelay *delay);
extern bool wf_eval_recurring_next(WfEvaluator *evaluator, const WfDelay *delay,
								   TimestampTz anchor, TimestampTz after, TimestampTz *due);
extern bool wf_eval_recurring_working(const WfRecurrence *recurrence, const char *calendar,
									  int most_days_off, TimestampTz after, TimestampTz *next);

#endif							/* WF_EVAL_RECURRING_H */

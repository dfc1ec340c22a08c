/*-------------------------------------------------------------------------
 *
 * eval_delay.c
 *	  When a delay of a definition ends.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"

#include "chart/chart.h"
#include "eval/eval.h"
#include "eval/eval_delay.h"
#include "eval/eval_interval.h"
#include "eval/eval_recurring.h"
#include "eval/evaluator.h"

/* In milliseconds, three thousand years.  A longer delay is a mistake. */
#define LONGEST_DELAY	1e14

/* Add a computed number of milliseconds.  -1 means never: returns false. */
static bool
add_milliseconds(TimestampTz now, double ms, TimestampTz *due)
{
	if (ms == -1)
		return false;
	if (isnan(ms) || ms < 0 || ms > LONGEST_DELAY)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("delay of %g milliseconds is out of range", ms)));
	*due = now + (TimestampTz) rint(ms * 1000.0);
	return true;
}

/*
 * Compute when a delay ends that begins at `now`.  Returns false if it never
 * ends, else *due is the time.  An expression may return an interval, a
 * timestamptz or milliseconds; null and -1 mean never.  Error 22008 for a
 * time that is out of range; otherwise throws as wf_eval_expr() does.
 */
bool
wf_eval_delay(WfEvaluator *evaluator, const WfDelay *delay, WfScope *scope,
			  TimestampTz now, TimestampTz *due)
{
	bool		isnull;
	Oid			type;
	Datum		result;

	if (delay->expr == NULL)
		return delay->kind == WF_DELAY_RECURRING ?
			wf_eval_recurring_next(evaluator, delay, DT_NOBEGIN, now, due) :
			wf_eval_interval_fixed(evaluator, delay, now, due);

	result = wf_eval_expr(evaluator, delay->expr, scope, &isnull, &type);
	if (isnull)
		return false;
	if (delay->kind == WF_DELAY_RECURRING)
	{
		/* define() has seen to that, but functions may be replaced */
		if (type != TIMESTAMPTZOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the anchor of a recurrence must be a time")));
		return wf_eval_recurring_next(evaluator, delay, DatumGetTimestampTz(result), now, due);
	}
	switch (type)
	{
		case INTERVALOID:
			*due = wf_eval_interval_add(evaluator, now, DatumGetIntervalP(result));
			return true;
		case TIMESTAMPTZOID:
			*due = DatumGetTimestampTz(result);
			if (TIMESTAMP_NOT_FINITE(*due))
				ereport(ERROR,
						(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						 errmsg("the due time of a delay must be finite"),
						 errhint("Return null for a delay that never ends.")));
			return true;
		case FLOAT8OID:
			return add_milliseconds(now, DatumGetFloat8(result), due);
		default:
			elog(ERROR, "unexpected type %u of a delay", type);
	}
	return false;
}

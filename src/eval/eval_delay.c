/*-------------------------------------------------------------------------
 *
 * eval_delay.c
 *	  When a delay of a definition is over.
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
#include "eval/evaluator.h"

/* Longer delays (ms) are mistakes: it is three thousand years. */
#define LONGEST_DELAY	1e14

/* A computed number of milliseconds; -1: never. */
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

bool
wf_eval_delay(WfEvaluator *evaluator, const WfDelay *delay, WfScope *scope,
			  TimestampTz now, TimestampTz *due)
{
	bool		isnull;
	Oid			type;
	Datum		result;

	if (delay->kind != WF_DELAY_EXPR)
		return wf_eval_interval_fixed(evaluator, delay, now, due);

	result = wf_eval_expr(evaluator, delay->expr, scope, &isnull, &type);
	if (isnull)
		return false;
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
						 errhint("Null means never.")));
			return true;
		case FLOAT8OID:
			return add_milliseconds(now, DatumGetFloat8(result), due);
		default:
			elog(ERROR, "unexpected type %u of a delay", type);
	}
	return false;
}

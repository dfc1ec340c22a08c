/*-------------------------------------------------------------------------
 *
 * eval_time.c
 *	  Times as the author's code sees them.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "eval/eval_interval.h"
#include "eval/eval_time.h"
#include "eval/evaluator.h"

/*
 * A time in the form of to_jsonb(), in the time zone of the definition, whatever
 * that of the session is.  In the current memory context.
 */
Jsonb *
wf_eval_time(WfEvaluator *evaluator, TimestampTz time)
{
	char		buffer[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (timestamp2tm(time, &offset, &tm, &fsec, NULL, wf_eval_interval_zone(evaluator)) != 0)
		offset = 0;
	JsonEncodeDateTime(buffer, TimestampTzGetDatum(time), TIMESTAMPTZOID, &offset);
	return wf_jsonb_string(buffer);
}

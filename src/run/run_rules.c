/*-------------------------------------------------------------------------
 *
 * run_rules.c
 *	  What a run has in place of what its job says: timeout and retries.
 *
 * Those of the state that has invoked it, in the column "rules".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/jsonb.h"
#include "definition/retry.h"
#include "run/run_rules.h"

/*
 * The rules of a run.  timeout: of an attempt (us), or 0: as its job says; retry:
 * JSON text, or NULL.  Returns NULL if all is as the job says.
 */
Jsonb *
wf_run_rules(int64 timeout, const char *retry)
{
	const char *keys[] = {"timeout", "retry"};
	Jsonb	   *values[] = {
		timeout == 0 ? NULL :
		wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(timeout)), NUMERICOID),
		retry == NULL ? NULL : wf_jsonb_parse(retry)
	};

	return timeout == 0 && retry == NULL ? NULL : wf_jsonb_object(lengthof(keys), keys, values);
}

/* A member of the rules of a run. */
static bool
find(const WfRunRow *row, const char *key, JsonbValue *value)
{
	return !row->nulls[WF_RUN_rules] &&
		getKeyJsonValueFromContainer(&DatumGetJsonbP(row->values[WF_RUN_rules])->root, key,
									 strlen(key), value) != NULL;
}

/* How long an attempt may take; NULL: as long as it likes. */
const Interval *
wf_run_rules_timeout(const WfRunRow *row, const WfJob *job)
{
	JsonbValue	value;
	Interval   *timeout;

	if (!find(row, "timeout", &value) || value.type != jbvNumeric)
		return job->timeout;
	timeout = palloc0(sizeof(Interval));
	timeout->time = DatumGetInt64(DirectFunctionCall1(numeric_int8,
													  NumericGetDatum(value.val.numeric)));
	return timeout;
}

/* When it is tried again, for wf_retry_plan(). */
const WfPolicy *
wf_run_rules_retry(const WfRunRow *row, const WfJob *job)
{
	JsonbValue	value;
	Jsonb	   *retry;

	if (!find(row, "retry", &value))
		return job->retry;
	retry = JsonbValueToJsonb(&value);
	return wf_retry_compile(JsonbToCString(NULL, &retry->root, VARSIZE(retry)));
}

/*-------------------------------------------------------------------------
 *
 * api_alter_runs.c
 *	  workflow.alter_runs(): runs that wait are changed.
 *
 * Runs in client backends.  Locks the runs, and skips those that are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "chart/diagnostic.h"
#include "run/run_alter.h"
#include "run/run_make.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_alter_runs);

static const char *const filter_keys[] = {"job", "queue", "partition", "state", "key", "since", "until", "ids", NULL};
static const char *const change_keys[] = {"priority", "due", "queue", "partition", "params", NULL};

/* Error 22023 unless it is an object with no other keys than these. */
static void
check_keys(Jsonb *object, const char *name, const char *const *known)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", name)));
	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		const char *key;
		const char *hint;
		int			i = 0;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		hint = wf_diagnostic_spelling_hint(key, known);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has an unknown key \"%s\"", name, wf_quote(key)),
				 hint != NULL ? errhint("%s", hint) : 0));
	}
}

/* A member; false: there is none, or, unless may_be_null, it is null. */
static bool
member(Jsonb *object, const char *key, bool may_be_null, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&object->root, key, strlen(key), value) != NULL &&
		(may_be_null || value->type != jbvNull);
}

pg_noreturn static void
refuse(const char *key, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" must be %s", key, what)));
}

/* A string; NULL: there is none. */
static char *
string_of(Jsonb *object, const char *key)
{
	JsonbValue	value;

	if (!member(object, key, false, &value))
		return NULL;
	if (value.type != jbvString)
		refuse(key, "a string");
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* A time; `without`: there is none. */
static TimestampTz
time_of(Jsonb *object, const char *key, TimestampTz without)
{
	char	   *text = string_of(object, key);

	if (text == NULL)
		return without;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
}

/* --- which runs ------------------------------------------------------------------ */

static ArrayType *
ids_of(Jsonb *filter)
{
	JsonbValue	value;
	Datum	   *ids;
	int			n;

	if (!member(filter, "ids", false, &value))
		return NULL;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		refuse("ids", "an array of ids of runs");
	n = JsonContainerSize(value.val.binary.data);
	ids = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *item = getIthJsonbValueFromContainer(value.val.binary.data, i);
		pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

		if (item->type != jbvString ||
			!wf_uuid_parse(pnstrdup(item->val.string.val, item->val.string.len), id))
			refuse("ids", "an array of ids of runs");
		ids[i] = UUIDPGetDatum(id);
	}
	return wf_uuid_array(ids, n);
}

/* Is it a state of runs that wait?  Error 22023 if it is none of runs. */
static bool
is_waiting(const char *state)
{
	WfRunState	known = WF_RUN_WAITING;

	if (state == NULL)
		return true;
	while (known <= WF_RUN_EXPIRED && strcmp(state, wf_run_row_state_name(known)) != 0)
		known++;
	if (known > WF_RUN_EXPIRED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no state of a run", wf_quote(state))));
	return known == WF_RUN_WAITING;
}

static void
read_filter(Jsonb *json, WfRunFilter *filter)
{
	check_keys(json, "filter", filter_keys);
	filter->job = string_of(json, "job");
	filter->queue = string_of(json, "queue");
	filter->partition = string_of(json, "partition");
	filter->key = string_of(json, "key");
	filter->since = time_of(json, "since", DT_NOBEGIN);
	filter->until = time_of(json, "until", DT_NOEND);
	filter->ids = ids_of(json);
	filter->others = !is_waiting(string_of(json, "state"));
}

/* --- what becomes of them --------------------------------------------------------- */

/* JSON has numbers of any size, and between two of ours. */
static bool
is_number(Numeric value, int number)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value),
											NumericGetDatum(int64_to_numeric(number))));
}

static void
read_priority(Jsonb *json, WfRunChanges *changes)
{
	JsonbValue	value;

	changes->has_priority = member(json, "priority", true, &value);
	if (!changes->has_priority)
		return;
	changes->priority = WF_RUN_PRIORITY_LEAST;
	while (changes->priority <= WF_RUN_PRIORITY_MOST &&
		   (value.type != jbvNumeric || !is_number(value.val.numeric, changes->priority)))
		changes->priority++;
	if (changes->priority > WF_RUN_PRIORITY_MOST)
		refuse("priority", psprintf("a whole number between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST));
}

static void
read_changes(Jsonb *json, WfRunChanges *changes)
{
	JsonbValue	value;

	check_keys(json, "changes", change_keys);
	read_priority(json, changes);
	changes->has_due = member(json, "due", true, &value);
	if (changes->has_due)
		changes->due = time_of(json, "due", DT_NOBEGIN);
	if (changes->has_due && TIMESTAMP_NOT_FINITE(changes->due))
		refuse("due", "a finite time");
	changes->queue = string_of(json, "queue");
	if (changes->queue == NULL && member(json, "queue", true, &value))
		refuse("queue", "a string");
	changes->has_partition = member(json, "partition", true, &value);
	changes->partition = string_of(json, "partition");
	wf_arg_check_partition(changes->partition);
	if (member(json, "params", true, &value))
	{
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			refuse("params", "an object");
		changes->params = JsonbValueToJsonb(&value);
	}
}

static Jsonb *
require_jsonb(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return PG_GETARG_JSONB_P(n);
}

static Jsonb *
what_was_altered(Jsonb *filter, Jsonb *changes)
{
	static const char *const keys[] = {"filter", "changes"};
	Jsonb	   *values[] = {filter, wf_note_changes(changes)};

	return wf_jsonb_object(lengthof(keys), (const char **) keys, values);
}

/*
 * SQL function workflow.alter_runs(filter, changes) of sql/parts/runs.sql.  Locks runs that
 * wait and that nobody has locked.
 */
Datum
workflow_alter_runs(PG_FUNCTION_ARGS)
{
	WfRunFilter filter = {0};
	WfRunChanges changes = {0};
	int64		altered;

	read_filter(require_jsonb(fcinfo, 0, "filter"), &filter);
	read_changes(require_jsonb(fcinfo, 1, "changes"), &changes);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	altered = wf_run_alter(&filter, &changes);
	if (altered > 0)
		wf_note_runs("alter_runs", filter.job, what_was_altered(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(1)), altered);
	SPI_finish();
	PG_RETURN_INT64(altered);
}

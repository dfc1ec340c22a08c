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

#include "executor/spi.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "bulk/bulk_json.h"
#include "run/run_alter.h"
#include "run/run_make.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_alter_runs);

static const char *const filter_keys[] = {"job", "queue", "partition", "state", "key", "since", "until", "ids", NULL};
static const char *const change_keys[] = {"priority", "due", "queue", "partition", "params", NULL};

/* --- which runs ------------------------------------------------------------------ */

static ArrayType *
ids_of(Jsonb *filter)
{
	int			n;
	Datum	   *ids = wf_bulk_json_ids(filter, "ids", "runs", &n);

	return ids == NULL ? NULL : wf_uuid_array(ids, n);
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
	wf_bulk_json_check_keys(json, "filter", filter_keys);
	filter->job = wf_bulk_json_string(json, "job");
	filter->queue = wf_bulk_json_string(json, "queue");
	filter->partition = wf_bulk_json_string(json, "partition");
	filter->key = wf_bulk_json_string(json, "key");
	filter->since = wf_bulk_json_time(json, "since", DT_NOBEGIN);
	filter->until = wf_bulk_json_time(json, "until", DT_NOEND);
	filter->ids = ids_of(json);
	filter->others = !is_waiting(wf_bulk_json_string(json, "state"));
}

/* --- what becomes of them --------------------------------------------------------- */

static void
read_priority(Jsonb *json, WfRunChanges *changes)
{
	JsonbValue	value;

	changes->has_priority = wf_bulk_json_member(json, "priority", true, &value);
	if (!changes->has_priority)
		return;
	changes->priority = WF_RUN_PRIORITY_LEAST;
	while (changes->priority <= WF_RUN_PRIORITY_MOST &&
		   !wf_bulk_json_is_number(&value, changes->priority))
		changes->priority++;
	if (changes->priority > WF_RUN_PRIORITY_MOST)
		wf_bulk_json_refuse("priority", psprintf("a whole number between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST));
}

static void
read_changes(Jsonb *json, WfRunChanges *changes)
{
	JsonbValue	value;

	wf_bulk_json_check_keys(json, "changes", change_keys);
	read_priority(json, changes);
	changes->has_due = wf_bulk_json_member(json, "due", true, &value);
	if (changes->has_due)
		changes->due = wf_bulk_json_time(json, "due", DT_NOBEGIN);
	if (changes->has_due && TIMESTAMP_NOT_FINITE(changes->due))
		wf_bulk_json_refuse("due", "a finite time");
	changes->queue = wf_bulk_json_string(json, "queue");
	if (changes->queue == NULL && wf_bulk_json_member(json, "queue", true, &value))
		wf_bulk_json_refuse("queue", "a string");
	changes->has_partition = wf_bulk_json_member(json, "partition", true, &value);
	changes->partition = wf_bulk_json_string(json, "partition");
	wf_arg_check_partition(changes->partition);
	changes->params = wf_bulk_json_object(json, "params");
	if (changes->params == NULL && wf_bulk_json_member(json, "params", true, &value))
		wf_bulk_json_refuse("params", "an object");
}

static Jsonb *
require_jsonb(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
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

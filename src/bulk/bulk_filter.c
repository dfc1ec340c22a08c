/*-------------------------------------------------------------------------
 *
 * bulk_filter.c
 *	  Which processes or runs a bulk operation is for: reads what was given.
 *
 * Runs in the session that asks for an operation, and again for each slice.  Knows words
 * only; what they name is looked up in bulk_scope.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_filter.h"
#include "bulk/bulk_json.h"
#include "store/run_row.h"

static const char *const process_keys[] = {
	"kind", "definition", "version", "state", "status", "suspended", "tags", "attributes", "key", "since", "until",
	"ids", NULL
};
static const char *const run_keys[] = {
	"kind", "job", "queue", "partition", "state", "key", "since", "until", "ids", NULL
};

/* Those that only one kind of items has. */
static const char *const of_processes[] = {
	"definition", "version", "status", "suspended", "tags", "attributes", NULL
};
static const char *const of_runs[] = {"job", "queue", "partition", NULL};

static const char *const statuses[] = {
	"initialized", "running", "idled", "finalized", "terminated", "error", NULL
};

/* --- of what ---------------------------------------------------------------------- */

static bool
has_any(Jsonb *json, const char *const *keys)
{
	JsonbValue	value;

	for (int i = 0; keys[i] != NULL; i++)
		if (wf_bulk_json_member(json, keys[i], true, &value))
			return true;
	return false;
}

/* Does it say that runs are meant, or processes? */
static bool
says_runs(const char *name, Jsonb *json)
{
	char	   *kind = wf_bulk_json_string(json, "kind");

	if (kind != NULL && strcmp(kind, "run") != 0 && strcmp(kind, "process") != 0)
		wf_bulk_json_refuse("kind", "\"process\" or \"run\"");
	if (kind != NULL)
		return strcmp(kind, "run") == 0;
	if (has_any(json, of_runs))
		return true;
	if (!has_any(json, of_processes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the filter does not say whether to %s processes or runs", name),
				 errhint("Name a definition or a job, or add \"kind\": \"process\" or \"kind\": \"run\".")));
	return false;
}

/*
 * The act of this name, for what the filter is of.  Error 22023 if there is none, or the
 * filter does not say.
 */
WfBulkAct
wf_bulk_filter_act(const char *name, Jsonb *json)
{
	bool		processes;
	bool		runs;

	if (!wf_bulk_act_find(name, &processes, &runs))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no bulk operation \"%s\"", wf_quote(name)),
				 errhint("Processes can be cancelled, suspended, resumed, sent an event and migrated: cancel, suspend, resume, send, migrate; runs can be cancelled, redriven and altered: cancel, redrive, alter.")));
	if (!JB_ROOT_IS_OBJECT(json))
		wf_bulk_json_refuse("filter", "a JSON object");
	if (processes && runs)
		runs = says_runs(name, json);
	return wf_bulk_act_by_name(name, runs ? "run" : "process");
}

/* --- what it says ------------------------------------------------------------------ */

/* Error 22023 for a word that is none of these. */
static void
check_words(ArrayType *words, const char *const *known, const char *what)
{
	Datum	   *items;
	bool	   *nulls;
	int			n;

	if (words == NULL)
		return;
	deconstruct_array(words, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *word = TextDatumGetCString(items[i]);
		int			k = 0;

		while (known[k] != NULL && strcmp(known[k], word) != 0)
			k++;
		if (known[k] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is no %s", wf_quote(word), what)));
	}
}

static ArrayType *
words_of(const char *const *words)
{
	Datum		items[8];
	int			n = 0;

	while (words[n] != NULL)
	{
		items[n] = CStringGetTextDatum(words[n]);
		n++;
	}
	return construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* In which of their states runs can have this done to them; the first ones are meant if none is named. */
static void
read_run_states(WfBulkAct act, Jsonb *json, WfBulkFilter *filter)
{
	static const char *const cancelled[] = {"waiting", "running", NULL};
	static const char *const may_cancel[] = {"waiting", "running", "aborting", "failed", NULL};
	static const char *const redriven[] = {"failed", NULL};
	static const char *const may_redrive[] = {"failed", "aborted", "expired", NULL};
	static const char *const altered[] = {"waiting", NULL};
	const char *const *usual = act == WF_BULK_CANCEL_RUN ? cancelled : act == WF_BULK_REDRIVE ? redriven : altered;
	const char *const *may = act == WF_BULK_CANCEL_RUN ? may_cancel : act == WF_BULK_REDRIVE ? may_redrive : altered;

	filter->states = wf_bulk_json_strings(json, "state");
	check_words(filter->states, may,
				act == WF_BULK_CANCEL_RUN ? "state of runs that can be cancelled" :
				act == WF_BULK_REDRIVE ? "state of runs that can be redriven" : "state of runs that can be altered");
	if (filter->states == NULL)
		filter->states = words_of(usual);
}

static void
read_processes(Jsonb *json, WfBulkFilter *filter)
{
	wf_bulk_json_check_keys(json, "filter", process_keys);
	filter->object = wf_bulk_json_string(json, "definition");
	filter->version = wf_bulk_json_int(json, "version");
	filter->states = wf_bulk_json_strings(json, "state");
	filter->status = wf_bulk_json_strings(json, "status");
	check_words(filter->status, statuses, "status of a process");
	filter->suspended = wf_bulk_json_bool(json, "suspended");
	filter->tags = wf_bulk_json_strings(json, "tags");
	filter->attributes = wf_bulk_json_object(json, "attributes");
	if (filter->object == NULL && (filter->version != 0 || filter->tags != NULL || filter->attributes != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is of a definition, and the filter names none",
						filter->version != 0 ? "version" : filter->tags != NULL ? "tags" : "attributes")));
}

/*
 * Read a filter for an act, but for the ids themselves.  Errors: 22023 for a key that there is not, and for a value that
 * is not of its kind; 54000 for too many ids; those of times.
 */
void
wf_bulk_filter_read(WfBulkAct act, Jsonb *json, WfBulkFilter *filter)
{
	bool		runs = wf_bulk_act_is_of_runs(act);

	memset(filter, 0, sizeof(WfBulkFilter));
	filter->suspended = -1;
	if (runs)
	{
		wf_bulk_json_check_keys(json, "filter", run_keys);
		filter->object = wf_bulk_json_string(json, "job");
		filter->queue = wf_bulk_json_string(json, "queue");
		filter->partition = wf_bulk_json_string(json, "partition");
		read_run_states(act, json, filter);
	}
	else
		read_processes(json, filter);
	if (wf_bulk_json_string(json, "kind") != NULL &&
		strcmp(wf_bulk_json_string(json, "kind"), wf_bulk_act_kind(act)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"kind\" must be \"%s\" to %s", wf_bulk_act_kind(act), wf_bulk_act_name(act))));
	filter->key = wf_bulk_json_string(json, "key");
	filter->since = wf_bulk_json_time(json, "since", DT_NOBEGIN);
	filter->until = wf_bulk_json_time(json, "until", DT_NOEND);
	filter->nids = wf_bulk_json_length(json, "ids", runs ? "runs" : "processes");
	if (filter->nids > WF_BULK_MOST_IDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("\"ids\" has %d elements, more than %d", filter->nids, WF_BULK_MOST_IDS),
				 errhint("Say by other keys what they have in common.")));
}

/* --- items that are named ----------------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

static Jsonb *
ids_array(const pg_uuid_t *ids, int n)
{
	JsonbParseState *state = NULL;
	JsonbValue	value = {.type = jbvString};

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		value.val.string.val = wf_uuid_text(&ids[i]);
		value.val.string.len = strlen(value.val.string.val);
		(void) pushJsonbValue(&state, WJB_ELEM, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* Those that are named, in their order, each once; NULL: none is.  Error 22023 for what is no id. */
static Jsonb *
sorted_ids(WfBulkAct act, Jsonb *json, WfBulkFilter *filter)
{
	const char *of = wf_bulk_act_is_of_runs(act) ? "runs" : "processes";
	int			n = filter->nids;
	pg_uuid_t  *ids;
	int			distinct = 0;

	if (n < 0)
		return NULL;
	ids = palloc(sizeof(pg_uuid_t) * (n + 1));
	for (int i = 0; i < n; i++)
		wf_bulk_json_id(json, "ids", i, of, &ids[i]);
	qsort(ids, n, sizeof(pg_uuid_t), compare_ids);
	for (int i = 0; i < n; i++)
		if (i == 0 || compare_ids(&ids[i], &ids[distinct - 1]) != 0)
			ids[distinct++] = ids[i];
	filter->nids = distinct;
	return ids_array(ids, distinct);
}

/*
 * The filter, which was read, as it is stored: it means the same in the sessions of executors,
 * whatever their time zone is and however late they come, and its ids are sorted.  Error
 * 22023 for what is no id.
 */
Jsonb *
wf_bulk_filter_settle(WfBulkAct act, Jsonb *json, WfBulkFilter *filter)
{
	static const char *keys[] = {"ids", "since", "until"};
	Jsonb	   *values[] = {
		sorted_ids(act, json, filter), wf_bulk_json_of_time(filter->since), wf_bulk_json_of_time(filter->until)
	};

	return wf_jsonb_merge(json, wf_jsonb_object(lengthof(keys), keys, values));
}

/*
 * Of a filter that is settled: the next ids behind the position, up to `limit`, as each slice
 * asks for them: it reads no others.  Returns whether there are no more.
 */
bool
wf_bulk_filter_behind(Jsonb *json, const pg_uuid_t *position, int limit, pg_uuid_t *ids, int *n)
{
	int			end = wf_bulk_json_length(json, "ids", "items");
	int			from = 0;
	int			to = end;
	pg_uuid_t	id;

	while (from < to)
	{
		int			middle = from + (to - from) / 2;

		wf_bulk_json_id(json, "ids", middle, "items", &id);
		if (compare_ids(&id, position) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (*n = 0; *n < limit && from < end; from++)
		wf_bulk_json_id(json, "ids", from, "items", &ids[(*n)++]);
	return from == end;
}

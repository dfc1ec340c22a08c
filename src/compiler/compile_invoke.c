/*-------------------------------------------------------------------------
 *
 * compile_invoke.c
 *	  What a state invokes: processes of definitions, and runs of jobs.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_invoke.h"
#include "compiler/compile_on_error.h"
#include "compiler/compile_read.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* --- of a definition -------------------------------------------------------- */

/*
 * Check a policy of an invoke's `retry`, whose words are those of the Amazon
 * States Language.
 */
static void
check_retry(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"errors", "intervalSeconds",
		"maxAttempts", "backoffRate", "maxDelaySeconds", "jitter",
	NULL};

	c->features[WF_HAS_RETRY] = true;
	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	wf_compile_read_keys(c, json, path, known);
	for (int i = 0; i < json->n; i++)
	{
		const char *key = json->keys[i];
		const WfJson *value = json->items[i];
		const WfPath *at = WF_AT_KEY(path, key);
		int			n;

		if (strcmp(key, "errors") == 0)
			wf_compile_read_strings(c, value, at, &n);
		else if (strcmp(key, "jitter") == 0)
		{
			/* the Amazon States Language has "FULL" and "NONE" */
			if (value->kind != WF_JSON_STRING && value->kind != WF_JSON_BOOL)
				wf_compile_read_expect(c, value, at, WF_JSON_BOOL);
		}
		else if (wf_compile_read_expect(c, value, at, WF_JSON_NUMBER) &&
				 value->text[0] == '-')
			wf_compile_fault(c, at, NULL, "\"%s\" cannot be negative", key);
	}
}

/*
 * Return `retry`, `timeout` and `heartbeat` of a definition as JSON text, or
 * NULL if there are none.
 */
static const char *
compile_options(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const keys[] = {"retry", "timeout", "heartbeat"};
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < (int) lengthof(keys); i++)
	{
		const WfJson *value = wf_compile_read_get(json, keys[i]);
		const WfPath *at = WF_AT_KEY(path, keys[i]);

		if (value == NULL)
			continue;
		appendStringInfo(&buf, "%s\"%s\":", buf.len ? "," : "{", keys[i]);
		if (i == 0 && value->kind == WF_JSON_ARRAY)
		{
			for (int j = 0; j < value->n; j++)
				check_retry(c, value->items[j], WF_AT_INDEX(at, j));
			wf_json_write(&buf, value);
		}
		else if (i == 0)
		{
			check_retry(c, value, at);
			appendStringInfoChar(&buf, '[');
			wf_json_write(&buf, value);
			appendStringInfoChar(&buf, ']');
		}
		else
		{
			if (value->kind != WF_JSON_NUMBER)
				wf_compile_read_expect(c, value, at, WF_JSON_STRING);
			wf_json_write(&buf, value);
		}
	}
	if (buf.len == 0)
		return NULL;
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* --- of a job ----------------------------------------------------------------- */

static bool
is_constant(const WfJson *json)
{
	return json->kind != WF_JSON_OBJECT && json->kind != WF_JSON_ARRAY;
}

/* A string that may be computed; NULL if the key is absent. */
static WfValue *
compile_text(WfCompiler *c, const WfJson *json, const char *key, const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, key);

	if (value == NULL)
		return NULL;
	if (is_constant(value) && wf_compile_read_expect(c, value, WF_AT_KEY(path, key), WF_JSON_STRING) &&
		value->text[0] == '\0')
		wf_compile_fault(c, WF_AT_KEY(path, key), NULL, "\"%s\" is empty", key);
	return wf_compile_value(c, value, WF_AT_KEY(path, key));
}

/* `priority` of a run or a task, which may be computed; NULL if it is absent. */
WfValue *
wf_compile_invoke_priority(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, "priority");
	const WfPath *at = WF_AT_KEY(path, "priority");

	if (value == NULL)
		return NULL;
	if (is_constant(value) && wf_compile_read_expect(c, value, at, WF_JSON_NUMBER))
	{
		char	   *end;
		long		priority = strtol(value->text, &end, 10);

		if (*end != '\0' || priority < WF_PRIORITY_LEAST || priority > WF_PRIORITY_MOST)
			wf_compile_fault(c, at, NULL, "must be an integer between %d and %d",
							 WF_PRIORITY_LEAST, WF_PRIORITY_MOST);
	}
	return wf_compile_value(c, value, at);
}

/* How long an attempt may take, from now on: no working time. */
static WfDelay *
compile_timeout(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, "timeout");
	WfDelay    *delay = value == NULL ? NULL :
		wf_compile_delay(c, value, WF_AT_KEY(path, "timeout"));

	if (delay != NULL && delay->kind == WF_DELAY_WORKING)
		wf_compile_fault(c, WF_AT_KEY(path, "timeout"), "Write a duration: \"5 minutes\".",
						 "\"timeout\" cannot be working time");
	if (delay != NULL && delay->kind == WF_DELAY_RECURRING)
		wf_compile_fault(c, WF_AT_KEY(path, "timeout"), "Write a duration: \"5 minutes\".",
						 "\"timeout\" cannot be a recurrence");
	return delay;
}

static void
check_job_name(WfCompiler *c, const char *name, const WfPath *path)
{
	if (strchr(name, ':') != NULL)
		wf_compile_fault(c, path, NULL, "the name of a job has no \":\"");
	if (strlen(name) > WF_MAX_JOB_NAME)
		wf_compile_fault(c, path, NULL, "the name of a job has at most %d bytes", WF_MAX_JOB_NAME);
}

static void
compile_job(WfCompiler *c, WfInvoke *invoke, const WfJson *json, const WfPath *path)
{
	const WfJson *retry = wf_compile_read_get(json, "retry");

	if (invoke->src != NULL)
		check_job_name(c, invoke->src, WF_AT_KEY(path, "job"));
	invoke->queue = compile_text(c, json, "queue", path);
	invoke->partition = compile_text(c, json, "partition", path);
	invoke->priority = wf_compile_invoke_priority(c, json, path);
	invoke->timeout = compile_timeout(c, json, path);
	if (retry != NULL)
		invoke->retry = wf_compile_on_error_of_job(c, retry, WF_AT_KEY(path, "retry"));
	if (wf_compile_read_get(json, "heartbeat") != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "heartbeat"),
						 "A worker has a lease, which it extends with workflow.extend().",
						 "a job has no \"heartbeat\"");
}

/* --- for each element of an array ---------------------------------------------- */

/* A number of runs or processes; missing if the key is absent, or after a fault. */
static int
compile_count(WfCompiler *c, const WfJson *json, const char *key, const WfPath *path,
			  int least, int missing)
{
	const WfJson *value = wf_compile_read_get(json, key);
	char	   *end;
	long		count;

	if (value == NULL || !wf_compile_read_expect(c, value, WF_AT_KEY(path, key), WF_JSON_NUMBER))
		return missing;
	count = strtol(value->text, &end, 10);
	if (*end == '\0' && count >= least && count <= PG_INT32_MAX)
		return count;
	wf_compile_fault(c, WF_AT_KEY(path, key), NULL, "must be an integer, at least %d", least);
	return missing;
}

static const WfMap *
compile_map(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"over", "as", "concurrency", "tolerate", NULL};
	WfMap	   *map = palloc0(sizeof(WfMap));
	const WfJson *over;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return NULL;
	wf_compile_read_keys(c, json, path, known);
	over = wf_compile_read_get(json, "over");
	if (over == NULL)
		wf_compile_fault(c, path, "Write an array, or {\"@expr\": ...}.", "map has no \"over\"");
	else if (over->kind != WF_JSON_OBJECT || wf_compile_value_is_expr(over))
	{
		if (over->kind == WF_JSON_OBJECT ||
			wf_compile_read_expect(c, over, WF_AT_KEY(path, "over"), WF_JSON_ARRAY))
			map->over = wf_compile_value(c, over, WF_AT_KEY(path, "over"));
	}
	else
		wf_compile_read_expect(c, over, WF_AT_KEY(path, "over"), WF_JSON_ARRAY);
	map->as = wf_compile_read_string(c, json, "as", path);
	if (map->as == NULL)
		map->as = "item";
	if (map->as[0] == '\0' || strcmp(map->as, WF_MAP_INDEX) == 0)
		wf_compile_fault(c, WF_AT_KEY(path, "as"), NULL, "\"%s\" cannot name the element", map->as);
	map->concurrency = compile_count(c, json, "concurrency", path, 1, 0);
	map->tolerate = compile_count(c, json, "tolerate", path, 0, 0);
	return map;
}

/* --- both ----------------------------------------------------------------------- */

/* What is invoked: the definition under `src`, or the job under `job`. */
static void
compile_source(WfCompiler *c, WfInvoke *invoke, const WfJson *json, const WfPath *path)
{
	static const char *const of_jobs[] = {"queue", "partition", "priority"};
	bool		has_src = wf_compile_read_get(json, "src") != NULL;

	invoke->is_job = wf_compile_read_get(json, "job") != NULL;
	invoke->src = wf_compile_read_string(c, json, invoke->is_job ? "job" : "src", path);
	if (!has_src && !invoke->is_job)
		wf_compile_fault(c, path, "Name a definition or a job.",
						 "invoke has no \"src\"");
	if (has_src && invoke->is_job)
		wf_compile_fault(c, path, NULL, "invoke has \"src\" and \"job\"");
	for (int i = 0; i < (int) lengthof(of_jobs) && !invoke->is_job; i++)
		if (wf_compile_read_get(json, of_jobs[i]) != NULL)
			wf_compile_fault(c, WF_AT_KEY(path, of_jobs[i]), NULL, "\"%s\" is for jobs", of_jobs[i]);
}

/* What is said of an invoke by an object. */
static void
compile_members(WfCompiler *c, WfInvoke *invoke, const WfJson *json, const WfPath *path)
{
	const WfJson *input = wf_compile_read_get(json, "input");
	const WfJson *meta = wf_compile_read_get(json, "meta");
	const WfJson *map = wf_compile_read_get(json, "map");

	if (input != NULL)
		invoke->input = wf_compile_value(c, input, WF_AT_KEY(path, "input"));
	if (map != NULL)
		invoke->map = compile_map(c, map, WF_AT_KEY(path, "map"));
	invoke->detached = wf_compile_read_bool(c, json, "detached", path);
	if (invoke->is_job)
		compile_job(c, invoke, json, path);
	else
		invoke->options = compile_options(c, json, path);
	invoke->description = wf_compile_read_string(c, json, "description", path);
	if (meta != NULL)
		invoke->meta = wf_json_text(meta);
}

/*
 * Compile one invoke of a state, which has room for it: what is invoked, and how.
 * What follows on its end is the caller's.
 */
const WfInvoke *
wf_compile_invoke(WfCompiler *c, WfState *state, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"id", "src", "job", "map", "input", "queue", "priority",
		"partition", "onDone", "onError", "detached", "retry", "timeout", "heartbeat",
	"description", "meta", NULL};
	int			index = state->ninvokes;
	WfInvoke   *invoke = &state->invokes[state->ninvokes++];

	invoke->state = state->id;
	invoke->path = wf_path_text(path);
	if (json->kind == WF_JSON_STRING)
		invoke->src = json->text;
	else if (wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
	{
		wf_compile_read_keys(c, json, path, known);
		invoke->id = wf_compile_read_string(c, json, "id", path);
		compile_source(c, invoke, json, path);
	}
	if (invoke->src != NULL && invoke->src[0] == '\0')
		wf_compile_fault(c, path, NULL, "\"%s\" is empty", invoke->is_job ? "job" : "src");
	if (invoke->id == NULL)
		invoke->id = psprintf("%s.%d", state->name, index);
	wf_list_add(&c->invoke_list, invoke);
	c->features[WF_HAS_INVOKE] = true;
	if (json->kind == WF_JSON_OBJECT)
		compile_members(c, invoke, json, path);
	return invoke;
}

/*-------------------------------------------------------------------------
 *
 * compile_on_error.c
 *	  `on_error`: what happens to an event whose step failed in an
 *	  executor.
 *
 * Pure C.  The words of `retry` are those of the Amazon States Language.
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
#include "chart/json_string.h"
#include "chart/path.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_on_error.h"
#include "compiler/compile_read.h"
#include "compiler/compile_transition.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* The counter of attempts in a timer's row is a smallint. */
#define MAX_ATTEMPTS	32000
#define MAX_SECONDS		(1000.0 * 365 * 86400)
#define MAX_RATE		1000.0

/*
 * Return the number under a key, or `missing` if the key is absent or its
 * value is not between `least` and `most`, which is a fault.
 */
static double
number(WfCompiler *c, const WfJson *json, const char *key, const WfPath *path,
	   double missing, double least, double most)
{
	const WfJson *value = wf_compile_read_get(json, key);
	double		result;

	if (value == NULL || !wf_compile_read_expect(c, value, WF_AT_KEY(path, key), WF_JSON_NUMBER))
		return missing;
	result = strtod(value->text, NULL);
	if (!(result >= least && result <= most))
	{
		wf_compile_fault(c, WF_AT_KEY(path, key), NULL,
						 "must be between %g and %g", least, most);
		return missing;
	}
	return result;
}

/* Is a name "*", an SQLSTATE, or the class of SQLSTATEs? */
static bool
is_error_name(const char *name)
{
	int			len = strlen(name);

	return strcmp(name, "*") == 0 ||
		((len == 2 || len == 5) &&
		 strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == (size_t) len);
}

static void
compile_errors(WfCompiler *c, WfRetry *retry, const WfJson *json, const WfPath *path)
{
	retry->errors = wf_compile_read_strings(c, json, path, &retry->nerrors);
	for (int i = 0; i < retry->nerrors; i++)
		if (!is_error_name(retry->errors[i]))
			wf_compile_fault(c, json->kind == WF_JSON_ARRAY ? WF_AT_INDEX(path, i) : path,
							 "Write an SQLSTATE (\"23505\"), a class (\"23\") or \"*\".",
							 "\"%s\" is not an error code", retry->errors[i]);
}

static void
compile_retry(WfCompiler *c, WfRetry *retry, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"errors", "intervalSeconds",
		"maxAttempts", "backoffRate", "maxDelaySeconds", "jitter",
	NULL};
	const WfJson *errors;
	const char *jitter;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	wf_compile_read_keys(c, json, path, known);
	errors = wf_compile_read_get(json, "errors");
	if (errors == NULL)
		wf_compile_fault(c, path, "Write \"*\" for all errors.", "\"errors\" is missing");
	else
		compile_errors(c, retry, errors, WF_AT_KEY(path, "errors"));
	retry->interval = number(c, json, "intervalSeconds", path, 1, 0, MAX_SECONDS);
	retry->max_attempts = (int) number(c, json, "maxAttempts", path, 3, 0, MAX_ATTEMPTS);
	retry->rate = number(c, json, "backoffRate", path, 2, 1, MAX_RATE);
	retry->max_delay = number(c, json, "maxDelaySeconds", path, MAX_SECONDS, 0, MAX_SECONDS);
	jitter = wf_compile_read_string(c, json, "jitter", path);
	retry->jitter = jitter != NULL && strcmp(jitter, "full") == 0;
	if (jitter != NULL && !retry->jitter && strcmp(jitter, "none") != 0)
		wf_compile_fault(c, WF_AT_KEY(path, "jitter"), NULL,
						 "must be \"none\" or \"full\"");
}

static void
compile_retries(WfCompiler *c, WfPolicy *policy, const WfJson *json, const WfPath *path)
{
	bool		single = json->kind != WF_JSON_ARRAY;

	policy->has_retry = true;
	policy->nretries = single ? 1 : json->n;
	policy->retries = palloc0((policy->nretries + 1) * sizeof(WfRetry));
	for (int i = 0; i < policy->nretries; i++)
		compile_retry(c, &policy->retries[i], single ? json : json->items[i],
					  single ? path : WF_AT_INDEX(path, i));
}

/*
 * Compile the event of {"event": "name"}, which must not be one that only
 * the engine sends, except for error.step.
 */
static void
compile_event(WfCompiler *c, WfPolicy *policy, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"event", NULL};
	const char *prefix;

	wf_compile_read_keys(c, json, path, known);
	policy->event = wf_compile_read_string(c, json, "event", path);
	if (policy->event == NULL)
		return;
	if (policy->event[0] == '\0')
		wf_compile_fault(c, WF_AT_KEY(path, "event"), NULL, "the name of an event is empty");
	if (strcmp(policy->event, WF_STEP_ERROR_EVENT) == 0)
		return;
	prefix = wf_chart_reserved_prefix(policy->event, false);
	if (prefix != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "event"),
						 "Use \"" WF_STEP_ERROR_EVENT "\" or a name of your own.",
						 "names that begin with \"%s\" are the engine's own", prefix);
}

static void
compile_then(WfCompiler *c, WfPolicy *policy, const WfJson *json, const WfPath *path)
{
	policy->then = WF_THEN_EVENT;
	if (json->kind == WF_JSON_OBJECT && wf_compile_read_get(json, "event") != NULL)
		compile_event(c, policy, json, path);
	else if (json->kind == WF_JSON_OBJECT && wf_compile_read_get(json, "target") != NULL)
		policy->event = WF_STEP_ERROR_EVENT;	/* see wf_compile_on_error_then() */
	else if (json->kind == WF_JSON_STRING && strcmp(json->text, "error") == 0)
		policy->then = WF_THEN_ERROR;
	else if (json->kind == WF_JSON_STRING && strcmp(json->text, "terminate") == 0)
		policy->then = WF_THEN_TERMINATE;
	else
	{
		policy->then = WF_THEN_STOP;
		wf_compile_fault(c, path, NULL,
						 "must be \"error\", \"terminate\", {\"event\": ...} or {\"target\": ...}");
	}
}

/*
 * Return `on_error` in canonical form.  A target is written as its event;
 * the transition to it is written with those of the root.
 */
static const char *
canonical_text(const WfJson *retry, const WfJson *then, const WfPolicy *policy)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	if (retry != NULL)
	{
		appendStringInfoString(&buf, "\"retry\":");
		wf_json_write(&buf, retry);
	}
	if (then != NULL)
	{
		appendStringInfo(&buf, "%s\"then\":", retry != NULL ? "," : "");
		if (policy->then == WF_THEN_EVENT && policy->event != NULL)
		{
			appendStringInfoString(&buf, "{\"event\":");
			wf_json_string_write(&buf, policy->event);
			appendStringInfoChar(&buf, '}');
		}
		else
			wf_json_write(&buf, then);
	}
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* Compile the root's `on_error`: {retry, then}.  Never returns NULL. */
const WfPolicy *
wf_compile_on_error(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"retry", "then", NULL};
	WfPolicy   *policy = palloc0(sizeof(WfPolicy));
	const WfJson *retry;
	const WfJson *then;

	c->features[WF_HAS_ON_ERROR] = true;
	policy->text = "{}";
	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return policy;
	wf_compile_read_keys(c, json, path, known);
	retry = wf_compile_read_get(json, "retry");
	if (retry != NULL)
		compile_retries(c, policy, retry, WF_AT_KEY(path, "retry"));
	then = wf_compile_read_get(json, "then");
	if (then != NULL)
		compile_then(c, policy, then, WF_AT_KEY(path, "then"));
	policy->text = canonical_text(retry, then, policy);
	return policy;
}

/* If `then` is a transition of the root, append it to `into`. */
void
wf_compile_on_error_then(WfCompiler *c, const WfJson *root, WfList *into)
{
	const WfJson *json = wf_compile_read_get(root, "on_error");
	const WfJson *then = json != NULL && json->kind == WF_JSON_OBJECT ?
		wf_compile_read_get(json, "then") : NULL;

	if (then != NULL && then->kind == WF_JSON_OBJECT &&
		wf_compile_read_get(then, "event") == NULL && wf_compile_read_get(then, "target") != NULL)
		wf_compile_transitions(c, 0, then,
							   WF_AT_KEY(WF_AT_KEY(WF_AT_TEXT("$"), "on_error"), "then"),
							   into, NULL);
}

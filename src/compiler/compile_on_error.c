/*-------------------------------------------------------------------------
 *
 * compile_on_error.c
 *	  `on_error` of the root, a state or a transition: what happens to an
 *	  event whose step failed in an executor.
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
#include "compiler/compiler.h"
#include "compiler/list.h"

/* More than anybody lives to see; the Amazon States Language ends at 1e8. */
#define MAX_ATTEMPTS	1e15
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

/* Is a name "*", an SQLSTATE, or the class of SQLSTATEs; of a job, any code? */
static bool
is_error_name(const WfCompiler *c, const char *name)
{
	int			len = strlen(name);

	if (c->any_error)
		return len > 0 && len <= WF_MAX_NAME_LENGTH;
	return strcmp(name, "*") == 0 ||
		((len == 2 || len == 5) &&
		 strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == (size_t) len);
}

static void
compile_errors(WfCompiler *c, WfRetry *retry, const WfJson *json, const WfPath *path)
{
	retry->errors = wf_compile_read_strings(c, json, path, &retry->nerrors);
	for (int i = 0; i < retry->nerrors; i++)
		if (!is_error_name(c, retry->errors[i]))
			wf_compile_fault(c, json->kind == WF_JSON_ARRAY ? WF_AT_INDEX(path, i) : path,
							 "Write an SQLSTATE (\"23505\"), a class (\"23\") or \"*\".",
							 "\"%s\" is not an error code", retry->errors[i]);
}

/* The most attempts after the first one: a number, or "unlimited". */
static int
compile_attempts(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, "maxAttempts");
	double		attempts;

	if (value != NULL && value->kind == WF_JSON_STRING)
	{
		if (strcmp(value->text, "unlimited") != 0)
			wf_compile_fault(c, WF_AT_KEY(path, "maxAttempts"),
							 "Write a number, or \"unlimited\".",
							 "\"%s\" is not a number of attempts", value->text);
		return WF_UNLIMITED;
	}
	attempts = number(c, json, "maxAttempts", path, 3, 0, MAX_ATTEMPTS);
	return (int) Min(attempts, PG_INT32_MAX);
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
	retry->max_attempts = compile_attempts(c, json, path);
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
 * Compile the retries of a job, which are those of an `on_error`: `*` and SQLSTATEs
 * are meant as there, and other codes are those with which workers report that
 * they have failed.  Returns NULL with faults, whose paths begin at "$".
 */
const WfPolicy *
wf_compile_on_error_retries(const char *text, int len, WfFaults *faults)
{
	WfCompiler	compiler = {.faults = faults,.any_error = true};
	WfPolicy   *policy = palloc0(sizeof(WfPolicy));
	const WfJson *json = wf_json_parse(text, len, faults);

	if (json == NULL)
		return NULL;
	policy->text = wf_json_text(json);
	compile_retries(&compiler, policy, json, WF_AT_TEXT("$"));
	return faults->n == 0 ? policy : NULL;
}

/*
 * Check the retries of a job that is invoked, and return their text, for
 * wf_compile_on_error_retries().
 */
const char *
wf_compile_on_error_of_job(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfPolicy	policy = {0};
	bool		before = c->any_error;

	c->features[WF_HAS_RETRY] = true;
	c->any_error = true;
	compile_retries(c, &policy, json, path);
	c->any_error = before;
	return wf_json_text(json);
}

/*
 * Is this an event that `on_error` may send although it is the engine's:
 * error.step, or what the canonical form has in place of a target?
 */
static bool
is_step_error(const char *event)
{
	size_t		len = strlen(WF_STEP_ERROR_EVENT);

	return strncmp(event, WF_STEP_ERROR_EVENT, len) == 0 &&
		(event[len] == '\0' || (event[len] == '.' && event[len + 1] != '\0'));
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
	if (is_step_error(policy->event))
		return;
	prefix = wf_chart_reserved_prefix(policy->event, false);
	if (prefix != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "event"),
						 "Use \"" WF_STEP_ERROR_EVENT "\" or a name of your own.",
						 "names that begin with \"%s\" are the engine's own", prefix);
}

/* event: the one that stands for a target. */
static void
compile_then(WfCompiler *c, WfPolicy *policy, const WfJson *json, const WfPath *path,
			 const char *event)
{
	policy->event = NULL;
	policy->then = WF_THEN_EVENT;
	if (json->kind == WF_JSON_OBJECT && wf_compile_read_get(json, "event") != NULL)
		compile_event(c, policy, json, path);
	else if (json->kind == WF_JSON_OBJECT && wf_compile_read_get(json, "target") != NULL)
		policy->event = event;	/* see wf_compile_on_error_add() */
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
 * the transition to it is written with those of the state.
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

/*
 * Compile an `on_error`: {retry, then}.  outer: that around it, whose parts
 * count where it has none, or NULL.  Never returns NULL.
 */
static const WfPolicy *
compile_policy(WfCompiler *c, const WfJson *json, const WfPath *path,
			   const WfPolicy *outer, const char *event)
{
	static const char *const known[] = {"retry", "then", NULL};
	WfPolicy   *policy = palloc0(sizeof(WfPolicy));
	const WfJson *retry;
	const WfJson *then;

	c->features[WF_HAS_ON_ERROR] = true;
	if (outer != NULL)
		*policy = *outer;
	policy->text = "{}";
	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return policy;
	wf_compile_read_keys(c, json, path, known);
	retry = wf_compile_read_get(json, "retry");
	if (retry != NULL)
		compile_retries(c, policy, retry, WF_AT_KEY(path, "retry"));
	then = wf_compile_read_get(json, "then");
	if (then != NULL)
		compile_then(c, policy, then, WF_AT_KEY(path, "then"), event);
	policy->text = canonical_text(retry, then, policy);
	return policy;
}

/* Return `then` of an `on_error` if it has a target, else NULL. */
static const WfJson *
then_target(const WfJson *json)
{
	const WfJson *then = json->kind == WF_JSON_OBJECT ?
		wf_compile_read_get(json, "then") : NULL;

	if (then == NULL || then->kind != WF_JSON_OBJECT ||
		wf_compile_read_get(then, "event") != NULL ||
		wf_compile_read_get(then, "target") == NULL)
		return NULL;
	return then;
}

/*
 * Compile `on_error` of a state or a transition, where *policy is that around
 * it, which the result replaces.  event: what the process gets if `then` is a
 * target, whose transitions are kept in c->caught until the handlers of the
 * state are made.
 */
void
wf_compile_on_error_add(WfCompiler *c, const WfJson *json, const WfPath *path,
						const WfPolicy **policy, const char *event)
{
	*policy = compile_policy(c, json, path, *policy, event);
	if (then_target(json) != NULL)
	{
		WfCaught   *caught = palloc(sizeof(WfCaught));

		caught->event = event;
		caught->json = then_target(json);
		caught->path = wf_path_text(WF_AT_KEY(path, "then"));
		wf_list_add(&c->caught, caught);
	}
}

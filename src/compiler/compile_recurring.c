/*-------------------------------------------------------------------------
 *
 * compile_recurring.c
 *	  Delays that end at the next time of a recurrence.
 *
 * Pure C.  Only the shape is checked here.  Cron expressions, rules, zones and calendars
 * are read by define(), see eval/eval_recurring.c.
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
#include "compiler/compile_fault.h"
#include "compiler/compile_read.h"
#include "compiler/compile_recurring.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"

/* Is this object a recurrence, well written or not? */
bool
wf_compile_recurring_is(const WfJson *json)
{
	return wf_json_get(json, "cron") != NULL || wf_json_get(json, "rule") != NULL ||
		wf_json_get(json, "every") != NULL;
}

/* The word under a key, or NULL if there is none or after a fault: it must be one of two. */
static const char *
read_word(WfCompiler *c, const WfJson *json, const WfPath *path, const char *key,
		  const char *one, const char *other)
{
	const char *word = wf_compile_read_string(c, json, key, path);

	if (word == NULL || strcmp(word, one) == 0 || strcmp(word, other) == 0)
		return word;
	wf_compile_fault(c, WF_AT_KEY(path, key), NULL, "must be \"%s\" or \"%s\", not \"%s\"",
					 one, other, word);
	return NULL;
}

/* Go over a text as a pattern says: "9" is a digit, all else itself.  NULL: it is another. */
static const char *
match(const char *text, const char *pattern)
{
	for (; *pattern != '\0'; pattern++, text++)
		if (*pattern == '9' ? !isdigit((unsigned char) *text) : *text != *pattern)
			return NULL;
	return text;
}

/* The same, where the text may be without what the pattern says. */
static const char *
match_if(const char *text, const char *pattern)
{
	const char *end = match(text, pattern);

	return end != NULL ? end : text;
}

/*
 * Is a text a time of ISO 8601: a date, perhaps with a time of day, and that perhaps with an
 * offset?  It means the same whatever the session's DateStyle is.
 */
static bool
is_time(const char *text)
{
	const char *rest = match(text, "9999-99-99");

	if (rest == NULL || *rest == '\0')
		return rest != NULL;
	if (*rest != 'T' && *rest != ' ')
		return false;
	rest = match(rest + 1, "99:99");
	if (rest == NULL)
		return false;
	rest = match_if(rest, ":99");
	if (*rest == 'Z')
		rest++;
	else if (*rest == '+' || *rest == '-')
		rest = match_if(match_if(rest + 1, "99"), ":99");
	return *rest == '\0';
}

/* Read the anchor: a time, or an expression that gives one. */
static void
read_anchor(WfCompiler *c, const WfJson *json, const WfPath *path, WfRecurring *recurring,
			const WfJson **expr)
{
	const WfJson *anchor = wf_compile_read_get(json, "anchor");
	const WfPath *at = WF_AT_KEY(path, "anchor");
	const char *hint = "Write when it happens for the first time: \"2026-01-31T09:00\".";

	if (anchor == NULL && recurring->cron == NULL &&
		(recurring->rule != NULL || recurring->every != NULL))
		wf_compile_fault(c, path, hint, "\"anchor\" is missing");
	else if (anchor != NULL && recurring->cron != NULL)
		wf_compile_fault(c, at, NULL, "a cron expression has no anchor");
	else if (anchor != NULL && wf_compile_value_is_expr(anchor))
		*expr = anchor;
	else if (anchor != NULL && wf_compile_read_expect(c, anchor, at, WF_JSON_STRING))
	{
		recurring->anchor = anchor->text;
		if (!is_time(anchor->text))
			wf_compile_fault(c, at, hint, "\"%s\" is not a time", anchor->text);
	}
}

/*
 * Compile {"cron" | "rule" | "every": ..., "anchor", "zone", "gap", "fold", "calendar",
 * "catch_up"}.  *expr: the anchor, if it is computed.  False after a fault.
 */
bool
wf_compile_recurring(WfCompiler *c, const WfJson *json, const WfPath *path,
					 WfRecurring *recurring, const WfJson **expr, const char **calendar)
{
	static const char *const known[] = {"cron", "rule", "every", "anchor", "zone", "gap",
	"fold", "calendar", "catch_up", NULL};
	int			before = c->faults->n + c->faults->more;
	const char *catch_up;

	wf_compile_read_keys(c, json, path, known);
	recurring->cron = wf_compile_read_string(c, json, "cron", path);
	recurring->rule = wf_compile_read_string(c, json, "rule", path);
	recurring->every = wf_compile_read_string(c, json, "every", path);
	if (c->faults->n + c->faults->more == before &&
		(recurring->cron != NULL) + (recurring->rule != NULL) + (recurring->every != NULL) != 1)
		wf_compile_fault(c, path, NULL, "one of \"cron\", \"rule\" and \"every\" must be given");
	read_anchor(c, json, path, recurring, expr);
	recurring->zone = wf_compile_read_string(c, json, "zone", path);
	recurring->gap = read_word(c, json, path, "gap", "next", "skip");
	recurring->fold = read_word(c, json, path, "fold", "first", "second");
	*calendar = wf_compile_read_string(c, json, "calendar", path);
	catch_up = read_word(c, json, path, "catch_up", "one", "all");
	recurring->catch_up = catch_up != NULL && strcmp(catch_up, "all") == 0;
	return c->faults->n + c->faults->more == before;
}

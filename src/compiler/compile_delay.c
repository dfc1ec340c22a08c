/*-------------------------------------------------------------------------
 *
 * compile_delay.c
 *	  Delays: numbers, durations as text, names in `delays`, expressions, and more.
 *
 * Pure C.  Only the shape of a text is checked here.  define() lets
 * PostgreSQL's interval input check the rest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_read.h"
#include "compiler/compile_recurring.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* In milliseconds, some 30,000 years.  A longer delay is a mistake. */
#define LONGEST_MS		1e15

/*
 * Units that PostgreSQL's interval input knows, as far as they are useful in
 * a delay.
 */
static const char *const units[] = {
	"us", "usec", "usecs", "microsecond", "microseconds",
	"ms", "msec", "msecs", "millisecond", "milliseconds",
	"s", "sec", "secs", "second", "seconds",
	"m", "min", "mins", "minute", "minutes",
	"h", "hr", "hrs", "hour", "hours",
	"d", "day", "days", "w", "week", "weeks",
	"mon", "mons", "month", "months",
	"y", "yr", "yrs", "year", "years", NULL
};

/* Make a delay with an id of its own. */
static WfDelay *
new_delay(WfCompiler *c, WfDelayKind kind, const WfPath *path)
{
	WfDelay    *delay = palloc0(sizeof(WfDelay));

	delay->kind = kind;
	delay->path = wf_path_text(path);
	delay->id = c->delay_list.n;
	wf_list_add(&c->delay_list, delay);
	return delay;
}

/*
 * Compile a number of milliseconds, given as a JSON number.  NULL after a
 * fault.
 */
static WfDelay *
delay_of_number(WfCompiler *c, const char *text, const WfPath *path)
{
	double		ms = strtod(text, NULL);
	WfDelay    *delay;

	if (ms == -1)
		return new_delay(c, WF_DELAY_NEVER, path);
	if (!(ms >= 0 && ms <= LONGEST_MS))
	{
		wf_compile_fault(c, path,
						 "Write milliseconds from 0 on, or -1 for never.",
						 "delay %s is out of range", text);
		return NULL;
	}
	delay = new_delay(c, WF_DELAY_MS, path);
	delay->ms = (int64) ceil(ms);
	return delay;
}

static bool
is_number(const char *text)
{
	size_t		len = strlen(text);

	return isdigit((unsigned char) text[0]) &&
		len == strspn(text, "0123456789.") &&
		strchr(text, '.') == strrchr(text, '.');
}

/* Is a text a duration of ISO 8601, "P30D", "PT1H30M" or "P1Y2M3DT4.5S"? */
static bool
is_iso_duration(const char *text)
{
	bool		any = false;

	if (*text++ != 'P')
		return false;
	while (*text)
	{
		if (*text == 'T')
		{
			text++;
			continue;
		}
		if (!isdigit((unsigned char) *text))
			return false;
		text += strspn(text, "0123456789.,");
		if (*text == '\0' || strchr("YMWDHS", *text) == NULL)
			return false;
		text++;
		any = true;
	}
	return any;
}

/*
 * Move days and weeks that stand behind the T before it, where PostgreSQL
 * looks for them.  People do write "PT30D", and it can mean nothing else.
 */
static const char *
normalize_iso_duration(const char *text)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *end = result;

	*end++ = 'P';
	for (int want_time = 0; want_time <= 1; want_time++)
	{
		bool		behind = false;
		bool		first = true;

		for (const char *part = text + 1; *part;)
		{
			int			len;

			if (*part == 'T')
			{
				behind = true;
				part++;
				continue;
			}
			len = strspn(part, "0123456789.,") + 1;
			if ((behind && strchr("DW", part[len - 1]) == NULL) == want_time)
			{
				if (want_time && first)
					*end++ = 'T';
				first = false;
				memcpy(end, part, len);
				end += len;
			}
			part += len;
		}
	}
	*end = '\0';
	return result;
}

static bool
is_unit(const char *word, int len)
{
	for (const char *const *unit = units; *unit; unit++)
		if ((int) strlen(*unit) == len &&
			pg_strncasecmp(*unit, word, len) == 0)
			return true;
	return false;
}

/*
 * Is a text an interval, "30 days", "1h 30m" or "2 days 01:30:00": numbers
 * with units, or a time of day?
 */
static bool
is_interval(const char *text)
{
	bool		any = false;

	while (*text)
	{
		int			len;

		text += strspn(text, " ");
		if (*text == '\0')
			break;
		if (!isdigit((unsigned char) *text))
			return false;
		any = true;
		text += strspn(text, "0123456789.");
		if (*text == ':')
		{
			text += strspn(text, "0123456789.:");
			continue;
		}
		text += strspn(text, " ");
		for (len = 0; isalpha((unsigned char) text[len]); len++)
			 /* count */ ;
		if (!is_unit(text, len))
			return false;
		text += len;
	}
	return any;
}

/*
 * Compile a delay that is given as text: a name in `delays`, a number, or a
 * duration.  Returns NULL after a fault.  A named delay is shared by all who
 * use its name.
 */
WfDelay *
wf_compile_delay_text(WfCompiler *c, const char *text, const WfPath *path)
{
	int			named = wf_list_find_named(c->delays, c->ndelays, text,
										   strlen(text));
	WfDelay    *delay;
	const char **names;
	const char *hint;

	if (named >= 0)
	{
		delay = c->delay_list.items[named];
		delay->used = true;
		return delay;
	}
	if (is_number(text))
		return delay_of_number(c, text, path);
	if (is_iso_duration(text) || is_interval(text))
	{
		delay = new_delay(c, WF_DELAY_TEXT, path);
		delay->text = text[0] == 'P' ? normalize_iso_duration(text) : text;
		return delay;
	}

	names = palloc((c->ndelays + 1) * sizeof(char *));
	for (int i = 0; i < c->ndelays; i++)
		names[i] = c->delays[i].name;
	names[c->ndelays] = NULL;
	hint = wf_diagnostic_spelling_hint(text, names);
	if (hint == NULL)
		hint = "Write milliseconds (\"1000\"), ISO 8601 (\"PT30M\"), an "
			"interval (\"30 minutes\"), or a name in the root's `delays`.";
	wf_compile_fault(c, path, hint, "\"%s\" is not a delay", text);
	return NULL;
}

/*
 * Compile a delay in working time: {"duration": "PT16H", "calendar":
 * "berlin"}.  Weeks are refused: to PostgreSQL a week is seven days, and
 * nobody who writes a week means seven working days.
 */
static WfDelay *
compile_working(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"duration", "calendar", NULL};
	const WfPath *at = WF_AT_KEY(path, "duration");
	const char *duration = wf_compile_read_string(c, json, "duration", path);
	const char *calendar = wf_compile_read_string(c, json, "calendar", path);
	WfDelay    *delay;

	wf_compile_read_keys(c, json, path, known);
	if (wf_compile_read_get(json, "duration") == NULL)
		wf_compile_fault(c, path, NULL, "\"duration\" is missing");
	if (wf_compile_read_get(json, "calendar") == NULL)
		wf_compile_fault(c, path, NULL, "\"calendar\" is missing");
	if (duration == NULL || calendar == NULL)
		return NULL;
	if (!is_iso_duration(duration) && !is_interval(duration))
	{
		wf_compile_fault(c, at, "Write ISO 8601 (\"PT16H\", \"P2D\") or an interval (\"16 hours\", \"2 days\").",
						 "\"%s\" is not a duration", duration);
		return NULL;
	}
	if (strpbrk(duration, "wW") != NULL)
	{
		wf_compile_fault(c, at, "Write working days: \"P5D\".",
						 "weeks cannot be counted in working time");
		return NULL;
	}
	delay = new_delay(c, WF_DELAY_WORKING, path);
	delay->text = duration[0] == 'P' ? normalize_iso_duration(duration) : duration;
	delay->calendar = calendar;
	return delay;
}

/* Compile a delay that ends at the next time of a recurrence.  NULL after a fault. */
static WfDelay *
compile_recurring(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfRecurring *recurring = palloc0(sizeof(WfRecurring));
	const WfJson *expr = NULL;
	const char *calendar = NULL;
	WfDelay    *delay;

	if (!wf_compile_recurring(c, json, path, recurring, &expr, &calendar))
		return NULL;
	if (recurring->every != NULL)
	{
		if (!is_iso_duration(recurring->every) && !is_interval(recurring->every))
		{
			wf_compile_fault(c, WF_AT_KEY(path, "every"), "Write ISO 8601 (\"P1M\") or an interval (\"1 month\").",
							 "\"%s\" is not a duration", recurring->every);
			return NULL;
		}
		if (recurring->every[0] == 'P')
			recurring->every = normalize_iso_duration(recurring->every);
	}
	delay = new_delay(c, WF_DELAY_RECURRING, path);
	delay->recurring = recurring;
	delay->calendar = calendar;
	if (expr != NULL)
		delay->expr = wf_compile_value_expr(c, WF_USE_DELAY, expr, WF_AT_KEY(path, "anchor"));
	c->features[WF_HAS_RECURRENCE] = true;
	return delay;
}

/* Compile a delay in any form.  Returns NULL after a fault. */
WfDelay *
wf_compile_delay(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfDelay    *delay;

	switch (json->kind)
	{
		case WF_JSON_NULL:
			return new_delay(c, WF_DELAY_NEVER, path);
		case WF_JSON_NUMBER:
			return delay_of_number(c, json->text, path);
		case WF_JSON_STRING:
			return wf_compile_delay_text(c, json->text, path);
		case WF_JSON_OBJECT:
			if (wf_compile_recurring_is(json))
				return compile_recurring(c, json, path);
			if (!wf_compile_value_is_expr(json))
				return compile_working(c, json, path);
			delay = new_delay(c, WF_DELAY_EXPR, path);
			delay->expr = wf_compile_value_expr(c, WF_USE_DELAY, json, path);
			return delay;
		default:
			break;
	}
	wf_compile_fault(c, path,
					 "Write milliseconds, a duration, a name in `delays`, "
					 "null for never, or {\"@expr\": ...}.",
					 "delay cannot be of type %s", wf_json_kind_name(json->kind));
	return NULL;
}

/*
 * Compile a `step_timeout`, a constant delay; null: no limit.  Returns NULL
 * after a fault.
 */
const WfDelay *
wf_compile_delay_limit(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	int			before = c->delay_list.n;
	const WfDelay *limit = wf_compile_delay(c, json, path);

	if (limit != NULL && limit->kind == WF_DELAY_EXPR)
		wf_compile_fault(c, path, NULL, "must be a constant");
	if (limit != NULL && limit->kind == WF_DELAY_WORKING)
		wf_compile_fault(c, path, "Write a duration: \"5 seconds\".",
						 "\"step_timeout\" cannot be working time");
	if (limit != NULL && limit->kind == WF_DELAY_RECURRING)
		wf_compile_fault(c, path, "Write a duration: \"5 seconds\".",
						 "\"step_timeout\" cannot be a recurrence");
	c->chart->nlimits += c->delay_list.n - before;
	c->features[WF_HAS_STEP_TIMEOUT] = true;
	return limit;
}

static int
compare_named(const void *a, const void *b)
{
	return strcmp(((const WfNamed *) a)->name, ((const WfNamed *) b)->name);
}

/*
 * Compile the root's `delays`.  Must be called before anything that may use
 * one of their names.
 */
void
wf_compile_delays(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfNamed    *table;
	int			n = 0;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	table = palloc((json->n + 1) * sizeof(WfNamed));
	for (int i = 0; i < json->n; i++)
	{
		const WfPath *at = WF_AT_KEY(path, json->keys[i]);
		WfDelay    *delay;

		if (json->keys[i][0] == '\0')
			wf_compile_fault(c, at, NULL, "the name of a delay is empty");
		delay = wf_compile_delay(c, json->items[i], at);
		/* Keep the name, or every use of it would be reported, too. */
		if (delay == NULL)
			delay = new_delay(c, WF_DELAY_NEVER, at);
		delay->name = json->keys[i];
		table[n].name = delay->name;
		table[n++].value = delay->id;
	}
	qsort(table, n, sizeof(WfNamed), compare_named);
	c->delays = table;
	c->ndelays = n;
}

/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  Calendars of working time: parsed from JSON, and cached by the
 *	  session.
 *
 * Runs in any backend.  The cache is invalidated when the table changes; see
 * shmem/inval.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "base/quote.h"
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "chart/path.h"
#include "eval/calendar.h"
#include "shmem/inval.h"
#include "store/statement.h"

static WfInval watch = {.table = "calendar"};
static MemoryContext kept = NULL;
static List *calendars = NIL;

/*
 * Reads the latest row even if the transaction's snapshot is older, because
 * the cache outlives the transaction.
 */
static WfStatement read_statement = {
	.sql = "SELECT c.calendar::pg_catalog.text FROM workflow.calendar c"
	" WHERE c.name OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {TEXTOID},
	.latest = true
};

/* --- parsing ----------------------------------------------------------- */

static bool
expect(const WfJson *json, const WfPath *path, WfJsonKind kind, WfFaults *faults)
{
	if (json->kind == kind)
		return true;
	wf_diagnostic_fault(faults, wf_path_text(path), NULL, "must be of type %s, not %s",
						wf_json_kind_name(kind), wf_json_kind_name(json->kind));
	return false;
}

/* Return the number that two digits make, or -1 if they are not digits. */
static int
two_digits(const char *text)
{
	return isdigit((unsigned char) text[0]) && isdigit((unsigned char) text[1]) ?
		(text[0] - '0') * 10 + text[1] - '0' : -1;
}

/*
 * Return the microseconds of a time of day, "09:00", "17:30:15" or "24:00",
 * or -1 after a fault.
 */
static int64
time_of_day(const WfJson *json, const WfPath *path, WfFaults *faults)
{
	const char *text = json->kind == WF_JSON_STRING ? json->text : "";
	size_t		len = strlen(text);
	bool		shaped = (len == 5 || len == 8) && text[2] == ':' &&
		(len == 5 || text[5] == ':');
	int			hour = shaped ? two_digits(text) : -1;
	int			minute = shaped ? two_digits(text + 3) : -1;
	int			second = shaped && len == 8 ? two_digits(text + 6) : 0;

	if (hour < 0 || minute < 0 || second < 0 || minute > 59 || second > 59 ||
		hour > 24 || (hour == 24 && (minute > 0 || second > 0)))
	{
		wf_diagnostic_fault(faults, wf_path_text(path),
							"Write \"09:00\"; the end of a day is \"24:00\".",
							"must be a time of day");
		return -1;
	}
	return (hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE + second) * USECS_PER_SEC;
}

static bool
parse_span(const WfJson *json, const WfPath *path, WfSpan *span, WfFaults *faults)
{
	if (json->kind != WF_JSON_ARRAY || json->n != 2)
	{
		wf_diagnostic_fault(faults, wf_path_text(path), "Write [\"09:00\", \"17:00\"].",
							"must be an array of two times");
		return false;
	}
	span->from = time_of_day(json->items[0], WF_AT_INDEX(path, 0), faults);
	span->to = time_of_day(json->items[1], WF_AT_INDEX(path, 1), faults);
	if (span->from < 0 || span->to < 0)
		return false;
	if (span->to > span->from)
		return true;
	wf_diagnostic_fault(faults, wf_path_text(path),
						"Split it at midnight: until \"24:00\", and from \"00:00\" on the next day.",
						"must end after it begins");
	return false;
}

static int
compare_spans(const void *a, const void *b)
{
	const WfSpan *x = a;
	const WfSpan *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Parse the hours of a day: [["09:00", "12:00"], ["13:00", "17:00"]]. */
static void
parse_hours(const WfJson *json, const WfPath *path, WfHours *hours, WfFaults *faults)
{
	if (!expect(json, path, WF_JSON_ARRAY, faults))
		return;
	hours->spans = palloc(sizeof(WfSpan) * (json->n + 1));
	for (int i = 0; i < json->n; i++)
		if (parse_span(json->items[i], WF_AT_INDEX(path, i), &hours->spans[hours->n], faults))
			hours->n++;
	qsort(hours->spans, hours->n, sizeof(WfSpan), compare_spans);
	for (int i = 1; i < hours->n; i++)
		if (hours->spans[i].from < hours->spans[i - 1].to)
		{
			wf_diagnostic_fault(faults, wf_path_text(path), NULL, "times overlap");
			return;
		}
}

static void
parse_week(const WfJson *json, const WfPath *path, WfCalendar *calendar, WfFaults *faults)
{
	static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

	if (!expect(json, path, WF_JSON_OBJECT, faults))
		return;
	for (int i = 0; i < json->n; i++)
	{
		const WfPath *at = WF_AT_KEY(path, json->keys[i]);
		int			day = 0;

		while (days[day] != NULL && strcmp(days[day], json->keys[i]) != 0)
			day++;
		if (days[day] == NULL)
		{
			wf_diagnostic_fault(faults, wf_path_text(at), "Days are mon, tue, wed, thu, fri, sat, sun.",
								"there is no day \"%s\"", json->keys[i]);
			continue;
		}
		parse_hours(json->items[i], at, &calendar->week[day], faults);
		calendar->weekly = calendar->weekly || calendar->week[day].n > 0;
	}
}

/*
 * Parse a date, "2026-12-25", into days since 2000-01-01.  Returns false
 * after a fault.
 */
static bool
parse_date(const char *text, const WfPath *path, int *date, WfFaults *faults)
{
	int			year;
	int			month;
	int			day;
	bool		shaped = strlen(text) == 10 && text[4] == '-' && text[7] == '-' &&
		two_digits(text) >= 0 && two_digits(text + 2) >= 0;

	if (shaped)
	{
		year = two_digits(text) * 100 + two_digits(text + 2);
		month = two_digits(text + 5);
		day = two_digits(text + 8);
		if (year > 0 && month >= 1 && month <= 12 && day >= 1 &&
			day <= day_tab[isleap(year)][month - 1])
		{
			*date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
			return true;
		}
	}
	wf_diagnostic_fault(faults, wf_path_text(path), "Write \"2026-12-25\".", "\"%s\" is not a date", text);
	return false;
}

static WfSpecialDay *
add_special(WfCalendar *calendar, int date, const WfPath *path)
{
	WfSpecialDay *special = &calendar->special[calendar->nspecial++];

	memset(special, 0, sizeof(WfSpecialDay));
	special->date = date;
	special->path = wf_path_text(path);
	return special;
}

static int
compare_special(const void *a, const void *b)
{
	const WfSpecialDay *x = a;
	const WfSpecialDay *y = b;

	return x->date < y->date ? -1 : x->date > y->date;
}

/*
 * Parse holidays, which are days without working time, and exceptions, which
 * are days with hours of their own.
 */
static void
parse_special(const WfJson *holidays, const WfJson *exceptions, WfCalendar *calendar,
			  WfFaults *faults)
{
	const WfPath *path = WF_AT_TEXT("$");
	const WfPath *at = WF_AT_KEY(path, "holidays");
	int			date;

	calendar->special = palloc(sizeof(WfSpecialDay) *
							   ((holidays ? holidays->n : 0) +
								(exceptions ? exceptions->n : 0) + 1));
	if (holidays != NULL && expect(holidays, at, WF_JSON_ARRAY, faults))
		for (int i = 0; i < holidays->n; i++)
		{
			const WfPath *item = WF_AT_INDEX(at, i);

			if (expect(holidays->items[i], item, WF_JSON_STRING, faults) &&
				parse_date(holidays->items[i]->text, item, &date, faults))
				add_special(calendar, date, item);
		}
	at = WF_AT_KEY(path, "exceptions");
	if (exceptions != NULL && expect(exceptions, at, WF_JSON_OBJECT, faults))
		for (int i = 0; i < exceptions->n; i++)
		{
			const WfPath *item = WF_AT_KEY(at, exceptions->keys[i]);

			if (parse_date(exceptions->keys[i], item, &date, faults))
				parse_hours(exceptions->items[i], item,
							&add_special(calendar, date, item)->hours, faults);
		}

	qsort(calendar->special, calendar->nspecial, sizeof(WfSpecialDay), compare_special);
	for (int i = 1; i < calendar->nspecial; i++)
		if (calendar->special[i].date == calendar->special[i - 1].date)
			wf_diagnostic_fault(faults, calendar->special[i].path, NULL, "the same date is at %s",
								calendar->special[i - 1].path);
}

static void
parse_zone(const WfJson *json, WfCalendar *calendar, WfFaults *faults)
{
	const WfPath *path = WF_AT_TEXT("$");

	if (json == NULL)
		wf_diagnostic_fault(faults, "$", "Write the name of a time zone: \"Europe/Berlin\".",
							"\"zone\" is missing");
	else if (expect(json, WF_AT_KEY(path, "zone"), WF_JSON_STRING, faults))
	{
		calendar->zone = pg_tzset(json->text);
		if (calendar->zone == NULL || !pg_tz_acceptable(calendar->zone))
			wf_diagnostic_fault(faults, "$.zone", "See the view pg_timezone_names.",
								"time zone \"%s\" not recognized", json->text);
	}
}

/*
 * Parse a calendar from its JSON text, into the current memory context.  All
 * faults are added to `faults`; if there is one, the result must not be
 * used.
 */
WfCalendar *
wf_calendar_parse(const char *name, const char *text, WfFaults *faults)
{
	static const char *const known[] = {"zone", "hours", "holidays", "exceptions", NULL};
	WfCalendar *calendar = palloc0(sizeof(WfCalendar));
	const WfPath *path = WF_AT_TEXT("$");
	const WfJson *json = wf_json_parse(text, strlen(text), faults);
	bool		any;

	calendar->name = pstrdup(name);
	if (json == NULL || !expect(json, path, WF_JSON_OBJECT, faults))
		return calendar;
	for (int i = 0; i < json->n; i++)
	{
		int			k = 0;

		while (known[k] != NULL && strcmp(known[k], json->keys[i]) != 0)
			k++;
		if (known[k] == NULL)
			wf_diagnostic_fault(faults, wf_path_text(WF_AT_KEY(path, json->keys[i])),
								wf_diagnostic_spelling_hint(json->keys[i], known), "unknown key \"%s\"", json->keys[i]);
	}
	parse_zone(wf_json_get(json, "zone"), calendar, faults);
	if (wf_json_get(json, "hours") != NULL)
		parse_week(wf_json_get(json, "hours"), WF_AT_KEY(path, "hours"), calendar, faults);
	parse_special(wf_json_get(json, "holidays"), wf_json_get(json, "exceptions"), calendar, faults);

	any = calendar->weekly || faults->n > 0;
	for (int i = 0; i < calendar->nspecial; i++)
		any = any || calendar->special[i].hours.n > 0;
	if (!any)
		wf_diagnostic_fault(faults, "$", "Give some day of the week \"hours\".",
							"there is no working time at all");
	return calendar;
}

/* --- the cache --------------------------------------------------------- */

/* Empty the cache, which is made at the first call. */
static void
forget_all(void)
{
	if (kept == NULL)
		kept = AllocSetContextCreate(CacheMemoryContext, "workflow calendars",
									 ALLOCSET_DEFAULT_SIZES);
	calendars = NIL;
	MemoryContextReset(kept);
}

/* Read a calendar from the table into the cache, or return NULL. */
static const WfCalendar *
read_calendar(const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		value = CStringGetTextDatum(name);
	WfFaults	faults = {0};
	WfCalendar *calendar = NULL;
	bool		before = wf_statement_look_only(false); /* a look ignores .latest */

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (wf_statement_execute(&read_statement, &value, NULL, 1) > 0)
	{
		char	   *text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

		MemoryContextSwitchTo(kept);
		calendar = wf_calendar_parse(name, text, &faults);
		if (faults.n > 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored calendar \"%s\" cannot be used", name),
					 errdetail("%s: %s", faults.items[0].path, faults.items[0].message)));
		calendars = lappend(calendars, calendar);
	}
	SPI_finish();
	(void) wf_statement_look_only(before);
	MemoryContextSwitchTo(context);
	return calendar;
}

/*
 * Return the calendar of this name as it is now.  The result is valid until
 * the next call, which may empty the cache.  Needs a transaction.  Error
 * 42704 if there is no such calendar.
 */
const WfCalendar *
wf_calendar(const char *name)
{
	const WfCalendar *calendar;
	ListCell   *cell;

	if (!wf_inval_is_good(&watch))
	{
		forget_all();
		wf_inval_begin(&watch);
	}
	foreach(cell, calendars)
	{
		calendar = lfirst(cell);
		if (strcmp(calendar->name, name) == 0)
			return calendar;
	}
	calendar = read_calendar(name);
	if (calendar == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("calendar \"%s\" does not exist", wf_quote(name)),
				 errhint("Store it with workflow.define_calendar().")));
	return calendar;
}

/*
 * Announce that this transaction changes the table of calendars.  Must be
 * called before the statement that does.
 */
void
wf_calendar_changing(void)
{
	wf_inval_changing(&watch);
}

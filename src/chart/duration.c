/*-------------------------------------------------------------------------
 *
 * duration.c
 *	  How long a delay lasts, as far as that is known without a calendar.
 *
 * Pure C.  The engine itself leaves durations to PostgreSQL's interval and
 * timestamptz; this file is for code that compares delays or translates
 * them, like lint() and the export to XState.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/duration.h"

#define SECOND	1000.0
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY		(24 * HOUR)

/*
 * Units, in milliseconds, by the first letters of their names; the first
 * entry that matches wins.
 */
static const struct
{
	const char *prefix;
	double		shortest;
	double		usual;
	double		longest;
}			units[] =
{
	{"us", 0.001, 0.001, 0.001},
	{"microsecond", 0.001, 0.001, 0.001},
	{"ms", 1, 1, 1},
	{"millisecond", 1, 1, 1},
	{"mon", 28 * DAY, 30 * DAY, 31 * DAY},
	{"m", MINUTE, MINUTE, MINUTE},
	{"s", SECOND, SECOND, SECOND},
	{"h", HOUR, HOUR, HOUR},
	{"d", DAY, DAY, DAY},
	{"w", 7 * DAY, 7 * DAY, 7 * DAY},
	{"y", 365 * DAY, 365 * DAY, 366 * DAY}
};

/* Add n of a unit, and set *calendar if its length depends on the calendar. */
static void
add(WfDuration *duration, double n, int unit, bool *calendar)
{
	duration->shortest += n * units[unit].shortest;
	duration->usual += n * units[unit].usual;
	duration->longest += n * units[unit].longest;
	if (units[unit].usual >= DAY)
		*calendar = true;
}

/* Return the index of the unit that a word begins with, or -1. */
static int
find_unit(const char *word)
{
	for (int i = 0; i < (int) lengthof(units); i++)
		if (pg_strncasecmp(word, units[i].prefix,
						   strlen(units[i].prefix)) == 0)
			return i;
	return -1;
}

/*
 * Add up an ISO 8601 duration behind its "P", "1Y2M3DT4H5M6S".  "M" before
 * the "T" means months.  Returns false if it is malformed.
 */
static bool
add_iso(WfDuration *duration, const char *text, bool *calendar)
{
	bool		time = false;

	while (*text)
	{
		char		word[4] = {0};
		char	   *end;
		double		n;

		if (*text == 'T')
		{
			time = true;
			text++;
			continue;
		}
		n = strtod(text, &end);
		if (end == text || *end == '\0')
			return false;
		strcpy(word, *end == 'M' && !time ? "mon" : "");
		if (word[0] == '\0')
			word[0] = *end;
		if (find_unit(word) < 0)
			return false;
		add(duration, n, find_unit(word), calendar);
		text = end + 1;
	}
	return true;
}

/*
 * Add a time of day, "01:30" or "01:30:15.5", whose hours are parsed
 * already.  Returns the end of it.
 */
static const char *
add_time(WfDuration *duration, double hours, const char *text)
{
	char	   *end;
	double		ms = hours * HOUR + strtod(text + 1, &end) * MINUTE;

	if (*end == ':')
		ms += strtod(end + 1, &end) * SECOND;
	duration->shortest += ms;
	duration->usual += ms;
	duration->longest += ms;
	return end;
}

/*
 * Add up an interval, "1h 30m" or "2 days 01:30:00".  Returns false if it is
 * malformed.
 */
static bool
add_interval(WfDuration *duration, const char *text, bool *calendar)
{
	for (text += strspn(text, " "); *text; text += strspn(text, " "))
	{
		char	   *end;
		double		n = strtod(text, &end);
		int			unit;

		if (end == text)
			return false;
		if (*end == ':')
		{
			text = add_time(duration, n, end);
			continue;
		}
		text = end + strspn(end, " ");
		unit = find_unit(text);
		if (unit < 0)
			return false;
		add(duration, n, unit, calendar);
		while (isalpha((unsigned char) *text))
			text++;
	}
	return true;
}

/*
 * Compute how long a delay that is given in milliseconds or as text may
 * last.  Returns false for all others and for NULL, and if the text is not a
 * duration.
 */
bool
wf_duration(const WfDelay *delay, WfDuration *duration)
{
	bool		calendar = false;

	*duration = (WfDuration) {0};
	if (delay == NULL)
		return false;
	if (delay->kind == WF_DELAY_MS)
	{
		duration->shortest = duration->usual = duration->longest = delay->ms;
		return true;
	}
	if (delay->kind != WF_DELAY_TEXT)
		return false;
	if (!(delay->text[0] == 'P' ? add_iso(duration, delay->text + 1, &calendar) :
		  add_interval(duration, delay->text, &calendar)))
		return false;

	/* A day may be an hour shorter or longer if the clocks change. */
	if (calendar)
	{
		duration->shortest = Max(0, duration->shortest - HOUR);
		duration->longest += HOUR;
	}
	return true;
}

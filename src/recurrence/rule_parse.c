/*-------------------------------------------------------------------------
 *
 * rule_parse.c
 *	  Reading a recurrence rule.
 *
 * As strict as RFC 5545, section 3.3.10: what it says must not be is refused,
 * for other programs would make different things of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/quote.h"
#include "recurrence/rule_parse.h"

/* Of a text; and of INTERVAL and COUNT. */
#define MAX_LENGTH	1000
#define MAX_NUMBER	1000000000

typedef struct Reader
{
	const char *text;
	const char *at;
	const char *part;			/* its name */
	WfRule	   *rule;
} Reader;

static const char *const freqs[] = {
	[WF_RULE_YEARLY] = "YEARLY",
	[WF_RULE_MONTHLY] = "MONTHLY",
	[WF_RULE_WEEKLY] = "WEEKLY",
	[WF_RULE_DAILY] = "DAILY",
	[WF_RULE_HOURLY] = "HOURLY",
	[WF_RULE_MINUTELY] = "MINUTELY",
	[WF_RULE_SECONDLY] = "SECONDLY",
};

static const char *const weekdays[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

/* --- errors ------------------------------------------------------------ */

/* The detail of an error: where it is. */
static int
where(const Reader *reader, const char *at)
{
	return errdetail("At position %d, in %s.", (int) (at - reader->text) + 1, reader->part);
}

pg_noreturn static void
refuse_token(const Reader *reader, const char *at, const char *hint)
{
	int			length = (int) strcspn(at, ",;");

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 length == 0 ? errmsg("invalid recurrence rule: a value is missing") :
			 errmsg("invalid recurrence rule: \"%s\" is not understood",
					wf_quote_part(at, length)),
			 where(reader, at),
			 errhint("%s", hint)));
}

/* --- values ------------------------------------------------------------ */

static bool
take(Reader *reader, char c)
{
	if (*reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool
is_end(char c)
{
	return c == '\0' || c == ';';
}

/* Read a number from low to high, of which -high to -low are others if it may have a sign. */
static int
read_number(Reader *reader, int low, int high, bool may_be_negative)
{
	const char *start = reader->at;
	bool		negative = false;
	int64		value = 0;

	if (may_be_negative && (*start == '-' || *start == '+'))
		negative = *reader->at++ == '-';
	if (!isdigit((unsigned char) *reader->at))
		refuse_token(reader, start, "A number is expected here.");
	while (isdigit((unsigned char) *reader->at) && value <= MAX_NUMBER)
		value = value * 10 + (*reader->at++ - '0');
	if (value < low || value > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid recurrence rule: %s%lld is not in the range from %d to %d",
						negative ? "-" : "", (long long) value, low, high),
				 where(reader, start),
				 may_be_negative ? errhint("Negative numbers count from the end.") : 0));
	return (int) (negative ? -value : value);
}

/* Read one of some words, and return which. */
static int
read_word(Reader *reader, const char *const *words, int n, const char *hint)
{
	size_t		length = strspn(reader->at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	for (int i = 0; i < n; i++)
	{
		if (strlen(words[i]) == length && pg_strncasecmp(reader->at, words[i], length) == 0)
		{
			reader->at += length;
			return i;
		}
	}
	refuse_token(reader, reader->at, hint);
}

static int
read_weekday(Reader *reader)
{
	return read_word(reader, weekdays, (int) lengthof(weekdays),
					 "Weekdays are MO, TU, WE, TH, FR, SA and SU.");
}

/* Read a list of numbers from 0 as bits. */
static uint64
read_bits(Reader *reader, int low, int high)
{
	uint64		bits = 0;

	do
		bits |= UINT64CONST(1) << read_number(reader, low, high, false);
	while (take(reader, ','));
	return bits;
}

static void
add_number(WfRuleNumbers *numbers, int n)
{
	uint64	   *words = n > 0 ? numbers->from_start : numbers->from_end;

	numbers->given = true;
	words[abs(n) / 64] |= UINT64CONST(1) << abs(n) % 64;
}

/* Read a list of numbers that count from the start or from the end. */
static void
read_numbers(Reader *reader, int high, WfRuleNumbers *numbers)
{
	do
		add_number(numbers, read_number(reader, 1, high, true));
	while (take(reader, ','));
}

/* --- parts ------------------------------------------------------------- */

static void
read_freq(Reader *reader)
{
	reader->rule->freq = read_word(reader, freqs, (int) lengthof(freqs),
								   "It is YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY or SECONDLY.");
}

static void
read_interval(Reader *reader)
{
	reader->rule->interval = read_number(reader, 1, MAX_NUMBER, false);
}

static void
read_count(Reader *reader)
{
	reader->rule->count = read_number(reader, 1, MAX_NUMBER, false);
}

static int
read_digits(Reader *reader, int n)
{
	int			value = 0;

	while (n-- > 0)
	{
		if (!isdigit((unsigned char) *reader->at))
			refuse_token(reader, reader->at,
						 "UNTIL is 20261231, 20261231T235959 or, in UTC, 20261231T235959Z.");
		value = value * 10 + (*reader->at++ - '0');
	}
	return value;
}

/* A date means all of its day, and without Z the clock of the zone counts. */
static void
read_until(Reader *reader)
{
	const char *start = reader->at;
	struct pg_tm tm = {0};
	bool		has_time;
	Timestamp	time;

	tm.tm_year = read_digits(reader, 4);
	tm.tm_mon = read_digits(reader, 2);
	tm.tm_mday = read_digits(reader, 2);
	has_time = take(reader, 'T') || take(reader, 't');
	tm.tm_hour = has_time ? read_digits(reader, 2) : HOURS_PER_DAY - 1;
	tm.tm_min = has_time ? read_digits(reader, 2) : MINS_PER_HOUR - 1;
	tm.tm_sec = has_time ? read_digits(reader, 2) : SECS_PER_MINUTE - 1;
	if (tm.tm_year < 1 || tm.tm_mon < 1 || tm.tm_mon > MONTHS_PER_YEAR || tm.tm_mday < 1 ||
		tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] ||
		tm.tm_hour >= HOURS_PER_DAY || tm.tm_min >= MINS_PER_HOUR ||
		tm.tm_sec >= SECS_PER_MINUTE || tm2timestamp(&tm, 0, NULL, &time) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid recurrence rule: there is no such time as \"%.*s\"",
						(int) (reader->at - start), start),
				 where(reader, start)));
	if (has_time && (take(reader, 'Z') || take(reader, 'z')))
		reader->rule->until = time;
	else
		reader->rule->until_local = time;
}

static void
read_by_month(Reader *reader)
{
	reader->rule->months = read_bits(reader, 1, MONTHS_PER_YEAR);
}

static void
read_by_week(Reader *reader)
{
	read_numbers(reader, 53, &reader->rule->weeks);
}

static void
read_by_year_day(Reader *reader)
{
	read_numbers(reader, 366, &reader->rule->year_days);
}

static void
read_by_month_day(Reader *reader)
{
	read_numbers(reader, 31, &reader->rule->month_days);
}

static void
read_by_day(Reader *reader)
{
	WfRule	   *rule = reader->rule;

	do
	{
		int			n = 0;

		if (!isalpha((unsigned char) *reader->at))
			n = read_number(reader, 1, 53, true);
		if (n == 0)
			rule->weekdays |= UINT64CONST(1) << read_weekday(reader);
		else
		{
			rule->ordinals = true;
			add_number(&rule->nth[read_weekday(reader)], n);
		}
	} while (take(reader, ','));
}

static void
read_by_hour(Reader *reader)
{
	reader->rule->times.hours = read_bits(reader, 0, HOURS_PER_DAY - 1);
}

static void
read_by_minute(Reader *reader)
{
	reader->rule->times.minutes = read_bits(reader, 0, MINS_PER_HOUR - 1);
}

static void
read_by_second(Reader *reader)
{
	reader->rule->times.seconds = read_bits(reader, 0, SECS_PER_MINUTE - 1);
}

static void
read_by_position(Reader *reader)
{
	read_numbers(reader, 366, &reader->rule->positions);
}

static void
read_week_start(Reader *reader)
{
	reader->rule->week_start = read_weekday(reader);
}

static const struct
{
	const char *name;
	void		(*read) (Reader *reader);
}			parts[] = {
	{"FREQ", read_freq},
	{"INTERVAL", read_interval},
	{"COUNT", read_count},
	{"UNTIL", read_until},
	{"BYMONTH", read_by_month},
	{"BYWEEKNO", read_by_week},
	{"BYYEARDAY", read_by_year_day},
	{"BYMONTHDAY", read_by_month_day},
	{"BYDAY", read_by_day},
	{"BYHOUR", read_by_hour},
	{"BYMINUTE", read_by_minute},
	{"BYSECOND", read_by_second},
	{"BYSETPOS", read_by_position},
	{"WKST", read_week_start},
};

/* --- rules ------------------------------------------------------------- */

/* Find the part that begins here by its name, and go behind its '='. */
static int
find_part(Reader *reader)
{
	size_t		length = strcspn(reader->at, "=;:\r\n");

	for (int i = 0; i < (int) lengthof(parts); i++)
	{
		if (strlen(parts[i].name) == length && reader->at[length] == '=' &&
			pg_strncasecmp(reader->at, parts[i].name, length) == 0)
		{
			reader->part = parts[i].name;
			reader->at += length + 1;
			return i;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid recurrence rule: \"%s\" is no part of a rule",
					wf_quote_part(reader->at, (int) length)),
			 errdetail("At position %d.", (int) (reader->at - reader->text) + 1),
			 errhint("A rule is one line like FREQ=MONTHLY;BYDAY=-1FR. DTSTART is an argument of its own; EXDATE and RDATE are not supported.")));
}

/* Read NAME=VALUE;NAME=VALUE ..., each name once.  Returns the names as bits. */
static uint32
read_parts(Reader *reader)
{
	uint32		seen = 0;

	do
	{
		const char *start = reader->at;
		int			i = find_part(reader);

		if (seen & (1U << i))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid recurrence rule: %s is there twice", reader->part),
					 errdetail("At position %d.", (int) (start - reader->text) + 1)));
		seen |= 1U << i;
		parts[i].read(reader);
		if (!is_end(*reader->at))
			refuse_token(reader, reader->at, "A semicolon or the end is expected here.");
	} while (take(reader, ';') && *reader->at != '\0');
	return seen;
}

static bool
has_part(uint32 seen, void (*read) (Reader *reader))
{
	for (int i = 0; i < (int) lengthof(parts); i++)
	{
		if (parts[i].read == read)
			return (seen & (1U << i)) != 0;
	}
	return false;
}

static void
refuse_pair(const char *part, const char *other)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid recurrence rule: %s cannot be used with %s", part, other)));
}

static bool
has_ordinal_above(const WfRule *rule, int n)
{
	for (int day = 0; day < WF_DAYS_PER_WEEK; day++)
	{
		if (((rule->nth[day].from_start[0] | rule->nth[day].from_end[0]) >> n) > 1)
			return true;
	}
	return false;
}

/* What RFC 5545 forbids. */
static void
check_ordinals(const WfRule *rule)
{
	if (rule->ordinals && rule->freq > WF_RULE_MONTHLY)
		refuse_pair("a number in BYDAY", freqs[rule->freq]);
	if (rule->ordinals && rule->weeks.given)
		refuse_pair("a number in BYDAY", "BYWEEKNO");
	if (has_ordinal_above(rule, 5) && (rule->freq == WF_RULE_MONTHLY || rule->months != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid recurrence rule: no month has more than five of a weekday"),
				 errdetail("BYDAY has a number above 5, which counts in the month here.")));
}

static void
check_parts(const WfRule *rule, uint32 seen)
{
	if (!has_part(seen, read_freq))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid recurrence rule: it has no FREQ"),
				 errhint("A rule is one line like FREQ=MONTHLY;BYDAY=-1FR.")));
	if (has_part(seen, read_count) && has_part(seen, read_until))
		refuse_pair("COUNT", "UNTIL");
	if (rule->weeks.given && rule->freq != WF_RULE_YEARLY)
		refuse_pair("BYWEEKNO", freqs[rule->freq]);
	if (rule->year_days.given && rule->freq >= WF_RULE_MONTHLY && rule->freq <= WF_RULE_DAILY)
		refuse_pair("BYYEARDAY", freqs[rule->freq]);
	if (rule->month_days.given && rule->freq == WF_RULE_WEEKLY)
		refuse_pair("BYMONTHDAY", freqs[rule->freq]);
	if (rule->positions.given && rule->freq > WF_RULE_DAILY)
		refuse_pair("BYSETPOS", freqs[rule->freq]);
	if (rule->positions.given && rule->months == 0 && rule->weekdays == 0 && !rule->ordinals &&
		!rule->month_days.given && !rule->year_days.given && !rule->weeks.given &&
		!has_part(seen, read_by_hour) && !has_part(seen, read_by_minute) &&
		!has_part(seen, read_by_second))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid recurrence rule: BYSETPOS has nothing to choose from"),
				 errhint("It needs another part that begins with BY.")));
	check_ordinals(rule);
}

/* What the rule does not say of the day is as in its start. */
static void
complete_days(WfRule *rule, const struct pg_tm *start)
{
	if (rule->weeks.given || rule->year_days.given || rule->month_days.given ||
		rule->weekdays != 0 || rule->ordinals)
		return;
	if (rule->freq == WF_RULE_YEARLY && rule->months == 0)
		rule->months = UINT64CONST(1) << start->tm_mon;
	if (rule->freq <= WF_RULE_MONTHLY)
		add_number(&rule->month_days, start->tm_mday);
	else if (rule->freq == WF_RULE_WEEKLY)
		rule->weekdays = UINT64CONST(1) << j2day(date2j(start->tm_year, start->tm_mon, start->tm_mday));
}

/* And what it does not say of the time, unless it is finer than that. */
static void
complete_times(WfRule *rule, const struct pg_tm *start)
{
	if (rule->times.hours == 0)
		rule->times.hours = rule->freq >= WF_RULE_HOURLY ? WF_EVERY_HOUR :
			UINT64CONST(1) << start->tm_hour;
	if (rule->times.minutes == 0)
		rule->times.minutes = rule->freq >= WF_RULE_MINUTELY ? WF_EVERY_MINUTE :
			UINT64CONST(1) << start->tm_min;
	if (rule->times.seconds == 0)
		rule->times.seconds = rule->freq >= WF_RULE_SECONDLY ? WF_EVERY_SECOND :
			UINT64CONST(1) << start->tm_sec;
}

/*
 * Read a rule that begins at a local time, in whole seconds.  Its COUNT is read,
 * not yet counted.  Error 22023, with the part and the position of what is
 * wrong.
 */
void
wf_rule_parse(const char *text, Timestamp starts, WfRule *rule)
{
	Reader		reader = {.text = text, .at = text, .rule = rule};
	struct pg_tm tm;
	fsec_t		fsec;

	memset(rule, 0, sizeof(*rule));
	rule->interval = 1;
	rule->week_start = 1;
	rule->starts = starts;
	rule->until = rule->until_local = DT_NOEND;
	if (strlen(text) > MAX_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid recurrence rule: it is longer than %d bytes", MAX_LENGTH)));
	if (pg_strncasecmp(text, "RRULE:", 6) == 0)
		reader.at += 6;
	check_parts(rule, read_parts(&reader));
	if (timestamp2tm(starts, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	complete_days(rule, &tm);
	complete_times(rule, &tm);
}

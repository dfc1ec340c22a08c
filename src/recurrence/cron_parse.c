/*-------------------------------------------------------------------------
 *
 * cron_parse.c
 *	  Reading a cron expression.
 *
 * Five fields as in crontab(5), or six, of which the first one is the seconds;
 * what Quartz has for days (L, W, #, ?); and the names that begin with @.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "datatype/timestamp.h"

#include "base/compat.h"
#include "base/quote.h"
#include "recurrence/cron_parse.h"
#include "recurrence/local_time.h"

#define BIT(n)		(UINT64CONST(1) << (n))

/* Nobody needs more, and a list of a megabyte is no expression. */
#define MAX_LENGTH	1000

#define NFIELDS		6

#define SPACE		" \t\n\r\f\v"

typedef enum FieldKind
{
	SECOND,
	MINUTE,
	HOUR,
	DAY,
	MONTH,
	WEEKDAY
} FieldKind;

/* A field of an expression. */
typedef struct Field
{
	const char *name;
	int			low;
	int			high;			/* of * and of ranges without end */
	int			highest;		/* that may be written: 7 is Sunday, too */
	const char *words;			/* three letters each, the first one for `low` */
} Field;

static const Field fields[NFIELDS] = {
	[SECOND] = {"second", 0, 59, 59, ""},
	[MINUTE] = {"minute", 0, 59, 59, ""},
	[HOUR] = {"hour", 0, 23, 23, ""},
	[DAY] = {"day of the month", 1, 31, 31, ""},
	[MONTH] = {"month", 1, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
	[WEEKDAY] = {"day of the week", 0, 6, 7, "SUNMONTUEWEDTHUFRISAT"},
};

/* What the names that begin with @ stand for. */
static const struct
{
	const char *name;
	const char *text;
}			nicknames[] = {
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
	{"@monthly", "0 0 1 * *"},
	{"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@hourly", "0 * * * *"},
};

typedef struct Reader
{
	const char *text;
	const char *at;
	const char *item;			/* of the list that the field is */
	const Field *field;
	WfCron	   *cron;
	uint64		bits;			/* of the field */
	bool		any;			/* it has a * or is a ? */
} Reader;

#define FIELD_NAMES \
	"The fields are: minute, hour, day of the month, month, day of the week; a sixth one in front is the second."

/* --- errors ------------------------------------------------------------ */

/* The detail of an error: where it is. */
static int
where(const Reader *reader, const char *at)
{
	return errdetail("At position %d, in the field \"%s\".", (int) (at - reader->text) + 1,
					 reader->field->name);
}

pg_noreturn static void
refuse_token(const Reader *reader)
{
	int			length = (int) strcspn(reader->item, SPACE ",");

	if (length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cron expression: a value is missing"),
				 where(reader, reader->item)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid cron expression: \"%s\" is not understood",
					wf_quote_part(reader->item, length)),
			 where(reader, reader->item),
			 reader->field->words[0] == '\0' ?
			 errhint("Allowed are numbers from %d to %d, ranges, steps and lists.",
					 reader->field->low, reader->field->highest) :
			 errhint("Allowed are numbers from %d to %d, names of three letters, ranges, steps and lists.",
					 reader->field->low, reader->field->highest)));
}

static void
check_range(const Reader *reader, const char *at, int value, int low, int high)
{
	if (value < low || value > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cron expression: %d is not in the range from %d to %d",
						value, low, high),
				 where(reader, at)));
}

/* --- values ------------------------------------------------------------ */

static bool
is_end(char c)
{
	return c == '\0' || isspace((unsigned char) c);
}

static bool
is_kind(const Reader *reader, FieldKind kind)
{
	return reader->field == &fields[kind];
}

static bool
take(Reader *reader, char c)
{
	if (toupper((unsigned char) *reader->at) != c)
		return false;
	reader->at++;
	return true;
}

/* Read a number from low to high. */
static int
read_number(Reader *reader, int low, int high)
{
	const char *start = reader->at;
	int			value = 0;

	if (!isdigit((unsigned char) *start))
		refuse_token(reader);
	while (isdigit((unsigned char) *reader->at))
	{
		if (value > 9999)
			break;
		value = value * 10 + (*reader->at++ - '0');
	}
	check_range(reader, start, value, low, high);
	return value;
}

/* Read a name of three letters, of which a month or a weekday is the n-th. */
static int
read_word(Reader *reader)
{
	const char *words = reader->field->words;

	for (int n = 0; words[n] != '\0'; n += 3)
	{
		if (pg_strncasecmp(reader->at, words + n, 3) == 0)
		{
			reader->at += 3;
			return reader->field->low + n / 3;
		}
	}
	refuse_token(reader);
}

static int
read_value(Reader *reader)
{
	if (isalpha((unsigned char) *reader->at))
		return read_word(reader);
	return read_number(reader, reader->field->low, reader->field->highest);
}

/* --- items ------------------------------------------------------------- */

/* L, L-3, LW: of the day of the month. */
static bool
read_last_day(Reader *reader)
{
	if (!is_kind(reader, DAY) || !take(reader, 'L'))
		return false;
	if (take(reader, 'W'))
		reader->cron->last_weekday = true;
	else if (take(reader, '-'))
		reader->cron->from_end |= BIT(read_number(reader, 0, 30));
	else
		reader->cron->from_end |= BIT(0);
	return true;
}

/* What follows a value and makes it another one: 15W, 5L, 5#2. */
static bool
read_suffix(Reader *reader, int value)
{
	if (is_kind(reader, DAY) && take(reader, 'W'))
		reader->cron->nearest |= BIT(value);
	else if (is_kind(reader, WEEKDAY) && take(reader, 'L'))
		reader->cron->last |= BIT(value % WF_DAYS_PER_WEEK);
	else if (is_kind(reader, WEEKDAY) && take(reader, '#'))
		reader->cron->nth[read_number(reader, 1, 5)] |= BIT(value % WF_DAYS_PER_WEEK);
	else
		return false;
	return true;
}

/* A step must have a chance to step: '*' with 90 minutes is a misunderstanding. */
static int
read_step(Reader *reader)
{
	if (!take(reader, '/'))
		return 1;
	return read_number(reader, 1, reader->field->highest - reader->field->low +
					   (is_kind(reader, WEEKDAY) ? 0 : 1));
}

static void
set_range(Reader *reader, int low, int high, int step)
{
	if (high < low)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cron expression: the range %d-%d ends before it begins",
						low, high),
				 where(reader, reader->item),
				 errhint("Write two ranges: %d-%d,%d-%d.", low, reader->field->high,
						 reader->field->low, high)));
	for (int value = low; value <= high; value += step)
		reader->bits |= BIT(is_kind(reader, WEEKDAY) ? value % WF_DAYS_PER_WEEK : value);
}

/* Read one element of the list that a field is. */
static void
read_item(Reader *reader)
{
	int			low = reader->field->low;
	int			high = reader->field->high;
	int			step;

	reader->item = reader->at;
	if (read_last_day(reader))
		return;
	if (!take(reader, '*'))
	{
		low = read_value(reader);
		if (read_suffix(reader, low))
			return;
		if (take(reader, '-'))
		{
			high = read_value(reader);
			/* Sunday ends a week as well as it begins one. */
			if (is_kind(reader, WEEKDAY) && high == 0 && low > 0)
				high = WF_DAYS_PER_WEEK;
		}
		else if (*reader->at != '/')
			high = low;
		else
			high = Max(low, high);
	}
	step = read_step(reader);
	if (*reader->item == '*' && step == 1)
		reader->any = true;
	set_range(reader, low, high, step);
}

/* --- fields ------------------------------------------------------------ */

/* Read the list that a field is. */
static void
read_list(Reader *reader)
{
	/* Quartz writes ? where it means that the other field of days counts. */
	if ((is_kind(reader, DAY) || is_kind(reader, WEEKDAY)) &&
		*reader->at == '?' && is_end(reader->at[1]))
	{
		reader->at++;
		reader->any = true;
		return;
	}
	do
	{
		read_item(reader);
		if (!is_end(*reader->at) && *reader->at != ',')
			refuse_token(reader);
	} while (take(reader, ','));
}

/*
 * Read a field and the space behind it.  False if it does not restrict anything,
 * which is what it says, not what it comes to: as for crontab(5), "1-31" is a
 * restriction.
 */
static bool
read_field(Reader *reader, FieldKind kind)
{
	reader->field = &fields[kind];
	reader->bits = 0;
	reader->any = false;
	read_list(reader);
	while (isspace((unsigned char) *reader->at))
		reader->at++;
	return !reader->any;
}

/* How many fields a text has, up to seven. */
static int
count_fields(const char *text)
{
	int			n = 0;

	while (*text != '\0' && n <= NFIELDS)
	{
		n++;
		text += strcspn(text, SPACE);
		text += strspn(text, SPACE);
	}
	return n;
}

static void
read_fields(Reader *reader)
{
	WfCron	   *cron = reader->cron;

	cron->times.seconds = BIT(0);
	if (count_fields(reader->text) == NFIELDS)
	{
		read_field(reader, SECOND);
		cron->times.seconds = reader->bits;
	}
	read_field(reader, MINUTE);
	cron->times.minutes = reader->bits;
	read_field(reader, HOUR);
	cron->times.hours = reader->bits;
	cron->any_day = !read_field(reader, DAY);
	cron->days = reader->bits;
	read_field(reader, MONTH);
	cron->months = reader->bits;
	cron->any_weekday = !read_field(reader, WEEKDAY);
	cron->weekdays = reader->bits;
}

/* The expression that a name stands for; any other text without space around it. */
static const char *
expand(const char *given)
{
	char	   *text = pstrdup(given + strspn(given, SPACE));
	size_t		length = strlen(text);

	while (length > 0 && isspace((unsigned char) text[length - 1]))
		text[--length] = '\0';
	if (text[0] != '@')
		return text;
	for (int i = 0; i < (int) lengthof(nicknames); i++)
	{
		if (pg_strcasecmp(text, nicknames[i].name) == 0)
			return nicknames[i].text;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid cron expression: \"%s\" is not a known name", wf_quote(text)),
			 errhint("The names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually.")));
}

static void
check_fields(const char *text)
{
	int			n = count_fields(text);

	if (strlen(text) > MAX_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cron expression: it is longer than %d bytes", MAX_LENGTH)));
	if (n > NFIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cron expression: it has more than six fields"),
				 errdetail(FIELD_NAMES),
				 errhint("For years, use a rule of RFC 5545, or the start and end of the schedule.")));
	if (n < NFIELDS - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("invalid cron expression: it has %d field",
							   "invalid cron expression: it has %d fields", n, n),
				 errdetail(FIELD_NAMES)));
}

/*
 * Read a cron expression.  Error 22023, with the field and the position of what
 * is wrong, if it is none, or if it names days that no month has.
 */
void
wf_cron_parse(const char *text, WfCron *cron)
{
	Reader		reader = {.cron = cron};

	memset(cron, 0, sizeof(*cron));
	reader.text = reader.at = text = expand(text);
	check_fields(text);
	read_fields(&reader);
	if (wf_cron_next(cron, (Timestamp) WF_FIRST_DAY * USECS_PER_DAY) == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the cron expression \"%s\" never comes", wf_quote(text)),
				 errdetail("None of its months has such a day.")));
}

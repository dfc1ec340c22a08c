/*-------------------------------------------------------------------------
 *
 * job_cached_rule.c
 *	  What the results of a job are kept by: an object of JSON.
 *
 * Runs in sessions of authors, and where a job is loaded.  Reads no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/interval.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "job/job_cached_rule.h"

/* Results of a job, when nothing is said, and at most: they are counted at each new one. */
#define ENTRIES_DEFAULT 1000
#define ENTRIES_MOST	10000

pg_noreturn static void
refuse(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" of cache must be %s", key, wanted)));
}

/* --- members ------------------------------------------------------------------- */

static Interval *
read_age(const char *key, const JsonbValue *value)
{
	Interval   *age;
	double		days;

	if (value->type != jbvString)
		refuse(key, "an interval in a string");
	age = DatumGetIntervalP(DirectFunctionCall3(interval_in,
												CStringGetDatum(pnstrdup(value->val.string.val,
																		 value->val.string.len)),
												ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	days = wf_interval_days(age);
	if (days <= 0)
		refuse(key, "positive");
	if (days > WF_INTERVAL_LONGEST)
		refuse(key, psprintf("not longer than %d days", WF_INTERVAL_LONGEST));
	return age;
}

static int
read_entries(const char *key, const JsonbValue *value)
{
	const char *wanted = psprintf("a whole number from 1 to %d", ENTRIES_MOST);
	Datum		number;
	Datum		most = NumericGetDatum(int64_to_numeric(ENTRIES_MOST));

	if (value->type != jbvNumeric)
		refuse(key, wanted);
	number = NumericGetDatum(value->val.numeric);
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, number, DirectFunctionCall1(numeric_floor, number))) ||
		!DatumGetBool(DirectFunctionCall2(numeric_le, number, most)) ||
		!DatumGetBool(DirectFunctionCall2(numeric_ge, number, NumericGetDatum(int64_to_numeric(1)))))
		refuse(key, wanted);
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, number));
}

/* Do calls fill the cache? */
static bool
read_fill(const char *key, const JsonbValue *value)
{
	const char *wanted = "\"calls\" or \"runs\"";
	char	   *word;

	if (value->type != jbvString)
		refuse(key, wanted);
	word = pnstrdup(value->val.string.val, value->val.string.len);
	if (strcmp(word, "calls") != 0 && strcmp(word, "runs") != 0)
		refuse(key, wanted);
	return word[0] == 'c';
}

static void
read_member(WfJobCachedRule *rule, const char *key, const JsonbValue *value)
{
	if (strcmp(key, "max_age") == 0)
		rule->max_age = read_age(key, value);
	else if (strcmp(key, "refresh_age") == 0)
		rule->refresh_age = read_age(key, value);
	else if (strcmp(key, "max_entries") == 0)
		rule->max_entries = read_entries(key, value);
	else if (strcmp(key, "fill") == 0)
		rule->calls_fill = read_fill(key, value);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cache has no member \"%s\"", wf_quote(key)),
				 errhint("It may have max_age, refresh_age, max_entries and fill.")));
}

/* --- all of it -------------------------------------------------------------------- */

/*
 * What is given for cache, in the current memory context.  Error 22023 if it is not
 * what it has to be; those of intervals.
 */
WfJobCachedRule *
wf_job_cached_rule_parse(const Jsonb *given)
{
	WfJobCachedRule *rule = palloc0(sizeof(WfJobCachedRule));
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	rule->max_entries = ENTRIES_DEFAULT;
	rule->calls_fill = true;
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cache must be an object")));
	it = JsonbIteratorInit((JsonbContainer *) &given->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		read_member(rule, key, &value);
	}
	if (rule->max_age != NULL && rule->refresh_age != NULL &&
		wf_interval_days(rule->refresh_age) >= wf_interval_days(rule->max_age))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"refresh_age\" of cache must be less than \"max_age\"")));
	return rule;
}

/* An age as it is read whatever the session says of intervals; null: there is none. */
static Jsonb *
write_age(const Interval *age)
{
	char		text[MAXDATELEN + 1];
	struct pg_itm parts;

	if (age == NULL)
		return NULL;
	interval2itm(*age, &parts);
	EncodeInterval(&parts, INTSTYLE_POSTGRES, text);
	return wf_jsonb_string(text);
}

/* What is stored: the same for rules that mean the same. */
Jsonb *
wf_job_cached_rule_write(const WfJobCachedRule *rule)
{
	const char *keys[] = {"fill", "max_age", "max_entries", "refresh_age"};
	Jsonb	   *values[] = {
		wf_jsonb_string(rule->calls_fill ? "calls" : "runs"),
		write_age(rule->max_age),
		wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(rule->max_entries)), NUMERICOID),
		write_age(rule->refresh_age)
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*-------------------------------------------------------------------------
 *
 * queue_setting.c
 *	  What can be set of queues and of named limits: is it allowed?
 *
 * Runs in client backends.  Settings come as arguments or as members of a JSON
 * object, and are checked all together before anything is written.  Reads no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/alteration.h"
#include "base/compat.h"
#include "base/interval.h"
#include "base/quote.h"
#include "queue/placement.h"
#include "queue/queue_setting.h"

/* Weights are less than this, and more than one divided by it. */
#define WEIGHT_MOST		INT64CONST(1000000)

typedef struct Setting
{
	const char *name;
	Oid			type;
	bool		nullable;
} Setting;

#define SETTING(name, type, nullable) {#name, type, nullable},

static const Setting of_queue[] = {WF_QUEUE_SETTING_LIST(SETTING)};
static const Setting of_limit[] = {WF_QUEUE_SETTING_LIMIT_LIST(SETTING)};

static const Setting *
settings(WfQueueSettingsOf of, int *n)
{
	*n = of == WF_SETTINGS_OF_QUEUE ? lengthof(of_queue) : lengthof(of_limit);
	return of == WF_SETTINGS_OF_QUEUE ? of_queue : of_limit;
}

/* --- checks of one ----------------------------------------------------------- */

/* Error 22023 unless it is null or at least 1. */
static void
check_count(const WfQueueValues *values, int which, const char *name)
{
	if (!values->nulls[which] && DatumGetInt32(values->values[which]) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be at least 1, not %d", name, DatumGetInt32(values->values[which])),
				 errhint("Without a limit it is null.")));
}

/* Error 22023 unless it is null, or not negative and not too long. */
static void
check_interval(const WfQueueValues *values, int which, const char *name, bool may_be_zero)
{
	double		days;

	if (values->nulls[which])
		return;
	days = wf_interval_days(DatumGetIntervalP(values->values[which]));
	if (days < 0 || (days == 0 && !may_be_zero))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 may_be_zero ? errmsg("%s must not be negative", name) :
				 errmsg("%s must be positive", name)));
	if (days > WF_INTERVAL_LONGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be longer than %d days", name, WF_INTERVAL_LONGEST)));
}

/* Both or none. */
static void
check_rate(const WfQueueValues *values, int rate, int rate_interval)
{
	check_count(values, rate, "rate");
	check_interval(values, rate_interval, "rate_interval", false);
	if (values->nulls[rate] != values->nulls[rate_interval])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate and rate_interval go together"),
				 errdetail("So many begin in any interval of that length.")));
}

/* Error 22023 unless it is one of these words. */
static void
check_word(const WfQueueValues *values, int which, const char *name, int n, const char *const *words)
{
	char	   *word = TextDatumGetCString(values->values[which]);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		if (strcmp(word, words[i]) == 0)
			return;
		appendStringInfo(&list, "%s\"%s\"", i == 0 ? "" : i < n - 1 ? ", " : " or ", words[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be %s, not \"%s\"", name, list.data, wf_quote(word))));
}

#define CHECK_WORD(values, which, ...) \
	check_word(values, WF_QUEUE_##which, #which, \
			   lengthof(((const char *const[]) {__VA_ARGS__})), (const char *const[]) {__VA_ARGS__})

/* Shares are computed with it. */
static bool
is_weight(Numeric number)
{
	Datum		weight = NumericGetDatum(number);
	Datum		most = NumericGetDatum(int64_to_numeric(WEIGHT_MOST));

	return DatumGetBool(DirectFunctionCall2(numeric_gt, DirectFunctionCall2(numeric_mul, weight, most),
											NumericGetDatum(int64_to_numeric(1)))) &&
		DatumGetBool(DirectFunctionCall2(numeric_lt, weight, most));
}

/* Error 22023 unless it is null or an object of positive numbers. */
static void
check_weights(const WfQueueValues *values)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	Jsonb	   *weights;
	bool		good;

	if (values->nulls[WF_QUEUE_weights])
		return;
	weights = DatumGetJsonbP(values->values[WF_QUEUE_weights]);
	good = JB_ROOT_IS_OBJECT(weights);
	it = JsonbIteratorInit(&weights->root);
	while (good && (token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_VALUE)
			good = value.type == jbvNumeric && is_weight(value.val.numeric);
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be an object of positive numbers"),
				 errhint("For example {\"gold\": 4, \"silver\": 2}; others have the weight 1.")));
}

static void
check_place(const char *text)
{
	WfPlace		place;

	if (!wf_placement_read_place(text, &place))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no placement \"%s\"", wf_quote(text)),
				 errhint("Use \"any\", \"local\", \"runtime:ID\", \"role:engine\" or \"standby\".")));
}

static void
check_placement(const WfQueueValues *values)
{
	Datum	   *places;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(values->values[WF_QUEUE_placement]), TEXTOID, -1, false,
					  TYPALIGN_INT, &places, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("placement must not be empty")));
	if (n > WF_PLACEMENT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("placement has %d elements, of %d that are allowed", n, WF_PLACEMENT_MAX)));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"placement\" is null", i + 1)));
		check_place(TextDatumGetCString(places[i]));
	}
}

/* --- checks of all ------------------------------------------------------------- */

static void
check_queue(const WfQueueValues *values)
{
	check_count(values, WF_QUEUE_max_parallel, "max_parallel");
	check_count(values, WF_QUEUE_partition_limit, "partition_limit");
	check_count(values, WF_QUEUE_max_waiting, "max_waiting");
	check_interval(values, WF_QUEUE_min_gap, "min_gap", true);
	check_interval(values, WF_QUEUE_ageing, "ageing", false);
	check_rate(values, WF_QUEUE_rate, WF_QUEUE_rate_interval);
	CHECK_WORD(values, per, "cluster", "runtime");
	CHECK_WORD(values, on_failed, "skip", "block");
	CHECK_WORD(values, on_full, "wait", "refuse", "replace", "cancel running");
	check_weights(values);
	check_placement(values);
}

/*
 * Error 22004 or 22023 for settings that a queue or limit cannot have, alone or
 * together.
 */
void
wf_queue_setting_check(WfQueueSettingsOf of, const WfQueueValues *values)
{
	int			n;
	const Setting *list = settings(of, &n);

	for (int i = 0; i < n; i++)
		if (values->nulls[i] && !list[i].nullable)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", list[i].name)));
	if (of == WF_SETTINGS_OF_QUEUE)
	{
		check_queue(values);
		return;
	}
	check_count(values, WF_LIMIT_max, "max");
	check_rate(values, WF_LIMIT_rate, WF_LIMIT_rate_interval);
}

/* --- changes -------------------------------------------------------------------- */

static Datum
read_array(const WfAlteration *alteration)
{
	const JsonbValue *value = &alteration->value;
	ArrayBuildState *state = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		wf_alteration_refuse(alteration, "an array of strings");
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvString)
			wf_alteration_refuse(alteration, "an array of strings");
		accumArrayResult(state, PointerGetDatum(cstring_to_text_with_len(element.val.string.val, element.val.string.len)),
						 false, TEXTOID, CurrentMemoryContext);
	}
	return makeArrayResult(state, CurrentMemoryContext);
}

/* A value of JSON, which is not null, as one of the setting's type. */
static Datum
read_value(const Setting *setting, WfAlteration *alteration)
{
	JsonbValue *value = &alteration->value;
	int			number;

	switch (setting->type)
	{
		case INT4OID:
			(void) wf_alteration_int(alteration, &number);
			return Int32GetDatum(number);
		case BOOLOID:
			if (value->type != jbvBool)
				wf_alteration_refuse(alteration, "true or false");
			return BoolGetDatum(value->val.boolean);
		case INTERVALOID:
			return IntervalPGetDatum(wf_alteration_interval(alteration));
		case JSONBOID:
			return JsonbPGetDatum(JsonbValueToJsonb(value));
		case TEXTARRAYOID:
			return read_array(alteration);
		default:
			return CStringGetTextDatum(wf_alteration_text(alteration, "a string"));
	}
}

static int
find_setting(const Setting *list, int n, const char *name)
{
	const char *names = NULL;

	for (int i = 0; i < n; i++)
	{
		if (strcmp(list[i].name, name) == 0)
			return i;
		names = wf_quote_list(names, list[i].name, i == n - 1);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no setting \"%s\"", wf_quote(name)),
			 errhint("%s", names)));
}

/*
 * Set what the members of an object say, and check all.  Error 22023 for unknown
 * names and values of another type; errors of wf_queue_setting_check().
 */
void
wf_queue_setting_change(WfQueueSettingsOf of, WfQueueValues *values, const Jsonb *changes)
{
	int			n;
	const Setting *list = settings(of, &n);
	WfAlteration alteration;

	wf_alteration_begin(&alteration, changes);
	while (wf_alteration_next(&alteration))
	{
		int			which = find_setting(list, n, alteration.name);

		values->nulls[which] = alteration.value.type == jbvNull;
		values->values[which] = values->nulls[which] ? (Datum) 0 : read_value(&list[which], &alteration);
	}
	wf_queue_setting_check(of, values);
}

/*-------------------------------------------------------------------------
 *
 * filter.c
 *	  What search() asks of the attributes of processes.
 *
 * Runs in client backends, and locks nothing.  An attribute is asked for by a
 * value, by a list of values all of which the process has, or by an object of
 * operators: {"any": [...]}, {">=": 10, "<": 20}.  Of all conditions one decides
 * what is read of the index, the rarest; the others are looked at then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/filter.h"
#include "base/quote.h"
#include "store/statement.h"

/* Names of operators, in an object of them. */
static const char *const range_operators[] = {"<", "<=", ">", ">="};

static WfStatement rarity_statement = {
	.sql = "SELECT FROM workflow.attribute a"
	" WHERE a.definition OPERATOR(pg_catalog.=) $1 AND a.name OPERATOR(pg_catalog.=) $2"
	" AND pg_catalog.jsonb_hash_extended(a.value, 0)"
	"  OPERATOR(pg_catalog.=) pg_catalog.jsonb_hash_extended($3, 0)",
	.nargs = 3,
	.args = {TEXTOID, TEXTOID, JSONBOID}
};
#define COMMON 1000				/* beyond that nobody counts */

/* Error 22004 for null, which is never stored. */
static void
refuse_null(const char *name, const JsonbValue *value)
{
	if (value->type == jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("null cannot be searched for"),
				 errdetail("It is the value of \"%s\".", wf_quote(name))));
}

/* Add a condition.  Error 22004 for null. */
static void
add(WfFilter *filter, WfConditionKind kind, const char *name, const char *operator,
	JsonbValue *value)
{
	refuse_null(name, value);
	if (filter->conditions == NULL)
		filter->conditions = palloc(sizeof(WfCondition));
	else
		filter->conditions = repalloc(filter->conditions, sizeof(WfCondition) * (filter->n + 1));
	filter->conditions[filter->n++] = (WfCondition)
	{
		kind, name, operator, JsonbValueToJsonb(value)
	};
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);
}

/*
 * Add a condition for each element of a list; or, unless all must hold, only see
 * that none is null.
 */
static void
read_list(WfFilter *filter, const char *name, JsonbValue *list, bool all)
{
	JsonbIterator *it = JsonbIteratorInit(list->val.binary.data);
	JsonbValue	item;

	(void) JsonbIteratorNext(&it, &item, true);
	while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
		if (all)
			add(filter, WF_CONDITION_EQUAL, name, "=", &item);
		else
			refuse_null(name, &item);
}

/* The operator of this name, a string that lives as long as the library; or NULL. */
static const char *
operator_of(const JsonbValue *key)
{
	const char *text = key->val.string.val;
	int			len = key->val.string.len;

	if (len == 3 && memcmp(text, "any", 3) == 0)
		return "any";
	for (int i = 0; i < (int) lengthof(range_operators); i++)
		if ((int) strlen(range_operators[i]) == len &&
			memcmp(range_operators[i], text, len) == 0)
			return range_operators[i];
	return NULL;
}

/*
 * Is this an object of operators?  Any other object is a value: an attribute may
 * have such.
 */
static bool
is_of_operators(const JsonbValue *value)
{
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;
	bool		found = false;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return false;
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		found = true;
		if (operator_of(&item) == NULL)
			return false;
	}
	return found;
}

/* Add a condition for each operator of an object of them. */
static void
read_operators(WfFilter *filter, const char *name, JsonbValue *object)
{
	JsonbIterator *it = JsonbIteratorInit(object->val.binary.data);
	JsonbValue	item;
	JsonbIteratorToken token;
	const char *operator = NULL;

	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			operator = operator_of(&item);
		if (token != WJB_VALUE)
			continue;
		if (strcmp(operator, "any") != 0)
		{
			add(filter, WF_CONDITION_RANGE, name, operator, &item);
			continue;
		}
		if (!is_array(&item))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"any\" of \"%s\" must be a list of values", wf_quote(name))));
		read_list(filter, name, &item, false);
		add(filter, WF_CONDITION_ANY, name, operator, &item);
	}
}

/*
 * Read the argument "attributes" of search() into an empty filter, allocated in
 * the current memory context.  Errors: 22023 if it is no object, or "any" is no
 * list; 22004 for null as a value.
 */
void
wf_filter_read(WfFilter *filter, Jsonb *attributes)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(attributes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"attributes\" must be a JSON object")));
	it = JsonbIteratorInit(&attributes->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (is_array(&value))
			read_list(filter, name, &value, true);
		else if (is_of_operators(&value))
			read_operators(filter, name, &value);
		else
			add(filter, WF_CONDITION_EQUAL, name, "=", &value);
	}
}

/* How many processes have this value, or COMMON if there are more. */
static uint64
count_equal(const char *definition, const char *name, Datum value)
{
	Datum		values[3] = {CStringGetTextDatum(definition), CStringGetTextDatum(name), value};

	return wf_statement_execute(&rarity_statement, values, NULL, COMMON);
}

/* How many processes a condition finds, about; a range is asked of all. */
static uint64
count(const WfCondition *condition, const char *definition)
{
	JsonbIterator *it;
	JsonbValue	item;
	uint64		n = 0;

	if (condition->kind == WF_CONDITION_RANGE)
		return PG_UINT64_MAX;
	if (condition->kind == WF_CONDITION_EQUAL)
		return count_equal(definition, condition->name, JsonbPGetDatum(condition->value));
	it = JsonbIteratorInit(&condition->value->root);
	(void) JsonbIteratorNext(&it, &item, true);
	while (n < COMMON && JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
		n += count_equal(definition, condition->name,
						 JsonbPGetDatum(JsonbValueToJsonb(&item)));
	return n;
}

/*
 * The condition that the index is read for, the one that the fewest processes of
 * the definition fulfil; NULL if there is none.
 */
const WfCondition *
wf_filter_driving(const WfFilter *filter, const char *definition)
{
	const WfCondition *best = filter->n == 0 ? NULL : &filter->conditions[0];
	uint64		least = PG_UINT64_MAX;

	for (int i = 0; i < filter->n && filter->n > 1; i++)
	{
		uint64		n = count(&filter->conditions[i], definition);

		if (n < least)
		{
			least = n;
			best = &filter->conditions[i];
		}
	}
	return best;
}

/*
 * Set three arrays, of names, operators and values, from the conditions that are
 * to be looked at besides the driving one.
 */
void
wf_filter_arrays(const WfFilter *filter, const WfCondition *driving, Datum *arrays)
{
	Datum	   *names = palloc(sizeof(Datum) * filter->n);
	Datum	   *operators = palloc(sizeof(Datum) * filter->n);
	Datum	   *values = palloc(sizeof(Datum) * filter->n);
	int			n = 0;

	for (int i = 0; i < filter->n; i++)
	{
		const WfCondition *condition = &filter->conditions[i];

		if (condition == driving)
			continue;
		names[n] = CStringGetTextDatum(condition->name);
		operators[n] = CStringGetTextDatum(condition->operator);
		values[n++] = JsonbPGetDatum(condition->value);
	}
	arrays[0] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	arrays[1] = PointerGetDatum(construct_array(operators, n, TEXTOID, -1, false, TYPALIGN_INT));
	arrays[2] = PointerGetDatum(construct_array(values, n, JSONBOID, -1, false, TYPALIGN_INT));
}

/*-------------------------------------------------------------------------
 *
 * bulk_json.c
 *	  Filters and changes: members of JSON objects that callers give.
 *
 * Runs in any backend.  What a member may not be is error 22023, which names it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "bulk/bulk_json.h"
#include "chart/diagnostic.h"

/* Error 22023 unless it is an object with no other keys than these; `name`: what it is. */
void
wf_bulk_json_check_keys(Jsonb *object, const char *name, const char *const *known)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", name)));
	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		const char *key;
		const char *hint;
		int			i = 0;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		hint = wf_diagnostic_spelling_hint(key, known);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has an unknown key \"%s\"", name, wf_quote(key)),
				 hint != NULL ? errhint("%s", hint) : 0));
	}
}

/* A member; false: there is none, or, unless may_be_null, it is null. */
bool
wf_bulk_json_member(Jsonb *object, const char *key, bool may_be_null, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&object->root, key, strlen(key), value) != NULL &&
		(may_be_null || value->type != jbvNull);
}

/* Error 22023: a member is not what it has to be. */
void
wf_bulk_json_refuse(const char *key, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" must be %s", key, what)));
}

/* A string; NULL: there is none. */
char *
wf_bulk_json_string(Jsonb *object, const char *key)
{
	JsonbValue	value;

	if (!wf_bulk_json_member(object, key, false, &value))
		return NULL;
	if (value.type != jbvString)
		wf_bulk_json_refuse(key, "a string");
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static Datum
element(JsonbContainer *list, int i, const char *key)
{
	JsonbValue *item = getIthJsonbValueFromContainer(list, i);

	if (item->type != jbvString)
		wf_bulk_json_refuse(key, "a string or an array of strings");
	return PointerGetDatum(cstring_to_text_with_len(item->val.string.val, item->val.string.len));
}

/* A string, or a list of strings, as text[]; NULL: there is none. */
ArrayType *
wf_bulk_json_strings(Jsonb *object, const char *key)
{
	JsonbValue	value;
	Datum	   *items;
	int			n;

	if (!wf_bulk_json_member(object, key, false, &value))
		return NULL;
	if (value.type == jbvString)
	{
		Datum		only = PointerGetDatum(cstring_to_text_with_len(value.val.string.val, value.val.string.len));

		return construct_array(&only, 1, TEXTOID, -1, false, TYPALIGN_INT);
	}
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		wf_bulk_json_refuse(key, "a string or an array of strings");
	n = JsonContainerSize(value.val.binary.data);
	items = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
		items[i] = element(value.val.binary.data, i, key);
	return construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* An object; NULL: there is none. */
Jsonb *
wf_bulk_json_object(Jsonb *object, const char *key)
{
	JsonbValue	value;

	if (!wf_bulk_json_member(object, key, false, &value))
		return NULL;
	if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
		wf_bulk_json_refuse(key, "an object");
	return JsonbValueToJsonb(&value);
}

/* A time; `without`: there is none. */
TimestampTz
wf_bulk_json_time(Jsonb *object, const char *key, TimestampTz without)
{
	char	   *text = wf_bulk_json_string(object, key);

	if (text == NULL)
		return without;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
}

/*
 * A time with its offset, which means the same in the sessions of executors, whatever their
 * time zone is and however late they come; NULL: an infinite one.
 */
Jsonb *
wf_bulk_json_of_time(TimestampTz time)
{
	int			zone = 0;

	return TIMESTAMP_NOT_FINITE(time) ? NULL :
		wf_jsonb_string(JsonEncodeDateTime(NULL, TimestampTzGetDatum(time), TIMESTAMPTZOID, &zone));
}

/* Is it this number?  JSON has numbers of any size, and between two of ours. */
bool
wf_bulk_json_is_number(const JsonbValue *value, int number)
{
	return value->type == jbvNumeric &&
		DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value->val.numeric),
										 NumericGetDatum(int64_to_numeric(number))));
}

/* A whole number from 1 on; 0: there is none. */
int32
wf_bulk_json_int(Jsonb *object, const char *key)
{
	JsonbValue	value;
	char	   *text;
	char	   *end;
	long		number;

	if (!wf_bulk_json_member(object, key, false, &value))
		return 0;
	if (value.type != jbvNumeric)
		wf_bulk_json_refuse(key, "a whole number from 1 on");
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || number < 1 || number > PG_INT32_MAX)
		wf_bulk_json_refuse(key, "a whole number from 1 on");
	return (int32) number;
}

/* true or false, as 1 or 0; -1: there is none. */
int
wf_bulk_json_bool(Jsonb *object, const char *key)
{
	JsonbValue	value;

	if (!wf_bulk_json_member(object, key, false, &value))
		return -1;
	if (value.type != jbvBool)
		wf_bulk_json_refuse(key, "true or false");
	return value.val.boolean;
}

pg_noreturn static void
refuse_ids(const char *key, const char *of)
{
	wf_bulk_json_refuse(key, psprintf("an array of ids of %s", of));
	pg_unreachable();
}

/* How long a list of ids is, of what `of` says; -1: there is none. */
int
wf_bulk_json_length(Jsonb *object, const char *key, const char *of)
{
	JsonbValue	value;

	if (!wf_bulk_json_member(object, key, false, &value))
		return -1;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		refuse_ids(key, of);
	return JsonContainerSize(value.val.binary.data);
}

/* One of a list of ids. */
void
wf_bulk_json_id(Jsonb *object, const char *key, int i, const char *of, pg_uuid_t *id)
{
	JsonbValue	value;
	JsonbValue *item;

	(void) wf_bulk_json_member(object, key, false, &value);
	item = getIthJsonbValueFromContainer(value.val.binary.data, i);
	if (item->type != jbvString ||
		!wf_uuid_parse(pnstrdup(item->val.string.val, item->val.string.len), id))
		refuse_ids(key, of);
}

/* A list of ids, of what `of` says; NULL: there is none. */
Datum *
wf_bulk_json_ids(Jsonb *object, const char *key, const char *of, int *n)
{
	int			length = wf_bulk_json_length(object, key, of);
	Datum	   *ids;

	*n = Max(length, 0);
	if (length < 0)
		return NULL;
	ids = palloc(sizeof(Datum) * (length + 1));
	for (int i = 0; i < length; i++)
	{
		pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

		wf_bulk_json_id(object, key, i, of, id);
		ids[i] = UUIDPGetDatum(id);
	}
	return ids;
}

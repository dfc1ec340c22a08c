/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  Small constructions on jsonb values that the server has no function for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/jsonb.h"
#include "base/jsonb_object.h"

/* The root of a jsonb as a value that pushJsonbValue() accepts anywhere. */
static void
root_value(JsonbValue *value, Jsonb *jsonb)
{
	if (JB_ROOT_IS_SCALAR(jsonb))
		(void) JsonbExtractScalar(&jsonb->root, value);
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = &jsonb->root;
		value->val.binary.len = VARSIZE_ANY_EXHDR(jsonb);
	}
}

Jsonb *
wf_jsonb_array(int n, Jsonb **values)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue	value;

		root_value(&value, values[i]);
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* A numeric, text or boolean as jsonb; a jsonb as it is. */
Jsonb *
wf_jsonb_scalar(Datum datum, Oid type)
{
	JsonbValue	value;
	text	   *string;

	switch (type)
	{
		case NUMERICOID:
			/* JSON has no NaN: like to_jsonb(), say it in words. */
			if (numeric_is_nan(DatumGetNumeric(datum)) ||
				numeric_is_inf(DatumGetNumeric(datum)))
				return wf_jsonb_string(OidOutputFunctionCall(F_NUMERIC_OUT, datum));
			value.type = jbvNumeric;
			value.val.numeric = DatumGetNumeric(datum);
			break;
		case BOOLOID:
			value.type = jbvBool;
			value.val.boolean = DatumGetBool(datum);
			break;
		case TEXTOID:
			string = DatumGetTextPP(datum);
			value.type = jbvString;
			value.val.string.val = VARDATA_ANY(string);
			value.val.string.len = VARSIZE_ANY_EXHDR(string);
			break;
		default:
			return DatumGetJsonbP(datum);
	}
	return JsonbValueToJsonb(&value);
}

Jsonb *
wf_jsonb_parse(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

/* A string's text, else NULL. */
char *
wf_jsonb_text(Jsonb *jsonb)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_SCALAR(jsonb))
		return NULL;
	(void) JsonbExtractScalar(&jsonb->root, &value);
	if (value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

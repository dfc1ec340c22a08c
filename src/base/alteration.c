/*-------------------------------------------------------------------------
 *
 * alteration.c
 *	  What an object of JSON changes about settings.
 *
 * Runs in the sessions of those who call workflow.alter_...().  Times and intervals are strings in
 * JSON; null is the default of a setting.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/alteration.h"

/* Error 22023 unless it is an object. */
void
wf_alteration_begin(WfAlteration *alteration, const Jsonb *object)
{
	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("changes must be an object")));
	alteration->iterator = JsonbIteratorInit((JsonbContainer *) &object->root);
}

/* The next member, in the order of jsonb; false: that were all. */
bool
wf_alteration_next(WfAlteration *alteration)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&alteration->iterator, &alteration->value, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			alteration->name = pnstrdup(alteration->value.val.string.val, alteration->value.val.string.len);
			(void) JsonbIteratorNext(&alteration->iterator, &alteration->value, true);
			return true;
		}
	return false;
}

/* --- values ------------------------------------------------------------------------ */

/* Error 22023: the value of this one is not what is wanted. */
void
wf_alteration_refuse(const WfAlteration *alteration, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be %s", alteration->name, wanted)));
}

/* A string; NULL for null.  Error 22023. */
char *
wf_alteration_text(const WfAlteration *alteration, const char *wanted)
{
	if (alteration->value.type == jbvNull)
		return NULL;
	if (alteration->value.type != jbvString)
		wf_alteration_refuse(alteration, wanted);
	return pnstrdup(alteration->value.val.string.val, alteration->value.val.string.len);
}

/* NULL for null.  Errors: 22023, and those of the type. */
Interval *
wf_alteration_interval(const WfAlteration *alteration)
{
	char	   *text = wf_alteration_text(alteration, "an interval in a string");

	if (text == NULL)
		return NULL;
	return DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* `otherwise` for null.  Errors as above. */
TimestampTz
wf_alteration_time(const WfAlteration *alteration, TimestampTz otherwise)
{
	char	   *text = wf_alteration_text(alteration, "a time in a string");

	if (text == NULL)
		return otherwise;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* False for null, and 0.  Errors as above. */
bool
wf_alteration_int(const WfAlteration *alteration, int *number)
{
	*number = 0;
	if (alteration->value.type == jbvNull)
		return false;
	if (alteration->value.type != jbvNumeric)
		wf_alteration_refuse(alteration, "a number");
	/* by its text, which does not round */
	*number = DatumGetInt32(DirectFunctionCall1(int4in, DirectFunctionCall1(numeric_out,
																			NumericGetDatum(alteration->value.val.numeric))));
	return true;
}

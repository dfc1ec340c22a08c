/*-------------------------------------------------------------------------
 *
 * given.c
 *	  The parameters that a statement is given, one after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/given.h"

/* The next one. */
void
wf_given_add(WfGiven *given, Datum value, bool isnull)
{
	Assert(given->n < WF_GIVEN_MAX);
	given->values[given->n] = isnull ? (Datum) 0 : value;
	given->nulls[given->n++] = isnull ? 'n' : ' ';
	given->nulls[given->n] = '\0';
}

/* A text; NULL is null. */
void
wf_given_text(WfGiven *given, const char *text)
{
	wf_given_add(given, text == NULL ? (Datum) 0 : CStringGetTextDatum(text), text == NULL);
}

/* A time; an infinite one is null. */
void
wf_given_time(WfGiven *given, TimestampTz time)
{
	wf_given_add(given, TimestampTzGetDatum(time), TIMESTAMP_NOT_FINITE(time));
}

/* An array; NULL is null. */
void
wf_given_array(WfGiven *given, ArrayType *array)
{
	wf_given_add(given, PointerGetDatum(array), array == NULL);
}

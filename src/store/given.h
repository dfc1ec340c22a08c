/*
 * given.h
 *	  The parameters that a statement is given, one after the other.
 */
#ifndef WF_GIVEN_H
#define WF_GIVEN_H

#include "datatype/timestamp.h"
#include "utils/array.h"

/* So many at most. */
#define WF_GIVEN_MAX	64

/* Begins as zeroes.  What values and nulls are for wf_statement_execute(). */
typedef struct WfGiven
{
	Datum		values[WF_GIVEN_MAX];
	char		nulls[WF_GIVEN_MAX + 1];
	int			n;
} WfGiven;

extern void wf_given_add(WfGiven *given, Datum value, bool isnull);
extern void wf_given_text(WfGiven *given, const char *text);
extern void wf_given_time(WfGiven *given, TimestampTz time);
extern void wf_given_array(WfGiven *given, ArrayType *array);

#endif							/* WF_GIVEN_H */

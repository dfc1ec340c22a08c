/*
 * found.h
 *	  Rows that a statement has found, column by column.
 */
#ifndef WF_FOUND_H
#define WF_FOUND_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* One of them. */
typedef struct WfFound
{
	HeapTuple	row;
	TupleDesc	desc;
} WfFound;

extern WfFound wf_found(uint64 n);
extern Datum wf_found_column(const WfFound *found, int number, bool *isnull);
extern char *wf_found_text(const WfFound *found, int number);
extern TimestampTz wf_found_time(const WfFound *found, int number, TimestampTz otherwise);
extern Interval *wf_found_interval(const WfFound *found, int number);
extern Jsonb *wf_found_jsonb(const WfFound *found, int number);

#endif							/* WF_FOUND_H */

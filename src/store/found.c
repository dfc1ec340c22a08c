/*-------------------------------------------------------------------------
 *
 * found.c
 *	  Rows that a statement has found, column by column.
 *
 * Columns are numbered from 0.  What is read of them by reference is copied into the
 * current memory context, but for wf_found_column().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/found.h"

/* The n-th row, from 0, that the last statement has found; good until the next one. */
WfFound
wf_found(uint64 n)
{
	return (WfFound) {SPI_tuptable->vals[n], SPI_tuptable->tupdesc};
}

/* A column as it stands in the row. */
Datum
wf_found_column(const WfFound *found, int number, bool *isnull)
{
	return SPI_getbinval(found->row, found->desc, number + 1, isnull);
}

/* A text, or NULL. */
char *
wf_found_text(const WfFound *found, int number)
{
	bool		isnull;
	Datum		value = wf_found_column(found, number, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A time; what a null means. */
TimestampTz
wf_found_time(const WfFound *found, int number, TimestampTz otherwise)
{
	bool		isnull;
	Datum		value = wf_found_column(found, number, &isnull);

	return isnull ? otherwise : DatumGetTimestampTz(value);
}

/* An interval, or NULL. */
Interval *
wf_found_interval(const WfFound *found, int number)
{
	bool		isnull;
	Datum		value = wf_found_column(found, number, &isnull);
	Interval   *copy;

	if (isnull)
		return NULL;
	copy = palloc(sizeof(Interval));
	*copy = *DatumGetIntervalP(value);
	return copy;
}

/* A jsonb, or NULL. */
Jsonb *
wf_found_jsonb(const WfFound *found, int number)
{
	bool		isnull;
	Datum		value = wf_found_column(found, number, &isnull);

	return isnull ? NULL : (Jsonb *) PG_DETOAST_DATUM_COPY(value);
}

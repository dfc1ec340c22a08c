/*-------------------------------------------------------------------------
 *
 * histogram.c
 *	  How often durations were about so long.
 *
 * Runs in any backend, and is pure.  Durations are whole microseconds.  Those below eight
 * have a bucket each; above, each power of two is divided into eight.  So what is read off
 * a histogram is off by a sixteenth at most, whether it was a millisecond or a week, and
 * histograms are added by adding their counts.
 *
 * Most have few buckets.  In a table it is bigint[]: bucket, count, bucket, count, ..., in
 * the order of the buckets.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "port/pg_bitutils.h"

#include "base/array.h"
#include "base/histogram.h"

/* Buckets of each power of two, and the bits that tell them apart. */
#define PARTS		8
#define PART_BITS	3

/* One more than that of the longest duration, 2^63 - 1. */
#define NBUCKETS	((63 - PART_BITS + 1) * PARTS)

/* The bucket of a duration; one below zero, by a clock that was set back, is none. */
int
wf_histogram_bucket(int64 duration)
{
	int			power;

	if (duration < PARTS)
		return (int) Max(duration, 0);
	power = pg_leftmost_one_pos64((uint64) duration);
	return (power - PART_BITS + 1) * PARTS + ((duration >> (power - PART_BITS)) & (PARTS - 1));
}

/* The duration that stands for all of a bucket: its middle. */
int64
wf_histogram_middle(int bucket)
{
	int			shift = bucket / PARTS - 1;

	if (bucket < 2 * PARTS)
		return bucket;
	return ((int64) (PARTS + bucket % PARTS) << shift) + (INT64CONST(1) << (shift - 1));
}

/* Count more durations of a bucket. */
void
wf_histogram_add(WfHistogram *histogram, int bucket, int64 count)
{
	int			at = histogram->n;

	while (at > 0 && histogram->items[at - 1].bucket > bucket)
		at--;
	if (at > 0 && histogram->items[at - 1].bucket == bucket)
	{
		WfHistogramItem *item = &histogram->items[at - 1];

		if (pg_add_s64_overflow(item->count, count, &item->count))
			item->count = PG_INT64_MAX;
		return;
	}
	(void) wf_array_grow(histogram->items, histogram->n, histogram->size);
	memmove(&histogram->items[at + 1], &histogram->items[at], sizeof(WfHistogramItem) * (histogram->n - 1 - at));
	histogram->items[at] = (WfHistogramItem) {bucket, count};
}

/* Add what an array says, as wf_histogram_array() makes them.  Error 22023 for others. */
void
wf_histogram_read(WfHistogram *histogram, ArrayType *array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		n = 1;
	else
		deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	if (n % 2 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a histogram consists of buckets, each with its count")));
	for (int i = 0; i < n; i += 2)
	{
		int64		bucket = DatumGetInt64(values[i]);
		int64		count = DatumGetInt64(values[i + 1]);

		if (bucket < 0 || bucket >= NBUCKETS || count < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a histogram has no bucket %lld with a count of %lld", (long long) bucket,
							(long long) count)));
		wf_histogram_add(histogram, (int) bucket, count);
	}
}

/* As it is stored. */
ArrayType *
wf_histogram_array(const WfHistogram *histogram)
{
	Datum	   *values = palloc(sizeof(Datum) * (2 * histogram->n + 1));

	for (int i = 0; i < histogram->n; i++)
	{
		values[2 * i] = Int64GetDatum(histogram->items[i].bucket);
		values[2 * i + 1] = Int64GetDatum(histogram->items[i].count);
	}
	return construct_array(values, 2 * histogram->n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* So long at most was this part, from 0 to 1, of the durations; -1: there was none. */
int64
wf_histogram_quantile(const WfHistogram *histogram, double quantile)
{
	double		total = 0;
	double		before = 0;

	for (int i = 0; i < histogram->n; i++)
		total += (double) histogram->items[i].count;
	for (int i = 0; i < histogram->n; i++)
	{
		before += (double) histogram->items[i].count;
		if (histogram->items[i].count > 0 && before >= ceil(total * quantile))
			return wf_histogram_middle(histogram->items[i].bucket);
	}
	return -1;
}

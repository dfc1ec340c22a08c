/*
 * histogram.h
 *	  How often durations were about so long.
 */
#ifndef WF_HISTOGRAM_H
#define WF_HISTOGRAM_H

#include "utils/array.h"

/* How often a duration fell into a bucket. */
typedef struct WfHistogramItem
{
	int			bucket;
	int64		count;
} WfHistogramItem;

/* Those that there were, in the order of their buckets. */
typedef struct WfHistogram
{
	WfHistogramItem *items;
	int			n;
	int			size;
} WfHistogram;

extern int	wf_histogram_bucket(int64 duration);
extern int64 wf_histogram_middle(int bucket);
extern void wf_histogram_add(WfHistogram *histogram, int bucket, int64 count);
extern void wf_histogram_read(WfHistogram *histogram, ArrayType *array);
extern ArrayType *wf_histogram_array(const WfHistogram *histogram);
extern int64 wf_histogram_quantile(const WfHistogram *histogram, double quantile);

#endif							/* WF_HISTOGRAM_H */

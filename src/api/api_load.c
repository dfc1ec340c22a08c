/*-------------------------------------------------------------------------
 *
 * api_load.c
 *	  How much was done: what workflow.load() is made of.
 *
 * Runs in client backends.  The view and the function themselves are SQL; here are the
 * buckets and the histograms.  Reads no table, but where what was noted is added up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/histogram.h"
#include "base/quote.h"
#include "metrics/load_sum.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_load_add);
PG_FUNCTION_INFO_V1(workflow_load_quantile);
PG_FUNCTION_INFO_V1(workflow_load_buckets);
PG_FUNCTION_INFO_V1(workflow_work_load);

/* So many rows there are at most for each thing. */
#define MAX_BUCKETS		100000

/* --- histograms ------------------------------------------------------------------- */

/* SQL function workflow.load_add(a, b) of sql/parts/load.sql. */
Datum
workflow_load_add(PG_FUNCTION_ARGS)
{
	WfHistogram sum = {0};

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	for (int i = 0; i < 2; i++)
		if (!PG_ARGISNULL(i))
			wf_histogram_read(&sum, PG_GETARG_ARRAYTYPE_P(i));
	PG_RETURN_ARRAYTYPE_P(wf_histogram_array(&sum));
}

/* SQL function workflow.load_quantile(took, part) of sql/parts/load.sql. */
Datum
workflow_load_quantile(PG_FUNCTION_ARGS)
{
	WfHistogram took = {0};
	double		part = PG_GETARG_FLOAT8(1);
	Interval   *result;
	int64		value;

	if (!(part >= 0 && part <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a part is from 0 to 1")));
	wf_histogram_read(&took, PG_GETARG_ARRAYTYPE_P(0));
	value = wf_histogram_quantile(&took, part);
	if (value < 0)
		PG_RETURN_NULL();
	result = palloc0(sizeof(Interval));
	result->time = value;
	PG_RETURN_INTERVAL_P(result);
}

/* --- buckets ---------------------------------------------------------------------- */

/* Buckets, one after the other: the n-th one begins n times the step after the origin. */
typedef struct Buckets
{
	TimestampTz origin;
	Interval	step;
	double		least;			/* microseconds of a step, */
	double		most;
} Buckets;

static void
refuse_step(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a bucket is a minute or longer, up to a thousand years")));
}

static void
set_step(Buckets *buckets, const Interval *step)
{
	/* months have 28 to 31 days, days 23 to 25 hours */
	double		days = step->day + step->month * 28.0;

	buckets->step = *step;
	buckets->least = step->time + days * 23 * USECS_PER_HOUR;
	buckets->most = step->time + (step->day + step->month * 31.0) * 25 * USECS_PER_HOUR;
	if (step->time < 0 || step->day < 0 || step->month < 0 || buckets->least < USECS_PER_MINUTE ||
		buckets->most > 1000 * 366.0 * USECS_PER_DAY)
		refuse_step();
	if (step->day == 0 && step->month == 0)
		buckets->least = buckets->most = step->time;
}

/* Where buckets begin, if nobody says so: midnight of a Monday, the first of a January. */
static TimestampTz
default_origin(void)
{
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum("2001-01-01 00:00:00"),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static TimestampTz
bucket_at(const Buckets *buckets, int64 n)
{
	Interval	far = buckets->step;
	int64		days;
	int64		months;

	if (pg_mul_s64_overflow(far.time, n, &far.time) || pg_mul_s64_overflow(far.day, n, &days) ||
		pg_mul_s64_overflow(far.month, n, &months) || days != (int32) days || months != (int32) months)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	far.day = (int32) days;
	far.month = (int32) months;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(buckets->origin),
												   IntervalPGetDatum(&far)));
}

/* The last bucket that begins at a time or before. */
static int64
find_bucket(const Buckets *buckets, TimestampTz at)
{
	double		away = (double) at - (double) buckets->origin;
	int64		n = (int64) (away / (away >= 0 ? buckets->most : buckets->least)) - 1;

	while (bucket_at(buckets, n + 1) <= at)
	{
		CHECK_FOR_INTERRUPTS();
		n++;
	}
	return n;
}

static TimestampTz
take_time(FunctionCallInfo fcinfo, int n, const char *name)
{
	TimestampTz time;

	wf_arg_require(fcinfo, n, name);
	time = PG_GETARG_TIMESTAMPTZ(n);
	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be infinite", name)));
	return time;
}

static void
check_by(FunctionCallInfo fcinfo, int n)
{
	static const char *const known[] = {"runtime", "queue", "job", "definition", "tenant"};
	Datum	   *values;
	bool	   *nulls;
	int			count;

	wf_arg_require(fcinfo, n, "by");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		const char *by = nulls[i] ? NULL : TextDatumGetCString(values[i]);
		int			found = 0;

		while (by != NULL && found < (int) lengthof(known) && strcmp(by, known[found]) != 0)
			found++;
		if (by == NULL || found == (int) lengthof(known))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 by == NULL ? errmsg("by must not contain null") :
					 errmsg("load is not known by \"%s\"", wf_quote(by)),
					 errhint("It is by \"runtime\", \"queue\", \"job\", \"definition\" and \"tenant\".")));
	}
}

/* SQL function workflow.load_buckets(...) of sql/parts/load.sql. */
Datum
workflow_load_buckets(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TimestampTz from = take_time(fcinfo, 0, "from_at");
	TimestampTz to = take_time(fcinfo, 1, "to_at");
	Buckets		buckets;
	int64		n;

	wf_arg_require(fcinfo, 2, "bucket");
	set_step(&buckets, PG_GETARG_INTERVAL_P(2));
	check_by(fcinfo, 3);
	buckets.origin = PG_ARGISNULL(4) ? default_origin() : take_time(fcinfo, 4, "origin");
	if (((double) to - (double) from) / buckets.most > MAX_BUCKETS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there would be more than %d buckets", MAX_BUCKETS),
				 errhint("Take longer ones.")));
	InitMaterializedSRF(fcinfo, 0);
	n = find_bucket(&buckets, from);
	for (TimestampTz at = bucket_at(&buckets, n); at < to;)
	{
		TimestampTz until = bucket_at(&buckets, ++n);
		Datum		values[2] = {TimestampTzGetDatum(at), TimestampTzGetDatum(until)};
		bool		nulls[2] = {false};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		at = until;
	}
	PG_RETURN_NULL();
}

/* --- by hand ---------------------------------------------------------------------- */

/* SQL function workflow.work_load() of sql/parts/load.sql. */
Datum
workflow_work_load(PG_FUNCTION_ARGS)
{
	int64		summed = 0;
	bool		more = true;

	wf_api_require_admin("workflow.work_load()");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	while (more)
		summed += wf_load_sum(&more);
	wf_load_sum_look(summed > 0);
	wf_load_sum_expire();
	SPI_finish();
	PG_RETURN_INT64(summed);
}

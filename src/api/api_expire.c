/*-------------------------------------------------------------------------
 *
 * api_expire.c
 *	  workflow.expire(): delete processes that have ended long ago, by hand.
 *
 * Runs in client backends; runtimes call wf_retention_round() themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/guc.h"
#include "definition/definition_log.h"
#include "store/origin.h"
#include "store/retention.h"

PG_FUNCTION_INFO_V1(workflow_expire);

/* An interval in microseconds; a month has 30 days. */
static int64
interval_us(const Interval *interval)
{
	return interval->time +
		(interval->day + interval->month * (int64) DAYS_PER_MONTH) * USECS_PER_DAY;
}

/*
 * SQL function workflow.expire(retention) of sql/parts/history.sql.  The locks
 * are those of store/retention.c, which waits for none of them.
 */
Datum
workflow_expire(PG_FUNCTION_ARGS)
{
	WfRetentionRound round = {0};
	int64		retention = PG_ARGISNULL(0) ? wf_retention * USECS_PER_MINUTE :
		interval_us(PG_GETARG_INTERVAL_P(0));
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	wf_api_require_admin("workflow.expire()");
	if (retention < 0 || (retention == 0 && !PG_ARGISNULL(0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the retention must be positive")));
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (retention > 0)
		wf_definition_log_expire(wf_clock_now() - retention);
	if (retention > 0)
		while (wf_retention_round(retention, &round))
			CHECK_FOR_INTERRUPTS();
	SPI_finish();
	values[0] = Int64GetDatum(round.expired);
	values[1] = Int64GetDatum(round.carried);
	values[2] = BoolGetDatum(round.moved);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

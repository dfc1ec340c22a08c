/*-------------------------------------------------------------------------
 *
 * api_metrics.c
 *	  workflow.metrics(): what is measured, as Prometheus reads it.
 *
 * Runs in sessions of monitors, also on a standby.  Locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "metrics/prometheus.h"

PG_FUNCTION_INFO_V1(workflow_metrics);

static Datum
look(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	text	   *result;

	wf_api_connect_to_look();
	initStringInfo(&out);
	wf_prometheus_write(&out);
	result = SPI_palloc(VARHDRSZ + out.len);
	SET_VARSIZE(result, VARHDRSZ + out.len);
	memcpy(VARDATA(result), out.data, out.len);
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}

/* SQL function workflow.metrics() of sql/parts/load.sql. */
Datum
workflow_metrics(PG_FUNCTION_ARGS)
{
	return wf_api_look(look, fcinfo);
}

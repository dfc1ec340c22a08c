/*-------------------------------------------------------------------------
 *
 * api_publish.c
 *	  workflow.publish(): events for whoever waits for them.
 *
 * Runs in client backends, and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/clock.h"
#include "definition/definition.h"
#include "definition/publication.h"
#include "shmem/wakeup_runs.h"
#include "store/origin.h"
#include "store/published.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_publish);

/* Until when it is kept.  Error 22023 unless that is later than now. */
static TimestampTz
read_until(FunctionCallInfo fcinfo)
{
	TimestampTz now = wf_clock_now();
	TimestampTz until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
																TimestampTzGetDatum(now),
																PG_GETARG_DATUM(3)));

	if (until <= now || TIMESTAMP_NOT_FINITE(until))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"keep\" must be positive and finite")));
	return until;
}

/* Error WF002 if the caller may not act for the actor with some definition that is reached. */
static void
check_actor(FunctionCallInfo fcinfo, const WfPublished *published)
{
	WfAwaiter  *awaiters;
	int			n = PG_ARGISNULL(4) ? 0 : wf_published_awaiters(published, &awaiters);

	for (int i = 0; i < n; i++)
		wf_arg_check_actor(fcinfo, 4, wf_definition_by_name(awaiters[i].definition, 0));
}

static char *
read_correlation(FunctionCallInfo fcinfo)
{
	char	   *correlation = wf_arg_string(fcinfo, 1, "correlation");

	if (correlation[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("correlation must not be empty")));
	wf_arg_check_length("the correlation is too long", strlen(correlation));
	return correlation;
}

/*
 * SQL function workflow.publish(...) of sql/parts/publish.sql.  Inserts timers, and what
 * is kept, without lock.
 */
Datum
workflow_publish(PG_FUNCTION_ARGS)
{
	bool		keeps = !PG_ARGISNULL(3);
	TimestampTz until = keeps ? read_until(fcinfo) : DT_NOBEGIN;
	WfPublished published = {
		.event = wf_arg_event(fcinfo, 0),
		.correlation = read_correlation(fcinfo),
		.data = wf_arg_jsonb_or_null(fcinfo, 2),
		.actor = wf_arg_actor(fcinfo, 4),
		.role = GetUserNameFromId(GetUserId(), false),
		.trace = wf_arg_trace(fcinfo, 5)
	};
	uint64		n;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	published.tenant = wf_tenant_datum();
	check_actor(fcinfo, &published);
	if (keeps)
	{
		published.id = wf_published_keep(&published, until);
		wf_wakeup_runs_lease(wf_clock_now());
	}
	n = wf_publication_deliver(&published, true);
	SPI_finish();
	PG_RETURN_INT64(n);
}

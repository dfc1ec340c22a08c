/*-------------------------------------------------------------------------
 *
 * api_expire.c
 *	  workflow.expire() and workflow.expire_all(): delete processes that have
 *	  ended long ago, by hand.
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
#include "storage/latch.h"

#include "api/api.h"
#include "api/note.h"
#include "api/result.h"
#include "base/clock.h"
#include "base/guc.h"
#include "base/interval.h"
#include "base/jsonb.h"
#include "definition/definition_log.h"
#include "store/origin.h"
#include "store/retention.h"

PG_FUNCTION_INFO_V1(workflow_expire);
PG_FUNCTION_INFO_V1(workflow_expire_all);

/*
 * So long (ms) expire_all() waits before it asks again while another session has a
 * round, and so often at most.
 */
#define HELD_PAUSE	10
#define HELD_MOST	500

/* Rounds in one call of workflow.expire(). */
#define PIECE	10

/* Of workflow.expire() in 0.2.0, which did not tell whether it is done. */
#define NCOLUMNS_0_2	3

/*
 * An interval in microseconds; below 0 for any that is.  What is kept longer than any that can be
 * set is kept for ever: infinite ones, and those of which sums are no times.
 */
static int64
retention_us(const Interval *interval)
{
	double		days = wf_interval_days(interval);

	if (days < 0)
		return -1;
	return days > WF_INTERVAL_LONGEST ? WF_INTERVAL_LONGEST * USECS_PER_DAY : wf_interval_us(interval);
}

/*
 * The argument, or workflow.retention if it is null, in microseconds; 0: for
 * ever.  Error 22023 unless an argument is positive.
 */
static int64
retention_arg(FunctionCallInfo fcinfo)
{
	int64		retention = PG_ARGISNULL(0) ? wf_retention * USECS_PER_MINUTE :
		retention_us(PG_GETARG_INTERVAL_P(0));

	if (retention < 0 || (retention == 0 && !PG_ARGISNULL(0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the retention must be positive")));
	return retention;
}

/* Note that so many processes were deleted. */
static void
note(const char *act, int64 retention, int64 expired)
{
	static const char *const keys[] = {"count", "minutes"};
	Jsonb	   *values[] = {
		wf_note_number(expired),
		wf_note_number(retention / USECS_PER_MINUTE)
	};

	if (expired > 0)
		wf_note_database(act, wf_jsonb_object(lengthof(keys), (const char **) keys, values));
}

/*
 * SQL function workflow.expire(retention) of sql/parts/history.sql.  The locks
 * are those of store/retention.c, which waits for none of them.
 */
Datum
workflow_expire(PG_FUNCTION_ARGS)
{
	WfRetentionRound round = {.asked = true};
	int64		retention;
	bool		more = true;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};

	desc = wf_result_type(fcinfo);
	wf_api_require_admin("workflow.expire()");
	retention = retention_arg(fcinfo);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (retention > 0)
		wf_definition_log_expire(wf_clock_now() - retention);
	for (int i = 0; more && (i < PIECE || desc->natts == NCOLUMNS_0_2); i++)
	{
		CHECK_FOR_INTERRUPTS();
		more = wf_retention_round(retention, &round);
	}
	note("expire", retention, round.expired);
	SPI_finish();
	values[0] = Int64GetDatum(round.expired);
	values[1] = Int64GetDatum(round.carried);
	values[2] = BoolGetDatum(round.moved);
	values[3] = BoolGetDatum(!more && !round.held);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/*
 * SQL procedure workflow.expire_all(retention) of sql/parts/history.sql.  Each
 * round is a transaction of its own, so it needs to be called outside of a
 * transaction block: error 25001.  Locks as workflow.expire(), for one round.
 */
Datum
workflow_expire_all(PG_FUNCTION_ARGS)
{
	WfRetentionRound round = {.asked = true};
	int64		retention;
	bool		more = true;
	bool		logged = false;
	int64		before;
	int			waited = 0;

	wf_api_require_admin("workflow.expire_all()");
	retention = retention_arg(fcinfo);
	while (more)
	{
		CHECK_FOR_INTERRUPTS();
		wf_api_connect_to_commit(fcinfo);
		wf_origin_require();
		if (!logged && retention > 0)
			wf_definition_log_expire(wf_clock_now() - retention);
		logged = true;
		before = round.expired;
		more = wf_retention_round(retention, &round);
		note("expire_all", retention, round.expired - before);
		SPI_commit();
		SPI_finish();
		if (!round.held)
			continue;

		/* Another session is at a round, usually a transaction of some milliseconds. */
		if (++waited > HELD_MOST)
		{
			ereport(NOTICE,
					(errmsg("another session is expiring processes"),
					 errdetail("What is left is left to it.")));
			break;
		}
		more = true;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, HELD_PAUSE,
						 WaitEventExtensionNew("WorkflowExpire"));
		ResetLatch(MyLatch);
	}
	PG_RETURN_VOID();
}

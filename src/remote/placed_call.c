/*-------------------------------------------------------------------------
 *
 * placed_call.c
 *	  A run of another server is done, and what comes of it is kept.
 *
 * Runs in executors of placed runs, logged in as the role that does them.  The row of the
 * outcome is written by the transaction that has done the work, the last one of a tracked
 * run: either both are there, or neither.  Two who do the same run, because the claim of
 * the first was taken for lost, write the same row, and the second one rolls back.  What
 * fails is kept in a transaction of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "bgworker/login.h"
#include "eval/step_timeout.h"
#include "eval/user_context.h"
#include "job/job_call.h"
#include "remote/placed_call.h"
#include "remote/placed_job.h"
#include "run/run_failure.h"
#include "store/origin.h"
#include "store/outcome.h"
#include "store/transaction.h"

/* One run. */
typedef struct Errand
{
	MemoryContext context;		/* of all that is needed until it has ended */
	WfParcel	parcel;
	Oid			role;
	const WfJob *job;
	Jsonb	   *params;
	Jsonb	   *info;			/* or NULL */
	Interval   *timeout;		/* or NULL */
	bool		ended_before;
} Errand;

/* --- before ------------------------------------------------------------------------------- */

/* Error WF002: what was good when it was mapped need not be any more. */
static void
check_role(const Errand *errand)
{
	if (superuser_arg(errand->role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" is a superuser", GetUserNameFromId(errand->role, true)),
				 errdetail("Runs of another server are not done as one.")));
	if (!wf_login_is_good(WF_LANE_RUNS))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not log in any more", GetUserNameFromId(errand->role, true))));
	wf_origin_require();
}

static Interval *
interval_of(const char *text)
{
	return text == NULL ? NULL :
		DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
											  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Find out what is to be done, in a transaction; false: it was done before. */
static bool
prepare(Errand *errand)
{
	const char *params = errand->parcel.fields[WF_PARCEL_params];
	MemoryContext old;

	check_role(errand);
	if (wf_outcome_tell_again(&errand->parcel.run, errand->parcel.round, errand->parcel.fence))
		return false;
	old = MemoryContextSwitchTo(errand->context);
	errand->job = wf_placed_job(&errand->parcel, errand->role);
	errand->params = wf_jsonb_parse(params == NULL ? "{}" : params);
	errand->info = wf_placed_job_describe(errand->job, &errand->parcel);
	errand->timeout = interval_of(errand->parcel.fields[WF_PARCEL_timeout]);
	MemoryContextSwitchTo(old);
	return true;
}

/* --- the work ------------------------------------------------------------------------------- */

/* Keep that it has finished.  Error 40001: it has ended before. */
static void
keep_result(Errand *errand, Jsonb *result)
{
	WfOutcome	outcome = {
		.run = errand->parcel.run,.round = errand->parcel.round,.fence = errand->parcel.fence,.result = result
	};

	if (wf_outcome_keep(&outcome))
		return;
	errand->ended_before = true;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("run %s has ended before", wf_uuid_text(&errand->parcel.run))));
}

/* For whom its code works; empty: nobody. */
static const char *
tenant_of(const Errand *errand)
{
	const char *tenant = errand->parcel.fields[WF_PARCEL_tenant];

	return tenant == NULL ? "" : tenant;
}

static Jsonb *
call_atomic(const Errand *errand)
{
	WfUserContext bracket = {.tenant = tenant_of(errand)};
	Datum		params = JsonbPGetDatum(errand->params);
	Jsonb	   *result = NULL;

	if (errand->job->takes_many)
		wf_job_call_many(errand->job, 1, &params, &result, errand->timeout, &bracket);
	else
		result = wf_job_call_one(errand->job, errand->params, errand->info, errand->timeout, &bracket);
	wf_user_context_leave(&bracket);
	return result;
}

static TimestampTz
end_of(const Interval *timeout)
{
	return timeout == NULL ? DT_NOEND :
		DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												TimestampTzGetDatum(GetCurrentTimestamp()),
												IntervalPGetDatum(timeout)));
}

/* At top level, with neither SPI nor snapshot. */
static Jsonb *
call_tracked(const Errand *errand)
{
	WfStepTimeout outer;
	Jsonb	   *result = NULL;

	MemoryContextSwitchTo(errand->context);
	wf_step_timeout_begin(&outer, end_of(errand->timeout), WF_LIMIT_OF_JOB);
	PG_TRY();
	{
		result = wf_job_call_top(errand->job, errand->params, errand->info, tenant_of(errand));
	}
	PG_CATCH();
	{
		wf_step_timeout_failed(&outer, errand->context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_step_timeout_end(&outer);
	return result;
}

/* Do it, and keep what comes of it. */
static void
run(Errand *errand)
{
	bool		tracked = wf_parcel_is_tracked(&errand->parcel);
	Jsonb	   *result;

	if (!wf_transaction_begin("workflow placed run", InvalidOid))
		return;
	if (!prepare(errand))
	{
		wf_transaction_commit();
		return;
	}
	if (tracked)
	{
		wf_transaction_leave();
		result = call_tracked(errand);
		wf_transaction_enter();
	}
	else
		result = call_atomic(errand);
	keep_result(errand, result);
	wf_transaction_commit();
}

/* --- what fails -------------------------------------------------------------------------------- */

/* Keep that it failed, or tell once more how it has ended. */
static void
record(Errand *errand, const ErrorData *error)
{
	WfOutcome	outcome = {
		.run = errand->parcel.run,.round = errand->parcel.round,.fence = errand->parcel.fence
	};

	if (!wf_transaction_begin("workflow failure", InvalidOid))
		return;
	outcome.error = wf_run_failure_of(error);
	if (errand->ended_before || !wf_outcome_keep(&outcome))
		(void) wf_outcome_tell_again(&outcome.run, outcome.round, outcome.fence);
	wf_transaction_commit();
}

/* In a transaction of its own.  If that fails, the courier finds nothing, and says so. */
static void
record_alone(Errand *errand, const ErrorData *error)
{
	PG_TRY();
	{
		record(errand, error);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(errand->context);
		EmitErrorReport();
		wf_transaction_abort(errand->context);
	}
	PG_END_TRY();
}

/*
 * Do the run that is in that segment, as this role.  With no transaction open.  Throws
 * nothing but what ends the executor.
 */
void
wf_placed_call(dsm_handle segment, Oid role)
{
	Errand	   *errand;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "workflow errand", ALLOCSET_SMALL_SIZES);

	MemoryContextSwitchTo(context);
	errand = palloc0(sizeof(Errand));
	errand->context = context;
	errand->role = role;
	if (wf_parcel_find(segment, &errand->parcel))
	{
		PG_TRY();
		{
			run(errand);
		}
		PG_CATCH();
		{
			ErrorData  *error;

			MemoryContextSwitchTo(context);
			error = CopyErrorData();
			wf_transaction_abort(context);
			record_alone(errand, error);
		}
		PG_END_TRY();
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
}

/*-------------------------------------------------------------------------
 *
 * placed_call.c
 *	  A run of another server is done, and what comes of it is kept.
 *
 * Runs in executors of placed runs, logged in as the role that does them.  The row of the
 * outcome is written by the transaction that has done the work, the last one of a tracked
 * run: either both are there, or neither.  Two who do the same run, because the claim of
 * the first was taken for lost, write the same row, and the second one rolls back.  What
 * fails is kept in a transaction of its own.  What its code has said of the run is kept with that.
 *
 * On a standby, where the job is what it is on the primary, it is one transaction, which can
 * only read; what comes of it is handed over when that has ended.  When recovery cancels it,
 * it is done once more, some times.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/standby.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/interval.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/superuser.h"
#include "base/span.h"
#include "base/uuid.h"
#include "bgworker/login.h"
#include "eval/step_timeout.h"
#include "eval/user_context.h"
#include "job/job_call.h"
#include "remote/placed_call.h"
#include "remote/placed_job.h"
#include "remote/reply.h"
#include "run/run_failure.h"
#include "run/run_inside.h"
#include "shmem/errand.h"
#include "store/checkpoint.h"
#include "store/origin.h"
#include "store/outcome.h"
#include "store/run.h"
#include "store/transaction.h"

/* So often a standby tries to do a run that its recovery cancels. */
#define CONFLICT_TRIES	3

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
	Jsonb	   *given;			/* what the other server has kept for it; or NULL */
	bool		ended_before;
} Errand;

/* --- before ------------------------------------------------------------------------------- */

/* Error WF002: what was good when it was mapped need not be any more. */
static void
check_role(const Errand *errand)
{
	if (wf_superuser_may_become(errand->role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" is a superuser, or may become one", GetUserNameFromId(errand->role, true)),
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

/* What is known of it as text; in the context of the run. */
static void
read_parcel(Errand *errand)
{
	const char *given = errand->parcel.fields[WF_PARCEL_checkpoints];

	errand->info = wf_placed_job_describe(errand->job, &errand->parcel);
	errand->timeout = interval_of(errand->parcel.fields[WF_PARCEL_timeout]);
	/* a standby has all that the run has kept */
	errand->given = given == NULL || wf_reply_is_used() ? NULL : wf_jsonb_parse(given);
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
	read_parcel(errand);
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * The same on a standby: what is done is what the rows of run and job say that it has replayed,
 * as the role that owns the job.
 */
static void
prepare_on_standby(Errand *errand)
{
	WfRunRow	row;
	MemoryContext old;

	check_role(errand);
	if (!wf_run_find(&errand->parcel.run, &row))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this standby has no run %s", wf_uuid_text(&errand->parcel.run))));
	old = MemoryContextSwitchTo(errand->context);
	errand->params = DatumGetJsonbPCopy(row.values[WF_RUN_params]);
	errand->job = wf_job(wf_run_row_job(&row));
	if (errand->job->author.role != errand->role || errand->job->mode != WF_JOB_ATOMIC)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" does not do job \"%s\" on a standby",
						GetUserNameFromId(errand->role, true), wf_quote(errand->job->name))));
	read_parcel(errand);
	MemoryContextSwitchTo(old);
}

/* --- the work ------------------------------------------------------------------------------- */

static WfOutcome
outcome_of(const Errand *errand)
{
	return (WfOutcome)
	{
		.run = errand->parcel.run,.round = errand->parcel.round,.fence = errand->parcel.fence
	};
}

/* Its code has returned that, which counts unless the run is to wait. */
static WfOutcome
returned(const Errand *errand, Jsonb *result)
{
	WfOutcome	outcome = outcome_of(errand);

	outcome.said = wf_run_inside_said(true);
	outcome.result = wf_outcome_is_parked(&outcome) ? NULL : result;
	return outcome;
}

/* Keep that it has finished, or waits.  Error 40001: it has ended before. */
static void
keep_result(Errand *errand, Jsonb *result)
{
	WfOutcome	outcome = returned(errand, result);
	const pg_uuid_t *run = &outcome.run;

	if (wf_outcome_keep(&outcome))
	{
		if (!wf_outcome_is_parked(&outcome))
			wf_checkpoint_forget(1, &run);
		return;
	}
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

/*
 * In which span its code is; empty: in none.  The other server has no say in the form of our
 * settings: what is no context is none.
 */
static const char *
span_of(const Errand *errand)
{
	const char *given = errand->parcel.fields[WF_PARCEL_traceparent];
	char	   *context = given == NULL ? NULL : pstrdup(given);

	return context == NULL || !wf_span_read(context, context) ? "" : context;
}

static Jsonb *
call_atomic(const Errand *errand)
{
	WfUserContext bracket = {.tenant = tenant_of(errand),.trace = span_of(errand)};
	Datum		params = JsonbPGetDatum(errand->params);
	Jsonb	   *result = NULL;

	wf_run_inside_begin_placed(&errand->parcel.run, errand->given);
	if (errand->job->takes_many)
		wf_job_call_many(errand->job, 1, &params, &result, errand->timeout, &bracket);
	else
		result = wf_job_call_one(errand->job, errand->params, errand->info, errand->timeout, &bracket);
	wf_user_context_leave(&bracket);
	wf_run_inside_end();
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
		wf_run_inside_begin_placed(&errand->parcel.run, errand->given);
		result = wf_job_call_top(errand->job, errand->params, errand->info, tenant_of(errand),
								 span_of(errand));
	}
	PG_CATCH();
	{
		wf_step_timeout_failed(&outer, errand->context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_run_inside_end();
	wf_step_timeout_end(&outer);
	return result;
}

/* Do it in a transaction that can only read, and hand over what comes of it. */
static void
run_on_standby(Errand *errand)
{
	WfOutcome	outcome;
	Jsonb	   *result;
	MemoryContext old;

	if (!wf_transaction_begin("workflow placed run", InvalidOid))
		return;
	/* also when this server has just been promoted */
	XactReadOnly = true;
	prepare_on_standby(errand);
	result = call_atomic(errand);
	old = MemoryContextSwitchTo(errand->context);
	outcome = returned(errand, result);
	if (outcome.result != NULL)
		outcome.result = memcpy(palloc(VARSIZE(result)), result, VARSIZE(result));
	MemoryContextSwitchTo(old);
	wf_transaction_commit();
	wf_reply_leave(&outcome);
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

/* Hand over that it failed on a standby: who wants to write there cannot do so the next time. */
static void
hand_over_error(WfOutcome *outcome, const ErrorData *error)
{
	ErrorData	told = *error;

	outcome->final = error->sqlerrcode == ERRCODE_READ_ONLY_SQL_TRANSACTION;
	if (outcome->final && told.hint == NULL)
		told.hint = pstrdup("It was done on a standby, which can only read. Place the job's queue on servers that can write.");
	outcome->error = wf_run_failure_of(&told);
	wf_reply_leave(outcome);
}

/* Keep that it failed, or tell once more how it has ended. */
static void
record(Errand *errand, const ErrorData *error)
{
	WfOutcome	outcome = outcome_of(errand);

	outcome.said = wf_run_inside_said(false);
	if (wf_reply_is_used())
	{
		hand_over_error(&outcome, error);
		return;
	}
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

/* Is it the recovery of this standby that canceled it?  Code that throws the same is not meant. */
static bool
is_conflict(const ErrorData *error)
{
	const char *file = error->filename == NULL ? NULL : strrchr(error->filename, '/');

	file = file == NULL ? error->filename : file + 1;
	return wf_reply_is_used() && file != NULL &&
		(error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		 error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED) &&
		(strcmp(file, "postgres.c") == 0 || strcmp(file, "standby.c") == 0);
}

/* Try to do it.  False: it is to be tried once more. */
static bool
try_to_run(Errand *errand)
{
	volatile bool again = false;

	PG_TRY();
	{
		if (wf_reply_is_used())
			run_on_standby(errand);
		else
			run(errand);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(errand->context);
		error = CopyErrorData();
		wf_run_inside_end();
		wf_transaction_abort(errand->context);
		again = is_conflict(error);
		if (!again)
		{
			wf_placed_job_doubt(error);
			record_alone(errand, error);
		}
	}
	PG_END_TRY();
	return !again;
}

/* May it take longer than recovery waits for it?  Then it would be canceled the next time, too. */
static bool
takes_too_long(const Errand *errand)
{
	const Interval *timeout = errand->timeout;

	return timeout != NULL && max_standby_streaming_delay >= 0 &&
		wf_interval_days(timeout) * USECS_PER_DAY > max_standby_streaming_delay * 1000.0;
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
		int			tries = 1;
		bool		done;

		while (!(done = try_to_run(errand)) && tries < CONFLICT_TRIES && !takes_too_long(errand))
			tries++;
		if (!done)
			wf_errand_conflict();
	}
	wf_run_inside_forget();
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
}

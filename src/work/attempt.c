/*-------------------------------------------------------------------------
 *
 * failure.c
 *	  Events whose step failed: attempts, back-off, giving up.
 *
 * Runs in executors, between batches, each record in a transaction of its
 * own.  An event is never lost: until it succeeds it is a timer or a row of
 * workflow.failure that is given up, which resume() makes a timer again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/child.h"
#include "base/clock.h"
#include "work/attempt.h"
#include "base/guc.h"
#include "base/version.h"
#include "bgworker/pool.h"
#include "store/statement.h"
#include "shmem/wakeup.h"

/* Crashes of the server that one event may cause. */
#define MAX_CRASHES 2

static WfStatement take_statement = {
	.sql = "DELETE FROM workflow.timer WHERE process OPERATOR(pg_catalog.=) $1"
	" AND seq OPERATOR(pg_catalog.=) $2 AND attempts OPERATOR(pg_catalog.=) $3"
	" RETURNING due, attempts, event, name, state, actor, data, child",
	.nargs = 3,
	.args = {UUIDOID, INT8OID, INT2OID}
};

/* The first failure of an event is its row's first, and stays. */
#define KEEP(more_columns, more_values) \
	"INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, name, state," \
	" actor, data, sqlstate, message, detail, hint, context, child" more_columns ")" \
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17" more_values ")" \
	" ON CONFLICT (process, seq) DO UPDATE SET at = EXCLUDED.at, attempts = EXCLUDED.attempts," \
	" given_up = EXCLUDED.given_up, sqlstate = EXCLUDED.sqlstate, message = EXCLUDED.message," \
	" detail = EXCLUDED.detail, hint = EXCLUDED.hint, context = EXCLUDED.context"
#define KEEP_ARGS \
	{UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, BOOLOID, TEXTOID, TEXTOID, \
	TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID}

static WfStatement keep_statement = {
	.sql = KEEP(", since", ", $3"),
	.nargs = 17,
	.args = KEEP_ARGS
};

/* For the table as 0.1.0 made it. */
static WfStatement keep_without_since_statement = {
	.sql = KEEP("", ""),
	.nargs = 17,
	.args = KEEP_ARGS
};

/*
 * The row is one of wf_failure_suspect(), which has no context: user code may
 * raise any SQLSTATE, but says where.
 */
#define OF_A_SUSPECT "sqlstate OPERATOR(pg_catalog.=) '57P02' AND context IS NULL"

static WfStatement crashes_statement = {
	.sql = "SELECT attempts FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
	" AND seq OPERATOR(pg_catalog.=) $2 AND " OF_A_SUSPECT,
	.nargs = 2,
	.args = {UUIDOID, INT8OID}
};

/* Gives a row if there is one that somebody else has locked. */
static WfStatement acquit_statement = {
	.sql = "WITH f AS (SELECT process, seq, attempts FROM workflow.failure"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.=) $2"
	" AND " OF_A_SUSPECT " AND NOT given_up FOR UPDATE SKIP LOCKED),"
	" gone AS (DELETE FROM workflow.failure g USING f WHERE f.attempts OPERATOR(pg_catalog.<=) 1"
	" AND g.process OPERATOR(pg_catalog.=) f.process AND g.seq OPERATOR(pg_catalog.=) f.seq),"
	" kept AS (UPDATE workflow.failure k SET attempts = f.attempts OPERATOR(pg_catalog.-) 1 FROM f"
	" WHERE f.attempts OPERATOR(pg_catalog.>) 1"
	" AND k.process OPERATOR(pg_catalog.=) f.process AND k.seq OPERATOR(pg_catalog.=) f.seq)"
	" SELECT FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.=) $2"
	" AND " OF_A_SUSPECT " AND NOT given_up AND NOT EXISTS (SELECT FROM f)",
	.nargs = 2,
	.args = {UUIDOID, INT8OID}
};

/* Doubles with every attempt, half of it random so that failures spread. */
static TimestampTz
next_attempt(int attempts)
{
	double		ms = wf_retry_delay;

	for (int i = 1; i < attempts && ms < wf_retry_max_delay; i++)
		ms *= 2;
	ms = Min(ms, wf_retry_max_delay);
	ms = ms / 2 + ms / 2 * pg_prng_double(&pg_global_prng_state);
	return wf_now() + (TimestampTz) (ms * 1000.0);
}

/* Is this SQLSTATE, or its class, among them? */
static bool
is_meant(const WfRetry *retry, const char *sqlstate)
{
	for (int i = 0; i < retry->nerrors; i++)
	{
		const char *error = retry->errors[i];

		if (strcmp(error, "*") == 0 || strncmp(error, sqlstate, strlen(error)) == 0)
			return true;
	}
	return false;
}

/* When an event that has failed so often is tried again; false: never. */
static bool
plan_attempt(const WfPolicy *policy, const char *sqlstate, int attempts,
			 TimestampTz *due)
{
	if (policy == NULL || !policy->has_retry)
	{
		*due = next_attempt(attempts);
		return attempts < wf_max_attempts;
	}
	for (int i = 0; i < policy->nretries; i++)
	{
		const WfRetry *retry = &policy->retries[i];
		double		seconds = retry->interval;

		if (!is_meant(retry, sqlstate))
			continue;
		for (int n = 1; n < attempts && seconds < retry->max_delay; n++)
			seconds *= retry->rate;
		seconds = Min(seconds, retry->max_delay);
		if (retry->jitter)
			seconds *= pg_prng_double(&pg_global_prng_state);
		*due = wf_now() + (TimestampTz) (seconds * USECS_PER_SEC);
		return attempts <= retry->max_attempts;
	}
	return false;
}

static Datum
text_datum(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Write or renew the row of workflow.failure. */
static void
keep(const WfTimerRow *timer, int attempts, bool given_up, const char *sqlstate,
	 const char *message, const char *detail, const char *hint, const char *context)
{
	char		nulls[18];
	Datum		values[17] = {
		UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
		TimestampTzGetDatum(wf_now()), TimestampTzGetDatum(timer->due),
		Int32GetDatum(attempts), BoolGetDatum(given_up),
		CStringGetTextDatum(timer->event)
	};

	memset(nulls, ' ', sizeof(nulls));
	values[7] = text_datum(timer->name, &nulls[7]);
	values[8] = text_datum(timer->state, &nulls[8]);
	values[9] = text_datum(timer->actor, &nulls[9]);
	values[10] = JsonbPGetDatum(timer->data);
	nulls[10] = timer->data == NULL ? 'n' : ' ';
	values[11] = CStringGetTextDatum(sqlstate);
	values[12] = CStringGetTextDatum(message ? message : "");
	values[13] = text_datum(detail, &nulls[13]);
	values[14] = text_datum(hint, &nulls[14]);
	values[15] = text_datum(context, &nulls[15]);
	values[16] = UUIDPGetDatum(&timer->child);
	nulls[16] = timer->from_child ? ' ' : 'n';
	wf_execute(wf_installed_column("failure", "since") ? &keep_statement :
			   &keep_without_since_statement, values, nulls, 0);
}

/* What is the matter with an event. */
typedef struct Failure
{
	const char *sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
} Failure;

/* The id of events that tell of a failure: they are not told of themselves. */
#define TOLD "workflow.on_error"

static Jsonb *
string_or_null(const char *text)
{
	return text == NULL ? wf_jsonb_parse("null") : wf_jsonb_string(text);
}

/*
 * `on_error` says that the process is to be told, and goes on.  Returns false
 * where nobody would listen.
 */
static bool
tell_process(int32 owner, const WfRow *row, WfProcess *process,
			 const WfTimerRow *timer, const Failure *failure)
{
	static const char *keys[] = {"event", "data", "attempts", "sqlstate", "message", "detail", "hint"};
	const WfPolicy *policy = wf_process_definition(process)->chart->on_error;
	WfTimerRow	told = {.process = row->id,.due = wf_now(),.name = TOLD};
	Jsonb	   *values[lengthof(keys)];
	WfOutput   *out;

	if (policy == NULL || policy->then != WF_THEN_EVENT || row->step == 0 ||
		(timer->name != NULL && strcmp(timer->name, TOLD) == 0) ||
		!wf_process_is_sound(process) || !wf_process_handles(process, policy->event))
		return false;

	values[0] = wf_jsonb_string(timer->event);
	values[1] = timer->data;
	values[2] = wf_jsonb_parse(psprintf("%d", timer->attempts));
	values[3] = wf_jsonb_string(failure->sqlstate);
	values[4] = string_or_null(failure->message);
	values[5] = string_or_null(failure->detail);
	values[6] = string_or_null(failure->hint);
	told.event = policy->event;
	told.actor = timer->actor;
	told.data = wf_jsonb_object(lengthof(keys), keys, values);
	out = wf_output_new(0);
	wf_output_arm(out, &told, owner, row->suspended, false);
	wf_output_write(out);
	return true;
}

/* Error or terminated? */
static WfStatus
stopped(const WfRow *row, WfProcess *process)
{
	const WfPolicy *policy = wf_process_definition(process)->chart->on_error;

	/* Without states it would be taken for over if it were terminated. */
	if (!wf_process_is_sound(process))
		return WF_ERROR;
	if (row->status == WF_INITIALIZED ||
		(policy != NULL && policy->then == WF_THEN_TERMINATE))
		return WF_TERMINATED;
	if (policy != NULL && policy->then == WF_THEN_ERROR)
		return WF_ERROR;
	return wf_process_has_exit(process) ? WF_ERROR : WF_TERMINATED;
}

/*
 * Unless it wants to be told, the process stops here: in error while something
 * else leads out of where it is, else terminated, its timers parked until
 * somebody resumes it.
 */
static void
give_up(int32 owner, const WfRow *row, const WfTimerRow *timer, const Failure *failure)
{
	WfStepper  *stepper = wf_stepper_new(owner);
	WfProcess  *process = wf_stepper_add(stepper, row);
	WfStatus	status;

	if (tell_process(owner, row, process, timer, failure))
	{
		wf_stepper_end(stepper);
		return;
	}
	status = stopped(row, process);
	wf_process_set(process, status, row->suspended);
	wf_child_tell(process, WF_ERROR_INVOKE,
				  wf_child_error(failure->sqlstate, failure->message));
	wf_stepper_write(stepper);
	wf_stepper_end(stepper);
	if (status == WF_TERMINATED)
		wf_park_timers(&row->id);
}

/*
 * Nobody can step a process whose definition is not there, nor say what is to
 * become of it: it rests, and its owner's other work goes on.
 */
static bool
is_orphaned(const WfRow *row)
{
	static WfStatement find_statement = {
		.sql = "SELECT FROM workflow.definition WHERE id OPERATOR(pg_catalog.=) $1",
		.nargs = 1,
		.args = {INT4OID}
	};
	static WfStatement stop_statement = {
		.sql = "UPDATE workflow.process SET status = 'error' WHERE id OPERATOR(pg_catalog.=) $1",
		.nargs = 1,
		.args = {UUIDOID}
	};
	Datum		definition = Int32GetDatum(row->definition);
	Datum		id = UUIDPGetDatum(&row->id);

	if (likely(wf_execute(&find_statement, &definition, NULL, 1) > 0))
		return false;
	wf_execute(&stop_statement, &id, NULL, 0);
	wf_park_timers(&row->id);
	return true;
}

static const char *
column(int number)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number);
}

/*
 * Take the timer out of its table, as it is now.  Since our batch was undone and
 * its locks are free, another executor may have stepped it, failed likewise and
 * recorded that: it waits for the next attempt, and ours does not count.
 */
static bool
take(WfTimerRow *timer)
{
	Datum		values[3] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
		Int16GetDatum(timer->attempts)
	};
	Datum		data;
	bool		isnull;
	HeapTuple	row;
	TupleDesc	desc;

	if (wf_execute(&take_statement, values, NULL, 0) == 0)
		return false;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	timer->due = DatumGetTimestampTz(SPI_getbinval(row, desc, 1, &isnull));
	timer->attempts = DatumGetInt16(SPI_getbinval(row, desc, 2, &isnull));
	timer->event = column(3);
	timer->name = column(4);
	timer->state = column(5);
	timer->actor = column(6);
	data = SPI_getbinval(row, desc, 7, &isnull);
	timer->data = isnull ? NULL : DatumGetJsonbP(data);
	data = SPI_getbinval(row, desc, 8, &isnull);
	timer->from_child = !isnull;
	if (!isnull)
		timer->child = *DatumGetUUIDP(data);
	return true;
}

/* Put a timer back at another due time. */
static void
rearm(int32 owner, const WfRow *row, WfTimerRow *timer, TimestampTz due)
{
	WfOutput   *out = wf_output_new(0);

	timer->due = due;
	wf_output_arm(out, timer, owner, row->suspended, false);
	wf_output_write(out);
}

/*
 * Errors that the event had so far.  A timer without any bears one attempt from
 * when it was counted as a suspect on, so that whoever steps it looks for what
 * is to be cleared away; that stays if the count is taken back.
 */
static int
errors_so_far(const WfTimerRow *timer)
{
	static WfStatement statement = {
		.sql = "SELECT FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
		" AND seq OPERATOR(pg_catalog.=) $2 AND NOT (" OF_A_SUSPECT ")",
		.nargs = 2,
		.args = {UUIDOID, INT8OID}
	};
	Datum		values[2] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq)};

	if (timer->attempts != 1)
		return timer->attempts;
	return wf_execute(&statement, values, NULL, 1) > 0 ? 1 : 0;
}

/*
 * error NULL: no attempt, just a later due time.  Whoever has the process
 * locked may be a client that goes home over it: never waited for.
 */
static bool
record(int32 owner, WfTimerRow *timer, const ErrorData *error, TimestampTz due)
{
	WfRow		row;
	Failure		failure;
	bool		orphaned;
	bool		given_up;

	if (!wf_lock_process_if_free(&timer->process, &row) ||
		wf_row_is_over(&row) || !take(timer))
		return false;
	if (error == NULL)
	{
		rearm(owner, &row, timer, due);
		return true;
	}

	failure = (Failure) {
		.sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode)),
		.message = error->message,.detail = error->detail,.hint = error->hint
	};
	timer->attempts = errors_so_far(timer) + 1;
	orphaned = is_orphaned(&row);
	given_up = orphaned ||
		!plan_attempt(wf_definition(row.definition)->chart->on_error,
							 failure.sqlstate, timer->attempts, &due);
	keep(timer, timer->attempts, given_up, failure.sqlstate,
		 error->message, error->detail, error->hint, error->context);
	if (!given_up)
		rearm(owner, &row, timer, due);
	else if (!orphaned)
		give_up(owner, &row, timer, &failure);
	wf_wake_stepped();
	return true;
}

/* record() in a transaction of its own. */
static bool
record_alone(int32 owner, Oid extension, const WfTimerRow *timer,
			 const ErrorData *error, TimestampTz due)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool recorded = false;

	PG_TRY();
	{
		WfTimerRow	copy = *timer;

		if (wf_begin("workflow failure", extension))
		{
			recorded = record(owner, &copy, error, due);
			wf_commit();
		}
	}
	PG_CATCH();
	{
		recorded = false;
		EmitErrorReport();
		wf_abort(context);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return recorded;
}

bool
wf_failure_record(int32 owner, Oid extension, const WfTimerRow *timer,
				  const ErrorData *error)
{
	return record_alone(owner, extension, timer, error, DT_NOBEGIN);
}

bool
wf_failure_postpone(int32 owner, Oid extension, const WfTimerRow *timer,
					TimestampTz due)
{
	return record_alone(owner, extension, timer, NULL, due);
}

bool
wf_failure_suspect(int32 owner, const WfRow *row, WfTimerRow *timer)
{
	Datum		values[2] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq)};
	int			crashes = 0;
	bool		isnull;
	WfOutput   *out;

	if (wf_execute(&crashes_statement, values, NULL, 1) > 0)
		crashes = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 1, &isnull));
	if (crashes >= MAX_CRASHES)
	{
		Failure		failure = {.sqlstate = "57P02",
			.message = "the server or the executor ended each time while this step was under way",
		.hint = "The server log tells more."};

		timer->attempts = crashes + 1;
		keep(timer, timer->attempts, true, failure.sqlstate, failure.message, NULL,
			 failure.hint, NULL);
		give_up(owner, row, timer, &failure);
		return false;
	}

	out = wf_output_new(owner);
	if (crashes > 0 && !wf_pool_trial_begin())
	{
		wf_output_arm(out, timer, owner, false, false);
		wf_output_write(out);
		return false;
	}

	keep(timer, crashes + 1, false, "57P02",
		 "the server or the executor ended while this step was under way", NULL, NULL, NULL);
	timer->attempts = Max(timer->attempts, 1);
	wf_output_arm(out, timer, owner, false, false);
	wf_output_write(out);
	return true;
}

bool
wf_failure_acquit(const pg_uuid_t *process, int64 seq)
{
	Datum		values[2] = {UUIDPGetDatum(process), Int64GetDatum(seq)};

	return wf_execute(&acquit_statement, values, NULL, 0) == 0;
}

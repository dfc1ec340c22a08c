/*-------------------------------------------------------------------------
 *
 * api_run_says.c
 *	  What is said of a run while it is done: report_progress(), write_log(),
 *	  save_checkpoint(), checkpoint(), park(), signal().
 *
 * Runs in the sessions of workers, who give run and fence, and in executors, whose code
 * means the run that it belongs to.  Locks the run, but not from its inside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/run_sight.h"
#include "api/worker_arg.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "run/run_inside.h"
#include "run/run_signal.h"
#include "run/run_worker.h"
#include "shmem/slot.h"
#include "store/checkpoint.h"
#include "store/origin.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_report_progress);
PG_FUNCTION_INFO_V1(workflow_run_progress);
PG_FUNCTION_INFO_V1(workflow_write_log);
PG_FUNCTION_INFO_V1(workflow_save_checkpoint);
PG_FUNCTION_INFO_V1(workflow_checkpoint);
PG_FUNCTION_INFO_V1(workflow_park);
PG_FUNCTION_INFO_V1(workflow_signal);

/* The longest line of a log, in bytes. */
#define LOG_LINE_MAX	(256 * 1024)

/*
 * Connect for a call that says something of a run, NULL: of that which is being done.  Of one
 * of another server nothing is written here, which may be a standby, but what it saves.
 */
static void
connect(FunctionCallInfo fcinfo, const pg_uuid_t *run)
{
	if (run == NULL && wf_run_inside_is_placed())
		wf_statement_connect();
	else
		wf_worker_arg_connect(fcinfo);
}

/* --- progress ------------------------------------------------------------------------ */

static Jsonb *
make_number(int64 number)
{
	return wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(number)), NUMERICOID);
}

/* What is kept of a report: those that are not null, and when it came. */
static Jsonb *
make_progress(TimestampTz when, int64 done, const int64 *total, const char *note)
{
	const char *keys[] = {"at", "done", "note", "total"};
	char		at[MAXDATELEN + 1];
	Jsonb	   *values[lengthof(keys)] = {0};

	(void) JsonEncodeDateTime(at, TimestampTzGetDatum(when), TIMESTAMPTZOID, NULL);
	values[0] = wf_jsonb_string(at);
	values[1] = make_number(done);
	if (note != NULL)
		values[2] = wf_jsonb_string(note);
	if (total != NULL)
		values[3] = make_number(*total);
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*
 * SQL function workflow.report_progress(...) of sql/parts/worker.sql.  Locks the run; from
 * its inside nothing.
 */
Datum
workflow_report_progress(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run_or_mine(fcinfo, 3, &fence);
	char	   *note = wf_arg_string_or_null(fcinfo, 2);
	int64		done;
	int64		total = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	Jsonb	   *progress;

	wf_worker_arg_require(fcinfo, 0, "done");
	done = PG_GETARG_INT64(0);
	if (note != NULL)
		wf_arg_check_length("note is too long", strlen(note));
	connect(fcinfo, run);
	progress = make_progress(wf_clock_now(), done, PG_ARGISNULL(1) ? NULL : &total, note);
	if (run != NULL)
		wf_run_worker_progress(run, fence, progress);
	else
	{
		(void) wf_run_inside_require();
		wf_run_inside_progress(done, PG_ARGISNULL(1) ? NULL : &total, note, progress);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

static Datum
look_progress(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *run = PG_GETARG_UUID_P(0);
	WfProgress progress;

	wf_api_connect_to_look();
	wf_run_sight_require(run);
	SPI_finish();
	if (!wf_slot_progress_read(run, &progress))
	{
		fcinfo->isnull = true;
		return (Datum) 0;
	}
	return JsonbPGetDatum(make_progress(progress.at, progress.done, progress.has_total ? &progress.total : NULL,
										progress.has_note ? progress.note : NULL));
}

/* SQL function workflow.run_progress(run) of sql/parts/runs.sql.  Locks nothing. */
Datum
workflow_run_progress(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_progress, fcinfo);
}

/* --- its log -------------------------------------------------------------------------- */

/* How grave a line is.  Error 22023. */
static const char *
read_severity(FunctionCallInfo fcinfo)
{
	char	   *word = wf_arg_string(fcinfo, 0, "severity");
	const char *severity = wf_run_log_severity(word);

	if (severity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("severity must be \"debug\", \"log\", \"info\", \"notice\", \"warning\" or \"error\", not \"%s\"",
						wf_quote(word))));
	return severity;
}

/*
 * SQL function workflow.write_log(...) of sql/parts/worker.sql.  Locks the run; from its
 * inside nothing.
 */
Datum
workflow_write_log(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run_or_mine(fcinfo, 3, &fence);
	WfRunLogLine line = {
		.severity = read_severity(fcinfo),
		.message = wf_arg_string(fcinfo, 1, "message"),
		.data = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2)
	};

	if (strlen(line.message) + (line.data == NULL ? 0 : VARSIZE(line.data)) > LOG_LINE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the line is too long for the log of a run"),
				 errdetail("Message and data may have %d bytes.", LOG_LINE_MAX)));
	connect(fcinfo, run);
	line.at = wf_clock_now();
	if (run != NULL)
		wf_run_worker_log(run, fence, &line);
	else
	{
		(void) wf_run_inside_require();
		wf_run_inside_log(&line);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- checkpoints ---------------------------------------------------------------------- */

/* The run that is meant: it is locked, or that of our inside.  Error WF012, 22004. */
static const pg_uuid_t *
require_run(const pg_uuid_t *run, int64 fence)
{
	WfRunRow	row;

	if (run == NULL)
		return wf_run_inside_require();
	wf_run_worker_require(run, fence, &row);
	return run;
}

/*
 * SQL function workflow.save_checkpoint(...) of sql/parts/worker.sql.  Locks the run; from
 * its inside nothing.
 */
Datum
workflow_save_checkpoint(PG_FUNCTION_ARGS)
{
	char	   *name = wf_worker_arg_name(fcinfo, 0, "name");
	int64		fence = 0;
	pg_uuid_t  *run = wf_worker_arg_run_or_mine(fcinfo, 2, &fence);

	wf_worker_arg_require(fcinfo, 1, "value");
	wf_worker_arg_connect(fcinfo);
	wf_checkpoint_save(require_run(run, fence), name, PG_GETARG_JSONB_P(1), run == NULL && wf_run_inside_is_placed());
	if (run == NULL)
		wf_run_inside_saves();
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.checkpoint(...) of sql/parts/worker.sql.  Locks the run; from its
 * inside nothing.
 */
Datum
workflow_checkpoint(PG_FUNCTION_ARGS)
{
	char	   *name = wf_worker_arg_name(fcinfo, 0, "name");
	int64		fence = 0;
	pg_uuid_t  *run = wf_worker_arg_run_or_mine(fcinfo, 1, &fence);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext own;
	const pg_uuid_t *meant;
	Jsonb	   *value;

	connect(fcinfo, run);
	meant = require_run(run, fence);
	own = MemoryContextSwitchTo(caller);
	value = wf_checkpoint_find(meant, name);
	if (value == NULL && run == NULL)
		value = wf_run_inside_given(name);
	MemoryContextSwitchTo(own);
	if (run == NULL && value != NULL)
		wf_run_inside_saves();
	SPI_finish();
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(value);
}

/* --- waiting ------------------------------------------------------------------------- */

/* What park() is to wait for. */
static void
read_park(FunctionCallInfo fcinfo, WfRunPark *park)
{
	park->until = wf_worker_arg_time(fcinfo, 0, "until", DT_NOEND);
	park->event = PG_ARGISNULL(1) ? NULL : wf_worker_arg_name(fcinfo, 1, "event");
	park->runs = wf_arg_uuids(fcinfo, 4, "runs", &park->nruns);
	if (PG_ARGISNULL(0) && PG_ARGISNULL(1) && PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a run is parked until a time, for an event or for runs")));
	if (park->nruns == 0 && !PG_ARGISNULL(4))
		park->until = wf_clock_now();	/* none of them has still to end */
}

/* Runs that a run waits for exist, may be seen, are others, and of the same server. */
static void
check_runs(const WfRunPark *park, const pg_uuid_t *run, bool placed)
{
	if (placed && park->nruns > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a run of another server cannot wait for runs"),
				 errhint("Park it until a time, or for an event.")));
	for (int i = 0; i < park->nruns; i++)
	{
		if (memcmp(&park->runs[i], run, UUID_LEN) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a run cannot wait for its own end")));
		wf_run_sight_require(&park->runs[i]);
	}
}

/*
 * SQL function workflow.park(...) of sql/parts/worker.sql.  Locks the run; from its inside
 * nothing.
 */
Datum
workflow_park(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run_or_mine(fcinfo, 2, &fence);
	WfRunPark	park;

	read_park(fcinfo, &park);
	connect(fcinfo, run);
	if (run != NULL)
	{
		check_runs(&park, run, false);
		wf_run_worker_park(run, fence, &park);
	}
	else
	{
		check_runs(&park, wf_run_inside_require(), wf_run_inside_is_placed());
		wf_run_inside_park(&park);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.signal(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_signal(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *run = wf_arg_uuid(fcinfo, 0, "run");
	char	   *event = wf_worker_arg_name(fcinfo, 1, "event");
	Jsonb	   *payload = PG_ARGISNULL(2) ? wf_jsonb_parse("null") : PG_GETARG_JSONB_P(2);
	bool		first;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	first = wf_run_signal(run, event, payload);
	SPI_finish();
	PG_RETURN_BOOL(first);
}

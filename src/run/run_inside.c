/*-------------------------------------------------------------------------
 *
 * run_inside.c
 *	  The run that this executor is at: what its code says of it.
 *
 * Runs in executors.  While the command of a run is called, the functions that outside
 * workers call with run and fence are for that run, without them.  What they say is
 * collected in memory that no rollback takes away, and is written with the outcome of
 * the attempt, whatever that is; but that the run waits, which is part of the
 * transaction.  What is seen at once is in the slot of the executor, too.
 *
 * The run may be one of another server, which is told of it (run_said.c).  What that has
 * kept for it came with it; what its code keeps is in the database in which it works.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "queue/queue.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_inside.h"
#include "run/run_said.h"
#include "shmem/errand.h"
#include "shmem/slot.h"
#include "store/run.h"

/* So much of a log is kept of one attempt. */
#define LINES_MAX	(WF_RUN_INSIDE_LINES - 1)
#define BYTES_MAX	(256 * 1024)

static struct
{
	MemoryContext context;		/* of all that it points to */
	bool		known;			/* the run, and what was said of it */
	bool		active;			/* its code is being called */
	bool		placed;			/* it is one of another server */
	Jsonb	   *given;			/* what that has kept for it; or NULL */
	pg_uuid_t	run;
	int64		fence;			/* of one that is tracked; 0: atomic */
	Jsonb	   *progress;		/* or NULL */
	WfRunPark  *park;			/* or NULL */
	SubTransactionId parked_in; /* which can be rolled back; or none */
	bool		saved;			/* it has checkpoints */
	WfRunLogLine *lines;
	int			nlines;
	Size		bytes;
	int			left_out;
}			inside;

/* --- the run ---------------------------------------------------------------------- */

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT && inside.parked_in != InvalidSubTransactionId)
		inside.park = NULL;
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT)
		inside.parked_in = InvalidSubTransactionId;
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && inside.parked_in != InvalidSubTransactionId &&
		inside.parked_in >= mine)
	{
		inside.park = NULL;
		inside.parked_in = InvalidSubTransactionId;
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB && inside.parked_in == mine)
		inside.parked_in = parent;
}

/* Nothing was said yet. */
static void
begin(const pg_uuid_t *run)
{
	MemoryContext context = inside.context;

	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "workflow inside of a run", ALLOCSET_SMALL_SIZES);
		RegisterXactCallback(at_end_of_transaction, NULL);
		RegisterSubXactCallback(at_end_of_subtransaction, NULL);
	}
	else if (inside.lines != NULL || inside.progress != NULL || inside.park != NULL)
		MemoryContextReset(context);
	memset(&inside, 0, sizeof(inside));
	inside.context = context;
	inside.known = inside.active = true;
	inside.run = *run;
}

/* The command of a run is about to be called.  fence: of one that is tracked, or 0. */
void
wf_run_inside_begin(const WfRunRow *row, int64 fence)
{
	begin(wf_run_row_id(row));
	inside.fence = fence;
}

/*
 * The same of a run of another server.  given: what that has kept for it, by name, which lives
 * as long as the command is called; or NULL.
 */
void
wf_run_inside_begin_placed(const pg_uuid_t *run, Jsonb *given)
{
	begin(run);
	inside.placed = true;
	inside.given = given;
}

/* It has returned, or failed: what it has said is there still. */
void
wf_run_inside_end(void)
{
	inside.active = false;
}

/* Nothing of that is to be written. */
void
wf_run_inside_forget(void)
{
	inside.known = inside.active = false;
}

/* The run whose command is being called; NULL: none. */
const pg_uuid_t *
wf_run_inside(void)
{
	return inside.active ? &inside.run : NULL;
}

/* Is it one of another server? */
bool
wf_run_inside_is_placed(void)
{
	return inside.active && inside.placed;
}

/*
 * The run whose command is being called; error 22004 if there is none, and WF012 if another one has it by now.  SPI
 * must be connected.
 */
const pg_uuid_t *
wf_run_inside_require(void)
{
	WfRunRow	row;

	if (!inside.active)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments \"run\" and \"fence\" must not be null"),
				 errdetail("They may be left out in the command of a job, while an executor does a run of it."),
				 errhint("They are those that claim() has returned.")));
	if (inside.fence != 0 && (!wf_run_find(&inside.run, &row) || !wf_run_fence_is(&row, inside.fence)))
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("run %s was taken away", wf_uuid_text(&inside.run))));
	return &inside.run;
}

/* --- what it says --------------------------------------------------------------------- */

/*
 * How far it is, for all to see.  total, note: or NULL.  Error 57014 if the run was to
 * be cancelled.
 */
void
wf_run_inside_progress(int64 done, const int64 *total, const char *note, Jsonb *progress)
{
	MemoryContext old = MemoryContextSwitchTo(inside.context);
	Jsonb	   *before = inside.progress;

	inside.progress = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(progress));
	MemoryContextSwitchTo(old);
	if (before != NULL)
		pfree(before);
	if (inside.placed)
		wf_errand_progress(&inside.run, done, total, note);
	else if (inside.fence != 0)
		wf_slot_progress(&inside.run, done, total, note);
	if (wf_slot_is_cancelled())
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("run %s is cancelled", wf_uuid_text(&inside.run))));
}

/* When its code has returned, it waits, if the present transaction commits. */
void
wf_run_inside_park(const WfRunPark *park)
{
	MemoryContext old = MemoryContextSwitchTo(inside.context);

	inside.park = palloc(sizeof(WfRunPark));
	*inside.park = *park;
	if (park->event != NULL)
		inside.park->event = pstrdup(park->event);
	if (park->nruns > 0)
	{
		pg_uuid_t  *runs = palloc(sizeof(pg_uuid_t) * park->nruns);

		memcpy(runs, park->runs, sizeof(pg_uuid_t) * park->nruns);
		inside.park->runs = runs;
	}
	MemoryContextSwitchTo(old);
	inside.parked_in = GetCurrentSubTransactionId();
}

/* Until when it is to wait; NULL: it is not. */
const WfRunPark *
wf_run_inside_parked(void)
{
	return inside.park;
}

/* A line of its log; of too many only the number is kept. */
void
wf_run_inside_log(const WfRunLogLine *line)
{
	Size		bytes = strlen(line->message) + (line->data == NULL ? 0 : VARSIZE(line->data));
	MemoryContext old;
	WfRunLogLine *kept;

	if (inside.nlines == LINES_MAX || inside.bytes + bytes > BYTES_MAX)
	{
		inside.left_out++;
		return;
	}
	old = MemoryContextSwitchTo(inside.context);
	if (inside.lines == NULL)
		inside.lines = palloc(sizeof(WfRunLogLine) * (LINES_MAX + 1));
	kept = &inside.lines[inside.nlines++];
	*kept = *line;
	kept->severity = pstrdup(line->severity);
	kept->message = pstrdup(line->message);
	if (line->data != NULL)
		kept->data = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(line->data));
	MemoryContextSwitchTo(old);
	inside.bytes += bytes;
}

/* It saves a checkpoint. */
void
wf_run_inside_saves(void)
{
	inside.saved = true;
}

/* Has it? */
bool
wf_run_inside_saved(void)
{
	return inside.saved;
}

/*
 * What another server has kept for its run by this name; NULL: nothing.  Error 54000 if that
 * was too much to be given.
 */
Jsonb *
wf_run_inside_given(const char *name)
{
	JsonbValue	buffer;
	JsonbValue *value;

	if (inside.given == NULL)
		return NULL;
	if (!JB_ROOT_IS_OBJECT(inside.given))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("what run %s has kept is too large to be given to another server",
						wf_uuid_text(&inside.run)),
				 errhint("Keep large values in a table, and save a key of them.")));
	value = getKeyJsonValueFromContainer(&inside.given->root, name, strlen(name), &buffer);
	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* --- what is kept ---------------------------------------------------------------------- */

/* The last line of a log that is not complete. */
static void
say_what_is_left_out(void)
{
	if (inside.left_out == 0)
		return;
	inside.lines[inside.nlines++] = (WfRunLogLine) {
		.at = GetCurrentTimestamp(),.severity = "warning",
		.message = psprintf("%d more lines were left out", inside.left_out)
	};
	inside.left_out = 0;
}

/*
 * The attempt is over: what another server is to be told of its run, in the current memory
 * context; NULL: nothing.  returned: its code has, and the run waits if that wants it.
 */
Jsonb *
wf_run_inside_said(bool returned)
{
	WfRunSaid	said;

	if (!inside.known)
		return NULL;
	say_what_is_left_out();
	said = (WfRunSaid) {
		.progress = inside.progress,.nlines = inside.nlines,.lines = inside.lines,
			.park = returned ? inside.park : NULL
	};
	return wf_run_said_write(&said);
}

/*
 * The attempt is over: write the log, and have the row of the run, which is about to be
 * written, say how far it came.  Does nothing if what was said last is of another run.
 * SPI must be connected.
 */
void
wf_run_inside_keep(WfRunRow *row)
{
	if (!inside.known || memcmp(&inside.run, wf_run_row_id(row), UUID_LEN) != 0)
		return;
	if (inside.progress != NULL)
		wf_run_row_set(row, WF_RUN_progress, JsonbPGetDatum(inside.progress));
	say_what_is_left_out();
	if (inside.nlines > 0)
		wf_run_log_add(&inside.run, wf_run_row_attempts(row) + 1, inside.nlines, inside.lines);
	inside.nlines = 0;
}

static Jsonb *
text_or_null(const WfRunRow *row, int column)
{
	return wf_jsonb_string_or_null(row->nulls[column] ? NULL : TextDatumGetCString(row->values[column]));
}

static Jsonb *
number(int64 value)
{
	return wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(value)), NUMERICOID);
}

/* What a function of (params, run) is told of the run.  SPI must be connected. */
Jsonb *
wf_run_inside_describe(const WfJob *job, const WfRunRow *row)
{
	const char *keys[] = {"actor", "attempt", "due", "job", "key", "partition", "queue", "run", "started_by", "version"};
	int32		queue = DatumGetInt32(row->values[WF_RUN_queue]);
	Jsonb	   *values[] = {
		text_or_null(row, WF_RUN_actor),
		number(wf_run_row_attempts(row) + 1),
		wf_run_failure_time(wf_run_row_due(row)),
		wf_jsonb_string(job->name),
		text_or_null(row, WF_RUN_key),
		text_or_null(row, WF_RUN_partition),
		wf_jsonb_string(queue == -job->root ? psprintf("job:%s", job->name) : wf_queue(queue)->name),
		wf_jsonb_string(wf_uuid_text(wf_run_row_id(row))),
		text_or_null(row, WF_RUN_started_by),
		number(job->version)
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*-------------------------------------------------------------------------
 *
 * report.c
 *	  What the server's log is told of events that fail.
 *
 * Runs in executors.  An event that is given up is a WARNING, and with
 * workflow.log_attempts each attempt that failed is a LOG.  What a transaction
 * records is noted here, and written when it has committed: a line in the log
 * must not tell of something that did not come to pass.  Data of events are
 * never written; messages are those of the author's code.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/fmgrprotos.h"

#include "base/guc.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/sensitive.h"
#include "shmem/log_budget.h"
#include "store/statement.h"
#include "work/report.h"

/* What is to be written when the present transaction has committed. */
typedef struct Note
{
	WfLogSubject subject;
	char	   *line;
} Note;

static MemoryContext notes_context = NULL;
static List *notes = NIL;

static WfStatement key_statement = {
	.sql = "SELECT key FROM workflow.process WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

/* Who it is, for a line: the definition's name, and the key if it has one. */
static char *
describe(const WfRow *row, const char *definition)
{
	Datum		id = UUIDPGetDatum(&row->id);
	bool		isnull = true;
	Datum		key = (Datum) 0;

	if (wf_statement_execute(&key_statement, &id, NULL, 1) > 0)
		key = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return psprintf("process %s of \"%s\"%s%s%s",
					DatumGetCString(DirectFunctionCall1(uuid_out, id)),
					wf_quote(definition), isnull ? "" : " with key \"",
					isnull ? "" : wf_quote(TextDatumGetCString(key)), isnull ? "" : "\"");
}

static MemoryContext
context_of_notes(void)
{
	if (notes_context == NULL)
		notes_context = AllocSetContextCreate(TopMemoryContext, "workflow report",
											  ALLOCSET_SMALL_SIZES);
	return notes_context;
}

/* The message of a failure, without sensitive fields of the process and of the event. */
static const char *
message_of(const WfRow *row, const WfTimerRow *timer, const WfFailure *failure)
{
	WfMask	   *mask;

	if (failure->message == NULL)
		return "";
	if (!wf_definition_exists(row->definition) ||
		wf_definition(row->definition)->chart->nsensitive == 0)
		return failure->message;
	mask = wf_sensitive_mask(wf_definition(row->definition), row->context);
	if (timer->data != NULL)
		wf_mask_learn(mask, timer->data);
	return wf_mask_text(mask, failure->message);
}

/*
 * This transaction records that an event has failed so many times, the last
 * time like this, and whether it is given up.  Needs SPI; the caller holds the
 * process.
 */
void
wf_report_note(const WfRow *row, const WfTimerRow *timer, int attempts,
			   bool given_up, const WfFailure *failure)
{
	const char *definition = wf_definition_exists(row->definition) ?
		wf_definition(row->definition)->name : "?";
	const char *who;
	const char *message;
	MemoryContext old;
	Note	   *note;

	if (!given_up && !wf_log_attempts)
		return;
	who = describe(row, definition);
	message = message_of(row, timer, failure);
	old = MemoryContextSwitchTo(context_of_notes());
	note = palloc0(sizeof(Note));
	note->subject.level = given_up ? WARNING : LOG;
	note->subject.sqlstate = MAKE_SQLSTATE(failure->sqlstate[0], failure->sqlstate[1],
										   failure->sqlstate[2], failure->sqlstate[3],
										   failure->sqlstate[4]);
	wf_log_budget_name(&note->subject, "", definition);
	note->line = given_up ?
		psprintf("workflow gave up event \"%s\" of %s after %d attempt%s: %s: %s",
				 wf_quote(timer->event), who, attempts, attempts == 1 ? "" : "s", failure->sqlstate,
				 message) :
		psprintf("workflow: attempt %d of event \"%s\" of %s failed: %s: %s",
				 attempts, wf_quote(timer->event), who, failure->sqlstate, message);
	notes = lappend(notes, note);
	MemoryContextSwitchTo(old);
}

/*
 * This transaction records that an attempt of a run, whose row says how many there were,
 * has failed with this error, and what state the run has now.  Needs SPI.
 */
void
wf_report_note_run(const WfRunRow *row, const WfJob *job, WfRunState state, const ErrorData *error)
{
	bool		failed = state == WF_RUN_FAILED;
	int			attempts = wf_run_row_attempts(row);
	const char *message = error->message == NULL ? "" : error->message;
	MemoryContext old;
	Note	   *note;

	if (!failed && (!wf_log_attempts || state != WF_RUN_WAITING))
		return;
	if (job->nsensitive > 0)
		message = wf_mask_text(wf_job_mask(job, row->values[WF_RUN_params]), message);
	old = MemoryContextSwitchTo(context_of_notes());
	note = palloc0(sizeof(Note));
	note->subject.level = failed ? WARNING : LOG;
	note->subject.sqlstate = error->sqlerrcode;
	wf_log_budget_name(&note->subject, "job:", job->name);
	note->line = psprintf("workflow: attempt %d of run %s of job \"%s\"%s%s%s failed%s: %s: %s",
						  attempts, wf_uuid_text(wf_run_row_id(row)), wf_quote(job->name),
						  row->nulls[WF_RUN_key] ? "" : " with key \"",
						  row->nulls[WF_RUN_key] ? "" : wf_quote(TextDatumGetCString(row->values[WF_RUN_key])),
						  row->nulls[WF_RUN_key] ? "" : "\"", failed ? ", the last one" : "",
						  unpack_sql_state(error->sqlerrcode), message);
	notes = lappend(notes, note);
	MemoryContextSwitchTo(old);
}

/* The transaction was rolled back: nothing of what was noted has happened. */
void
wf_report_forget(void)
{
	if (notes == NIL)
		return;
	notes = NIL;
	MemoryContextReset(notes_context);
}

/* The transaction has committed: write what was noted. */
void
wf_report_write(void)
{
	ListCell   *cell;

	foreach(cell, notes)
	{
		const Note *note = lfirst(cell);

		if (wf_log_budget_take(&note->subject))
			ereport(note->subject.level,
					(errcode(note->subject.sqlstate),
					 errmsg_internal("%s", note->line)));
	}
	wf_report_forget();
}

/*
 * Write how many lines were left out in a minute that is over; all: also in the
 * present one, because this process ends.
 */
void
wf_report_numbers(bool all)
{
	WfLogSubject subject;
	int64		left_out;

	while ((left_out = wf_log_budget_overdue(&subject, all)) > 0)
		ereport(subject.level,
				(errcode(subject.sqlstate),
				 subject.level == WARNING ?
				 errmsg("workflow gave up " INT64_FORMAT " more events of \"%s\" with SQLSTATE %s",
						left_out, wf_quote(subject.definition), unpack_sql_state(subject.sqlstate)) :
				 errmsg("workflow: " INT64_FORMAT " more attempts of events of \"%s\" failed with SQLSTATE %s",
						left_out, wf_quote(subject.definition), unpack_sql_state(subject.sqlstate))));
}

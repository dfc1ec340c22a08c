/*-------------------------------------------------------------------------
 *
 * failure.c
 *	  The table workflow.failure: events whose step failed, and the errors.
 *
 * Runs in executors, which write rows, and in sessions that resume, move or
 * migrate a process.  A row tells of one event: it waits for its next attempt
 * in workflow.timer or, given up, in the row itself for resume().  Whoever
 * writes a row holds the process, except wf_failure_acquit().
 *
 * A suspect is an event that may have ended the server or its executor while
 * it was stepped (see quarantine.c).  Its attempt is counted here before it is
 * stepped, and taken back when nothing happened.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "store/failure.h"
#include "store/statement.h"
#include "store/timer.h"

/* A row keeps the event and the time of its first failure. */
#define KEEP(more_columns, more_values) \
	"INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, name, state," \
	" actor, data, sqlstate, message, detail, hint, context, child" more_columns ")" \
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17" more_values ")" \
	" ON CONFLICT (process, seq) DO UPDATE SET at = EXCLUDED.at, attempts = EXCLUDED.attempts," \
	" given_up = EXCLUDED.given_up, sqlstate = EXCLUDED.sqlstate, message = EXCLUDED.message," \
	" detail = EXCLUDED.detail, hint = EXCLUDED.hint, context = EXCLUDED.context"

#define KEEP_ARGS \
	UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, BOOLOID, TEXTOID, TEXTOID, \
	TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID

static WfStatement keep_statement = {
	.sql = KEEP(", since", ", $3"),
	WF_ARGS(KEEP_ARGS)
};

/* For the table of version 0.1.0, which has no column "since". */
static WfStatement keep_without_since_statement = {
	.sql = KEEP("", ""),
	WF_ARGS(KEEP_ARGS)
};

/*
 * The condition that a row was written by wf_attempt_suspect().  User code may
 * raise any SQLSTATE, but an error that was raised has a context.
 */
#define OF_A_SUSPECT "sqlstate OPERATOR(pg_catalog.=) '57P02' AND context IS NULL"

static WfStatement crashes_statement = {
	.sql = "SELECT attempts FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
	" AND seq OPERATOR(pg_catalog.=) $2 AND " OF_A_SUSPECT,
	WF_ARGS(UUIDOID, INT8OID)
};

/* Returns a row if there is one that another session has locked. */
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
	WF_ARGS(UUIDOID, INT8OID)
};

static Datum
text_datum(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * Write or renew the row of an event that has failed `attempts` times, the last
 * time with this failure.  given_up: the event is not tried again before
 * resume(); otherwise the caller arms the timer anew.  The caller holds the
 * process.
 */
void
wf_failure_keep(const WfTimerRow *timer, int attempts, bool given_up,
				const WfFailure *failure)
{
	char		nulls[18];
	Datum		values[17] = {
		UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
		TimestampTzGetDatum(wf_clock_now()), TimestampTzGetDatum(timer->due),
		Int32GetDatum(attempts), BoolGetDatum(given_up),
		CStringGetTextDatum(timer->event)
	};

	memset(nulls, ' ', sizeof(nulls));
	values[7] = text_datum(timer->name, &nulls[7]);
	values[8] = text_datum(timer->state, &nulls[8]);
	values[9] = text_datum(timer->actor, &nulls[9]);
	values[10] = JsonbPGetDatum(timer->data);
	nulls[10] = timer->data == NULL ? 'n' : ' ';
	values[11] = CStringGetTextDatum(failure->sqlstate);
	values[12] = CStringGetTextDatum(failure->message ? failure->message : "");
	values[13] = text_datum(failure->detail, &nulls[13]);
	values[14] = text_datum(failure->hint, &nulls[14]);
	values[15] = text_datum(failure->context, &nulls[15]);
	values[16] = UUIDPGetDatum(&timer->child);
	nulls[16] = timer->from_child ? ' ' : 'n';
	wf_statement_execute(wf_version_has_column("failure", "since") ? &keep_statement :
						 &keep_without_since_statement, values, nulls, 0);
}

/* As many attempts as a timer's row can count, or more. */
static int
many_errors(const WfTimerRow *timer)
{
	static WfStatement statement = {
		.sql = "SELECT attempts FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
		" AND seq OPERATOR(pg_catalog.=) $2",
		WF_ARGS(UUIDOID, INT8OID)
	};
	Datum		values[2] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq)};
	bool		isnull;
	int			stored = 0;

	if (wf_statement_execute(&statement, values, NULL, 1) > 0)
		stored = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											 1, &isnull));
	return Min(Max(stored, timer->attempts), PG_INT32_MAX - 1);
}

/*
 * How many errors an event had so far.  That is the number of attempts of its
 * timer, with two exceptions.  One that has very many is counted in its row of
 * workflow.failure.  And a timer without any error gets one attempt when it
 * is counted as a suspect, so that whoever steps it next looks for the row to
 * be deleted, and keeps it when the count is taken back.
 */
int
wf_failure_errors(const WfTimerRow *timer)
{
	static WfStatement statement = {
		.sql = "SELECT FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
		" AND seq OPERATOR(pg_catalog.=) $2 AND NOT (" OF_A_SUSPECT ")",
		WF_ARGS(UUIDOID, INT8OID)
	};
	Datum		values[2] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq)};

	if (timer->attempts >= WF_MOST_ATTEMPTS)
		return many_errors(timer);
	if (timer->attempts != 1)
		return timer->attempts;
	return wf_statement_execute(&statement, values, NULL, 1) > 0 ? 1 : 0;
}

/*
 * How often the server or an executor ended while an event was stepped as a
 * suspect; crashes outside of quarantine are not counted.
 */
int
wf_failure_crashes(const WfTimerRow *timer)
{
	Datum		values[2] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq)};
	bool		isnull;

	if (wf_statement_execute(&crashes_statement, values, NULL, 1) == 0)
		return 0;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   1, &isnull));
}

/*
 * Take back the last attempt of a suspect in the current transaction, unless its
 * success has deleted the row.  Does not need the process and waits for nobody:
 * a session that has the row locked is about to delete it, but may roll back.
 * Returns false then, and the caller comes again.
 */
bool
wf_failure_acquit(const pg_uuid_t *process, int64 seq)
{
	Datum		values[2] = {UUIDPGetDatum(process), Int64GetDatum(seq)};

	return wf_statement_execute(&acquit_statement, values, NULL, 0) == 0;
}

/*
 * A timer of a state is dropped if the state ($3: the active ones) was left
 * since, or has armed a timer of that name anew.
 */
static WfStatement redeliver_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.failure"
	"  WHERE process OPERATOR(pg_catalog.=) $1 AND given_up RETURNING *)"
	" INSERT INTO workflow.timer (process, seq, due, owner, event, name, state, actor, data, child)"
	" SELECT process, seq, due, $2, event, name, state, actor, data, child FROM gone g"
	" WHERE state IS NULL OR (state OPERATOR(pg_catalog.=) ANY ($3)"
	"  AND NOT EXISTS (SELECT FROM workflow.timer t"
	"   WHERE t.process OPERATOR(pg_catalog.=) g.process"
	"   AND t.state OPERATOR(pg_catalog.=) g.state AND t.name OPERATOR(pg_catalog.=) g.name))"
	" RETURNING due",
	WF_ARGS(UUIDOID, INT4OID, TEXTARRAYOID)
};

/*
 * Make the given-up events of a process timers of its owner again, and announce
 * them to executors; timers of states that are not `active` are dropped.
 * Returns whether any became one.  The caller holds the process.
 */
bool
wf_failure_redeliver(const pg_uuid_t *process, int32 owner, ArrayType *active)
{
	Datum		args[3] = {UUIDPGetDatum(process), Int32GetDatum(owner),
	PointerGetDatum(active)};
	bool		any = wf_statement_execute(&redeliver_statement, args, NULL, 0) > 0;

	wf_timer_announce_returned(owner);
	return any;
}

static WfStatement forget_left_statement = {
	.sql = "DELETE FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
	" AND (event OPERATOR(pg_catalog.=) '" WF_START_EVENT "'"
	"  OR state OPERATOR(pg_catalog.<>) ALL ($2))",
	WF_ARGS(UUIDOID, TEXTARRAYOID)
};

/*
 * Delete the failures of timers whose states are not among the `active` ones,
 * and of the start.  For a process that was put into its states by hand; the
 * caller holds it.
 */
void
wf_failure_forget_left(const pg_uuid_t *process, ArrayType *active)
{
	Datum		args[2] = {UUIDPGetDatum(process), PointerGetDatum(active)};

	wf_statement_execute(&forget_left_statement, args, NULL, 0);
}

static WfStatement drop_statement = WF_PENDING_DROP("failure");
static WfStatement rename_statement = WF_PENDING_RENAME("failure");

/*
 * Delete the failures of the events (processes[i], seqs[i]), which a migration
 * drops, as far as there are any.  The caller holds the processes.
 */
void
wf_failure_drop(ArrayType *processes, ArrayType *seqs)
{
	Datum		args[2] = {PointerGetDatum(processes), PointerGetDatum(seqs)};

	wf_statement_execute(&drop_statement, args, NULL, 0);
}

/*
 * Give the failures of the events (processes[i], seqs[i]) the event and the
 * state that their timers got in a migration, see wf_timer_rename().
 */
void
wf_failure_rename(ArrayType *processes, ArrayType *seqs, ArrayType *events, ArrayType *states)
{
	Datum		args[4] = {PointerGetDatum(processes), PointerGetDatum(seqs),
	PointerGetDatum(events), PointerGetDatum(states)};

	wf_statement_execute(&rename_statement, args, NULL, 0);
}

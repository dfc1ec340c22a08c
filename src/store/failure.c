/*-------------------------------------------------------------------------
 *
 * failure.c
 *	  The table workflow.failure: events whose step failed, and the errors.
 *
 * Runs in executors, which write rows, and in sessions that resume, move or
 * migrate a process.  A row tells of one event: it waits for its next attempt
 * in workflow.timer or, given up, in the row itself for resume(); or the process
 * was told of it (`on_error`) and has dealt with it, and the row, handled, is
 * kept as long as the process lives.  Whoever
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
#include "store/heap.h"
#include "store/process_row.h"
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
#define KEEP_NARGS	17

static WfStatement forget_over_statement = {
	.sql = "DELETE FROM workflow.failure f USING workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) f.process AND" WF_PROCESS_ROW_IS_OVER("p"),
	.latest = true
};

static WfStatement keep_statement = {
	.sql = KEEP(", since", ", $3"),
	WF_ARGS(KEEP_ARGS)
};

/*
 * An event that met a shortage of the server: no attempt is counted.  "since"
 * says when the shortage began, also where the event had failed before that.
 */
static WfStatement keep_shortage_statement = {
	.sql = KEEP(", since", ", $3")
	", since = CASE WHEN failure.sqlstate OPERATOR(pg_catalog.~) '^(53|58)'"
	" THEN COALESCE(failure.since, EXCLUDED.since) ELSE EXCLUDED.since END RETURNING since",
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

/* The arguments of the statements above. */
static void
set_arguments(const WfTimerRow *timer, int attempts, bool given_up,
			  const WfFailure *failure, Datum *values, char *nulls)
{
	const pg_uuid_t *child;
	Jsonb	   *data = wf_timer_row_pack(timer, &child);

	memset(nulls, ' ', KEEP_NARGS + 1);
	values[0] = UUIDPGetDatum(&timer->process);
	values[1] = Int64GetDatum(timer->seq);
	values[2] = TimestampTzGetDatum(wf_clock_now());
	values[3] = TimestampTzGetDatum(timer->due);
	values[4] = Int32GetDatum(attempts);
	values[5] = BoolGetDatum(given_up);
	values[6] = CStringGetTextDatum(timer->event);
	values[7] = text_datum(timer->name, &nulls[7]);
	values[8] = text_datum(timer->state, &nulls[8]);
	values[9] = text_datum(timer->actor, &nulls[9]);
	values[10] = JsonbPGetDatum(data);
	nulls[10] = data == NULL ? 'n' : ' ';
	values[11] = CStringGetTextDatum(failure->sqlstate);
	values[12] = CStringGetTextDatum(failure->message ? failure->message : "");
	values[13] = text_datum(failure->detail, &nulls[13]);
	values[14] = text_datum(failure->hint, &nulls[14]);
	values[15] = text_datum(failure->context, &nulls[15]);
	values[16] = UUIDPGetDatum(child);
	nulls[16] = child != NULL ? ' ' : 'n';
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
	char		nulls[KEEP_NARGS + 1];
	Datum		values[KEEP_NARGS];

	set_arguments(timer, attempts, given_up, failure, values, nulls);
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
 * Write or renew the row of an event that met a shortage of the server, after
 * `attempts` errors; it is not given up, and the caller arms the timer anew.  *since: when the shortage began.  False, and
 * nothing is written, where the table does not tell that (0.1.0).
 */
bool
wf_failure_keep_shortage(const WfTimerRow *timer, int attempts,
						 const WfFailure *failure, TimestampTz *since)
{
	char		nulls[KEEP_NARGS + 1];
	Datum		values[KEEP_NARGS];
	bool		isnull;

	if (!wf_version_has_column("failure", "since"))
		return false;
	set_arguments(timer, attempts, false, failure, values, nulls);
	wf_statement_execute(&keep_shortage_statement, values, nulls, 0);
	*since = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0],
											   SPI_tuptable->tupdesc, 1, &isnull));
	if (isnull)
		*since = wf_clock_now();
	return true;
}

/*
 * How many errors an event had so far.  That is the number of attempts of its
 * timer, with two exceptions.  One that has very many is counted in its row of
 * workflow.failure.  And a timer without any error gets one attempt when it
 * is counted as a suspect or meets a shortage, so that whoever steps it next
 * looks for the row to be deleted, and keeps it when the count is taken back.
 */
int
wf_failure_errors(const WfTimerRow *timer)
{
	static WfStatement statement = {
		.sql = "SELECT FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
		" AND seq OPERATOR(pg_catalog.=) $2 AND attempts OPERATOR(pg_catalog.>) 0"
		" AND NOT (" OF_A_SUSPECT ")",
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
 * What the definition is told of is not given up, unless nothing comes of that,
 * see wf_changes_reopen().  The number of the event that tells is taken here.
 */
static WfStatement handle_statement = {
	.sql = "UPDATE workflow.failure SET given_up = false, handled = true, handler = $3, step = $4, at = $5,"
	" told = pg_catalog.nextval('workflow.timer_seq_seq'::pg_catalog.regclass)"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.=) $2 RETURNING told",
	WF_ARGS(UUIDOID, INT8OID, TEXTOID, INT4OID, TIMESTAMPTZOID)
};

/*
 * Note that a process, which the caller holds, is told of an event that was given
 * up, at this time, and that `handler` is going to take that; step: how many steps
 * it has done.  Returns the seq that the event which tells it must
 * have; 0: any, the table is of a version that does not note such things, and the
 * event stays given up.
 */
int64
wf_failure_handle(const WfTimerRow *timer, const char *handler, int step, TimestampTz at)
{
	Datum		values[5] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
	CStringGetTextDatum(handler), Int32GetDatum(step), TimestampTzGetDatum(at)};
	bool		isnull;

	if (!wf_version_has_column("failure", "told") ||
		wf_statement_execute(&handle_statement, values, NULL, 0) == 0)
		return 0;
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   1, &isnull));
}

/*
 * The last time that this handler was told of a failure, before the present event
 * was armed, unless the process has got on since: by a command, by an event that
 * came or a timer that went off while it was at rest, or by an operator.  What
 * follows at once does not count, nor what its children tell, which it has made
 * itself, nor what tells it of failures, whichever handler takes that.
 */
static WfStatement handled_before_statement = {
	.sql = "SELECT f.at FROM (SELECT * FROM workflow.failure"
	"  WHERE process OPERATOR(pg_catalog.=) $1 AND handled AND handler OPERATOR(pg_catalog.=) $3"
	"  AND told OPERATOR(pg_catalog.<) $2 ORDER BY told DESC LIMIT 1) f"
	" WHERE NOT EXISTS (SELECT FROM workflow.history h"
	"  WHERE h.process OPERATOR(pg_catalog.=) $1 AND h.step OPERATOR(pg_catalog.>) f.step AND h.taken"
	"  AND CASE WHEN h.due IS NULL"
	"   THEN h.event OPERATOR(pg_catalog.=) 'workflow.set_states' OR NOT pg_catalog.starts_with(h.event, 'workflow.')"
	"   ELSE h.event OPERATOR(pg_catalog.<>) $4"
	"   AND NOT pg_catalog.starts_with(h.event, 'error.step')"
	"   AND NOT EXISTS (SELECT FROM workflow.failure g WHERE g.process OPERATOR(pg_catalog.=) $1"
	"    AND g.told IS NOT NULL AND g.at OPERATOR(pg_catalog.=) h.due)"
	"   AND NOT pg_catalog.starts_with(h.event, 'done.invoke.')"
	"   AND NOT pg_catalog.starts_with(h.event, 'error.invoke.')"
	"   AND h.due OPERATOR(pg_catalog.>) COALESCE((SELECT b.at FROM workflow.history b"
	"    WHERE b.process OPERATOR(pg_catalog.=) $1 AND b.step OPERATOR(pg_catalog.=) (h.step OPERATOR(pg_catalog.-) 1)),"
	"    '-infinity') END)",
	WF_ARGS(UUIDOID, INT8OID, TEXTOID, TEXTOID)
};

/*
 * Does the failure of an event, which would be told to `handler` as `told`, come
 * of what that handler did about an earlier one?  That is so if the event was
 * armed after it and nothing else has happened since.  *at is set to when that
 * was.
 */
bool
wf_failure_handled_before(const WfTimerRow *timer, const char *handler, const char *told,
						  TimestampTz *at)
{
	Datum		values[4] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
	CStringGetTextDatum(handler), CStringGetTextDatum(told)};
	bool		isnull;

	if (!wf_version_has_column("failure", "told") ||
		wf_statement_execute(&handled_before_statement, values, NULL, 0) == 0)
		return false;
	*at = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											1, &isnull));
	return true;
}

/*
 * A timer of a state is dropped if the state ($3: the active ones) was left
 * since, or has armed a timer of that name anew, also one that failed in its turn.
 */
#define REDELIVER(more_conditions) \
	"WITH gone AS (DELETE FROM workflow.failure" \
	"  WHERE process OPERATOR(pg_catalog.=) $1 AND given_up RETURNING *)" \
	" INSERT INTO workflow.timer (process, seq, due, owner, event, name, state, actor, data, child)" \
	" SELECT process, seq, due, $2, event, name, state, actor, data, child FROM gone g" \
	" WHERE (state IS NULL OR (state OPERATOR(pg_catalog.=) ANY ($3)" \
	"  AND NOT EXISTS (SELECT FROM workflow.timer t" \
	"   WHERE t.process OPERATOR(pg_catalog.=) g.process" \
	"   AND t.state OPERATOR(pg_catalog.=) g.state AND t.name OPERATOR(pg_catalog.=) g.name)" \
	"  AND NOT EXISTS (SELECT FROM gone o WHERE o.state OPERATOR(pg_catalog.=) g.state" \
	"   AND o.name OPERATOR(pg_catalog.=) g.name AND o.seq OPERATOR(pg_catalog.>) g.seq)))" \
	more_conditions " RETURNING due"

/* An event that is tried again need not be told of: it was, and that failed, too. */
static WfStatement redeliver_statement = {
	.sql = REDELIVER(" AND NOT EXISTS (SELECT FROM gone o WHERE o.told OPERATOR(pg_catalog.=) g.seq)"),
	WF_ARGS(UUIDOID, INT4OID, TEXTARRAYOID)
};

/* For the table of earlier versions, which does not know what was told. */
static WfStatement redeliver_all_statement = {
	.sql = REDELIVER(""),
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
	WfStatement *statement = wf_version_has_column("failure", "told") ?
		&redeliver_statement : &redeliver_all_statement;
	bool		any = wf_statement_execute(statement, args, NULL, 0) > 0;

	wf_timer_announce_returned(owner);
	return any;
}

static WfStatement forget_left_statement = {
	.sql = "DELETE FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1 AND given_up"
	" AND (event OPERATOR(pg_catalog.=) '" WF_START_EVENT "'"
	"  OR state OPERATOR(pg_catalog.<>) ALL ($2))",
	WF_ARGS(UUIDOID, TEXTARRAYOID)
};

/*
 * Delete the given-up timers whose states are not among the `active` ones, and
 * the start.  For a process that was put into its states by hand; the
 * caller holds it.
 */
void
wf_failure_forget_left(const pg_uuid_t *process, ArrayType *active)
{
	Datum		args[2] = {UUIDPGetDatum(process), PointerGetDatum(active)};

	wf_statement_execute(&forget_left_statement, args, NULL, 0);
}

static WfStatement forget_posted_statement = {
	.sql = "DELETE FROM workflow.failure WHERE process OPERATOR(pg_catalog.=) $1"
	" AND name OPERATOR(pg_catalog.=) $2 AND state IS NULL AND given_up",
	WF_ARGS(UUIDOID, TEXTOID),
	.latest = true
};

/*
 * Delete the events with this id that were given up: resume() would deliver them,
 * and they are taken back.  Returns how many there were.  The caller holds the
 * process.
 */
uint64
wf_failure_forget_posted(const pg_uuid_t *process, const char *name)
{
	Datum		args[2] = {UUIDPGetDatum(process), CStringGetTextDatum(name)};
	bool		any;

	/* Nearly always there are none, and every action "cancel" asks. */
	wf_heap_have("failure", "failure_pkey", 1, &process, &any);
	if (!any)
		return 0;
	return wf_statement_execute(&forget_posted_statement, args, NULL, 0);
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

/*
 * For adopt(): what is over has no failures since 0.3.0, but a dump of an older
 * version may have brought some.  SPI must be connected.
 */
void
wf_failure_forget_over(void)
{
	if (wf_version_has_column("failure", "handled"))
		(void) wf_statement_execute(&forget_over_statement, NULL, NULL, 0);
}

/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  The table workflow.outcome: what became of runs of another server that were done here.
 *
 * Runs in the executors that do them, in the courier, which tells the other server, and in
 * the runtime, which deletes what that has heard of for long.  SPI must be connected for all
 * of these.
 *
 * A row is written by the transaction that has done the work, or, when that has failed, by
 * one of its own, and is the reason why it is not done once more, whatever becomes of the
 * connection.  The next attempt is another round.
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
#include "store/found.h"
#include "store/given.h"
#include "store/outcome.h"
#include "store/statement.h"

/* So many are deleted at a time, so long after they were told. */
#define PIECE		1000
#define KEPT_FOR	(24 * USECS_PER_HOUR)

/* So many bytes of results are read at a time, and the rest of the last one. */
#define AT_ONCE		(16 * 1024 * 1024)

#define OF_RUN \
	"o.run OPERATOR(pg_catalog.=) $1 AND o.round OPERATOR(pg_catalog.=) $2"

static WfStatement keep_statement = {
	.sql = "INSERT INTO workflow.outcome (run, round, fence, result, error, said, ended_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run, round) DO NOTHING",
	WF_ARGS(UUIDOID, INT4OID, INT8OID, JSONBOID, JSONBOID, JSONBOID, TIMESTAMPTZOID)
};

static WfStatement again_statement = {
	.sql = "UPDATE workflow.outcome o SET fence = $3, told_at = NULL, taken = NULL WHERE " OF_RUN,
	WF_ARGS(UUIDOID, INT4OID, INT8OID)
};

static WfStatement kept_statement = {
	.sql = "SELECT FROM workflow.outcome o WHERE " OF_RUN " AND o.fence OPERATOR(pg_catalog.=) $3",
	WF_ARGS(UUIDOID, INT4OID, INT8OID)
};

static WfStatement untold_statement = {
	.sql = "SELECT o.run, o.round, o.fence, o.result, o.error, o.said, o.number FROM workflow.outcome o"
	" WHERE o.told_at IS NULL ORDER BY o.number LIMIT $1",
	WF_ARGS(INT8OID)
};

static WfStatement told_statement = {
	.sql = "UPDATE workflow.outcome o SET told_at = $4, taken = $5 WHERE " OF_RUN
	" AND o.fence OPERATOR(pg_catalog.=) $3",
	WF_ARGS(UUIDOID, INT4OID, INT8OID, TIMESTAMPTZOID, BOOLOID)
};

static WfStatement last_statement = {
	.sql = "SELECT COALESCE(pg_catalog.max(o.number), 0), ARRAY(SELECT k.run FROM workflow.outcome k"
	" WHERE k.taken AND k.error IS NULL AND (k.said OPERATOR(pg_catalog.->) 'park') IS NULL ORDER BY k.number DESC LIMIT $1) FROM workflow.outcome o",
	WF_ARGS(INT8OID)
};

/* The last one stays: by its number we are known to have all that we have told. */
static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.outcome d WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT o.ctid FROM workflow.outcome o WHERE o.told_at OPERATOR(pg_catalog.<) $1"
	" AND o.number OPERATOR(pg_catalog.<) (SELECT pg_catalog.max(m.number) FROM workflow.outcome m)"
	" ORDER BY o.told_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

/* Is the run to wait, and to begin anew? */
bool
wf_outcome_is_parked(const WfOutcome *outcome)
{
	JsonbValue	buffer;

	return outcome->said != NULL &&
		getKeyJsonValueFromContainer(&outcome->said->root, "park", strlen("park"), &buffer) != NULL;
}

/* Keep what has become of a run; false: something has before, and that stays. */
bool
wf_outcome_keep(const WfOutcome *outcome)
{
	WfGiven		given = {0};

	wf_given_add(&given, UUIDPGetDatum(&outcome->run), false);
	wf_given_add(&given, Int32GetDatum(outcome->round), false);
	wf_given_add(&given, Int64GetDatum(outcome->fence), false);
	wf_given_add(&given, JsonbPGetDatum(outcome->result), outcome->result == NULL);
	wf_given_add(&given, JsonbPGetDatum(outcome->error), outcome->error == NULL);
	wf_given_add(&given, JsonbPGetDatum(outcome->said), outcome->said == NULL);
	wf_given_time(&given, wf_clock_now());
	return wf_statement_execute(&keep_statement, given.values, given.nulls, 0) == 1;
}

/* A run that was claimed anew has ended before: tell so under this fence.  False: it has not. */
bool
wf_outcome_tell_again(const pg_uuid_t *run, int32 round, int64 fence)
{
	Datum		values[3] = {UUIDPGetDatum(run), Int32GetDatum(round), Int64GetDatum(fence)};

	return wf_statement_execute(&again_statement, values, NULL, 0) == 1;
}

/* Is there an outcome of the claim with this fence? */
bool
wf_outcome_is_kept(const pg_uuid_t *run, int32 round, int64 fence)
{
	Datum		values[3] = {UUIDPGetDatum(run), Int32GetDatum(round), Int64GetDatum(fence)};

	return wf_statement_execute(&kept_statement, values, NULL, 1) == 1;
}

/*
 * What the other server has not heard of, the first ones, in the current memory context: at
 * most so many, and fewer if they are large.  *more: there may be others.
 */
int
wf_outcome_untold(int most, WfOutcome **outcomes, bool *more)
{
	Datum		value = Int64GetDatum(most);
	MemoryContext caller = CurrentMemoryContext;
	Size		bytes = 0;
	int			n;
	int			taken = 0;

	/* SQL of before 0.3.0 has no such table */
	*more = false;
	if (!wf_version_has_column("outcome", "run"))
		return 0;
	n = wf_statement_execute(&untold_statement, &value, NULL, most);
	MemoryContextSwitchTo(caller);	/* SPI has left its own */
	*outcomes = palloc0(sizeof(WfOutcome) * Max(n, 1));
	for (; taken < n && bytes < AT_ONCE; taken++)
	{
		WfOutcome  *outcome = &(*outcomes)[taken];
		WfFound		found = wf_found(taken);
		bool		isnull;

		outcome->run = *DatumGetUUIDP(wf_found_column(&found, 0, &isnull));
		outcome->round = DatumGetInt32(wf_found_column(&found, 1, &isnull));
		outcome->fence = DatumGetInt64(wf_found_column(&found, 2, &isnull));
		outcome->result = wf_found_jsonb(&found, 3);
		outcome->error = wf_found_jsonb(&found, 4);
		outcome->said = wf_found_jsonb(&found, 5);
		outcome->number = DatumGetInt64(wf_found_column(&found, 6, &isnull));
		bytes += outcome->result == NULL ? 0 : VARSIZE(outcome->result);
	}
	*more = taken < n || n == most;
	return taken;
}

/* The other server has heard of it, and has taken it, or has not: somebody else has the run. */
void
wf_outcome_told(const WfOutcome *outcome, bool taken)
{
	Datum		values[5] = {
		UUIDPGetDatum(&outcome->run), Int32GetDatum(outcome->round), Int64GetDatum(outcome->fence),
		TimestampTzGetDatum(wf_clock_now()), BoolGetDatum(taken)
	};

	(void) wf_statement_execute(&told_statement, values, NULL, 0);
}

/*
 * The highest number that there is, 0: none, and the runs that the last ones have ended, at
 * most so many, in the current memory context.  One that has failed may have been done once
 * more, and have ended later.
 */
int64
wf_outcome_last(int most, ArrayType **runs)
{
	Datum		value = Int64GetDatum(most);
	MemoryContext caller = CurrentMemoryContext;
	WfFound		found;
	bool		isnull;

	(void) wf_statement_execute(&last_statement, &value, NULL, 1);
	MemoryContextSwitchTo(caller);	/* SPI has left its own */
	found = wf_found(0);
	*runs = DatumGetArrayTypePCopy(wf_found_column(&found, 1, &isnull));
	return DatumGetInt64(wf_found_column(&found, 0, &isnull));
}

/* Delete what was told a day ago; true: there may be more. */
bool
wf_outcome_expire(void)
{
	Datum		values[2] = {TimestampTzGetDatum(wf_clock_now() - KEPT_FOR), Int64GetDatum(PIECE)};

	if (!wf_version_has_column("outcome", "run"))
		return false;
	return wf_statement_execute(&expire_statement, values, NULL, 0) == PIECE;
}

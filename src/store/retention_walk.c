/*-------------------------------------------------------------------------
 *
 * retention_walk.c
 *	  The walk over all that is over: what has outlived its time goes.
 *
 * Runs in rounds of retention.c, a piece at a time: first over runs (run_expire.c), then over
 * all processes that began before the retention, in the order of their ids, which is that in
 * which they began: no index knows when a process ended, since such an index would
 * cost every step.  The walk leaves the history that is in the oldest partition to
 * the TRUNCATE.  How far it has come stands in the row of the ring, so that any session
 * goes on with it.
 *
 * A walk that came to its end knows when the first of what it has left goes, and there is no
 * other one before that unless somebody has worked since (shmem/database_walk.c): so a database in
 * which nothing is done is left alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "shmem/database.h"
#include "shmem/database_walk.h"
#include "shmem/wakeup.h"
#include "store/keep.h"
#include "store/process_row.h"
#include "store/purge.h"
#include "store/retention_walk.h"
#include "store/run_expire.h"
#include "store/statement.h"

/* Processes that a piece looks at, and those of them that it deletes at most. */
#define WALK		10000
#define PIECE		1000

/* So long at most a walk is put off, whatever the last one has found (min). */
#define LATEST_WALK		(24 * 60)

/* The walk: where it is, its end, and the end of the one before. */
static WfStatement where_statement = {
	.sql = "SELECT walk, walk_to, walked_to FROM workflow.ring",
	.latest = true
};

static WfStatement keep_walk_statement = {
	.sql = "UPDATE workflow.ring SET walk = $1, walk_to = $2, walked_to = COALESCE($3, walked_to)",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID)
};

/* $3 processes from $1 on: did they begin, and end, before $2? */
static WfStatement walk_statement = {
	.sql = "SELECT p.id, p.started_at OPERATOR(pg_catalog.<) $2,"
	" p.updated_at OPERATOR(pg_catalog.<) $2 AND" WF_PROCESS_ROW_IS_OVER("p") ","
	" CASE WHEN" WF_PROCESS_ROW_IS_OVER("p") " THEN p.updated_at END, $2, NULL::pg_catalog.int4"
	" FROM workflow.process p WHERE p.id OPERATOR(pg_catalog.>) $1 ORDER BY p.id LIMIT $3",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, INT8OID),
	.latest = true
};

/*
 * The same, by rules: those that have none go if they ended before $4; $5: now.  And the
 * rule whose archive is to get the process before it goes.
 */
static WfStatement walk_by_rules_statement = {
	.sql = "SELECT p.id, p.started_at OPERATOR(pg_catalog.<) $2,"
	WF_PROCESS_ROW_IS_OVER("p") " AND (" WF_KEEP_GOES("p.updated_at", "$4") "),"
	" CASE WHEN" WF_PROCESS_ROW_IS_OVER("p") " THEN p.updated_at END, " WF_KEEP_BEFORE("$4") ","
	" CASE WHEN" WF_PROCESS_ROW_IS_OVER("p") " THEN " WF_KEEP_ARCHIVE("p.updated_at") " END"
	" FROM workflow.process p"
	" LEFT JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	WF_KEEP_OF_PROCESS("$5")
	" WHERE p.id OPERATOR(pg_catalog.>) $1 ORDER BY p.id LIMIT $3",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID),
	.latest = true
};

/* So that the next walk begins at once, and at the beginning. */
static WfStatement walk_anew_statement = {
	.sql = "UPDATE workflow.ring SET walk = NULL, walk_to = NULL, walked_to = NULL",
	.latest = true
};

/*
 * Read where the walk is.  The SQL of 0.2.0 knows none; there the ring alone
 * decides what goes.
 */
void
wf_retention_walk_where(WfRetentionWalk *walk)
{
	Datum		values[3];
	bool		nulls[3];

	memset(walk, 0, sizeof(*walk));
	walk->walked_to = DT_NOBEGIN;
	walk->known = wf_version_has_column("ring", "walk");
	if (!walk->known || wf_statement_execute(&where_statement, NULL, NULL, 1) == 0)
		return;
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	walk->under_way = !nulls[0];
	if (!nulls[0])
		walk->after = *DatumGetUUIDP(values[0]);
	walk->to = nulls[1] ? DT_NOBEGIN : DatumGetTimestampTz(values[1]);
	if (!nulls[2])
		walk->walked_to = DatumGetTimestampTz(values[2]);
}

/* Keep where the walk is; its end, if it came there. */
static void
keep_walk(const WfRetentionWalk *walk)
{
	Datum		values[3] = {UUIDPGetDatum(&walk->after), TimestampTzGetDatum(walk->to),
	TimestampTzGetDatum(walk->to)};

	wf_statement_execute(&keep_walk_statement, values, walk->under_way ? "  n" : "nn ", 0);
}

/* When a process that stays for now goes, by columns 4 and 5 of its row; infinity: it is not over. */
static TimestampTz
goes_at(SPITupleTable *rows, uint64 row, TimestampTz now)
{
	bool		isnull;
	Datum		ended = SPI_getbinval(rows->vals[row], rows->tupdesc, 4, &isnull);
	Datum		before;

	if (isnull)
		return DT_NOEND;
	before = SPI_getbinval(rows->vals[row], rows->tupdesc, 5, &isnull);
	return wf_run_expire_at(DatumGetTimestampTz(ended), DatumGetTimestampTz(before), now);
}

/* The rule that column 6 of a row names, if it does. */
static void
read_rule(SPITupleTable *rows, uint64 row, int *n, Datum **rules)
{
	bool		isnull;
	Datum		rule = SPI_getbinval(rows->vals[row], rows->tupdesc, 6, &isnull);

	if (!isnull)
		wf_keep_note(rule, n, rules);
}

/*
 * Look at the next processes, and delete those that ended before the end of the
 * walk, or have outlived their rules.  The walk ends where no process began before its
 * end.
 */
static void
walk_on(WfRetentionWalk *walk, const WfRetentionTimes *times, WfRetentionRound *round)
{
	Datum		args[5] = {UUIDPGetDatum(&walk->after), TimestampTzGetDatum(walk->to),
	Int64GetDatum(WALK), TimestampTzGetDatum(times->cutoff), TimestampTzGetDatum(times->now)};
	uint64		n = wf_statement_execute(times->rules ? &walk_by_rules_statement : &walk_statement, args, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *over = palloc(sizeof(Datum) * PIECE);
	Datum	   *archives = NULL;
	int			nover = 0;
	int			narchives = 0;
	uint64		gone = 0;
	bool		isnull;

	walk->under_way = false;
	for (uint64 i = 0; i < n && nover < PIECE; i++)
	{
		Datum		id = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

		walk->after = *DatumGetUUIDP(id);
		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)))
			walk->under_way = true;
		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull)))
			over[nover++] = id;
		else
			round->next = Min(round->next, goes_at(rows, i, times->now));
		if (times->rules)
			read_rule(rows, i, &narchives, &archives);
	}
	walk->under_way = nover == PIECE || (walk->under_way && n == WALK);
	if (nover > 0)
		gone = wf_purge_free(over, nover, round->oldest);
	round->expired += gone;

	/* Somebody has locked them; those that began later were not all looked at. */
	if (gone < (uint64) nover || (n == WALK && !walk->under_way))
		round->next = times->now;
	wf_keep_announce(narchives, archives);
}

/* What ends from now on is news for the walk after this one. */
static void
begin_walk(WfRetentionRound *round)
{
	WfDatabase *database = wf_database_peek(MyDatabaseId);

	round->walk = database == NULL ? 0 : wf_database_walk_begin(database);
	round->whole = false;
	round->next = DT_NOEND;
}

/*
 * Before each walk over processes there is one over runs: a piece of it.  Returns
 * whether to call again at once.
 */
static bool
walk_runs(const WfRetentionTimes *times, WfRetentionRound *round)
{
	TimestampTz to = times->now - times->pace;

	if (round->walk == 0)
		begin_walk(round);
	if (!round->runs_walked && wf_run_expire_known() &&
		(times->rules ?
		 wf_run_expire_walk_by_rules(&round->runs_after, to, times->cutoff, times->now, &round->next) :
		 wf_run_expire_walk(&round->runs_after, to, times->now, &round->next)))
		return true;
	round->runs_walked = true;
	memset(&round->runs_after, 0, sizeof(round->runs_after));
	return false;
}

/* A piece of the walk over processes, which begins here unless one is under way.  The same. */
static bool
walk_processes(const WfRetentionTimes *times, WfRetentionRound *round)
{
	TimestampTz to = times->now - times->pace;
	WfRetentionWalk walk;

	wf_retention_walk_where(&walk);
	if (!walk.under_way)
	{
		walk.to = to;
		memset(&walk.after, 0, sizeof(walk.after));
		round->whole = true;
	}
	walk.to = Min(walk.to, to);
	walk_on(&walk, times, round);
	round->walked = !walk.under_way;
	if (round->walked)
		round->runs_walked = false;
	keep_walk(&walk);
	return walk.under_way;
}

/*
 * One piece of a walk, by the session that holds the row of the ring.  Returns whether to
 * call again at once.  SPI must be connected.
 */
bool
wf_retention_walk_some(const WfRetentionTimes *times, WfRetentionRound *round)
{
	return walk_runs(times, round) || walk_processes(times, round);
}

/* A walk has come to its end, and is committed. */
void
wf_retention_walk_end(WfRetentionRound *round)
{
	WfDatabase *database = wf_database_peek(MyDatabaseId);
	TimestampTz next = round->next;

	/* months differ, and clocks may be set back */
	if (next != DT_NOEND)
		next = Min(next, wf_clock_now() + LATEST_WALK * USECS_PER_MINUTE);
	if (round->whole && round->walk != 0 && database != NULL)
		wf_database_walk_end(database, round->walk, wf_retention * USECS_PER_MINUTE, next);
	round->walked = false;
	round->walk = 0;
}

/*
 * Rules were made or changed: what is there already is walked over anew when this
 * commits, soon.  Waits for a round that is under way.  SPI must be connected.
 */
void
wf_retention_walk_anew(void)
{
	(void) wf_statement_execute(&walk_anew_statement, NULL, NULL, 0);
	wf_wakeup_extension();
}

/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  Processes that are over expire: history and receipts are kept in a ring
 *	  of partitions, of which one at a time is written to.
 *
 * Runs in the runtime, one round a transaction, and in sessions that call
 * workflow.expire() or workflow.expire_all().  Before the ring moves on, its
 * oldest partition is emptied: processes that ended before the retention are
 * deleted with all that is stored of them, and history of all others is moved to
 * a younger partition.  What remains belongs to no process, and goes with a
 * TRUNCATE.
 *
 * The ring knows the age of what was written since it turns in the present
 * time.  What was there before, or while the retention was longer or none, is
 * found by a walk over all processes that began before the retention, in the
 * order of their ids, which is that in which they began: no index knows when a
 * process ended, since such an index would cost every step.  The walk leaves
 * the history that is in the oldest partition to the TRUNCATE, too.  How far it
 * has come stands in the row of the ring, so that any session goes on with it.
 *
 * Rules (keep.c) say otherwise for processes of some definitions, and runs of
 * some jobs and queues.  Where there are any, walks come as often as the shortest
 * one asks for, each process and run goes by its own, and what has to stay when the
 * ring moves on is carried forward: history as that of processes that live, runs with
 * what they have said.  What an archive is to get first stays, too, and the walk tells
 * executors of it.
 *
 * A walk that came to its end knows when the first of what it has left goes, and there is no
 * other one before that unless somebody has worked since (shmem/database_walk.c): so a database in
 * which nothing is done is left alone.
 *
 * Locks: the row of workflow.ring first, which one round at a time has; then
 * rows of processes, without waiting; then both relations of a partition, if
 * they are free.  What is locked by others is left for the next round, so that
 * nobody waits for a round and a round waits for nobody.
 *
 * A transaction that read the position of the ring before it moved on writes to
 * the partition before.  That is right, too: that one is emptied
 * WF_RETENTION_SLOTS - 1 moves later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "base/version.h"
#include "shmem/database.h"
#include "shmem/database_walk.h"
#include "shmem/wakeup.h"
#include "store/act.h"
#include "store/keep.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/purge.h"
#include "store/retention.h"
#include "store/run_expire.h"
#include "store/statement.h"
#include "store/transaction.h"

/* The number of the column slot of workflow.ring. */
#define RING_SLOT 2

/* Processes that are dealt with in one round, and those that a walk looks at. */
#define ROUND		1000
#define WALK		10000

/*
 * The ring moves on after this part of the retention.  So the oldest partition
 * is as old as the retention when all others have been written to.
 */
#define PARTS		(WF_RETENTION_SLOTS - 1)

static WfStatement make_statement = {
	.sql = "INSERT INTO workflow.ring (slot, since) VALUES (0, $1) ON CONFLICT (one) DO NOTHING",
	WF_ARGS(TIMESTAMPTZOID)
};

static WfStatement read_statement = {
	.sql = "SELECT since FROM workflow.ring"
};

/* Whoever holds this row empties the oldest partition. */
static WfStatement hold_statement = {
	.sql = "SELECT slot FROM workflow.ring FOR UPDATE SKIP LOCKED"
};

static WfStatement move_statement = {
	.sql = "UPDATE workflow.ring SET slot = $1, since = $2",
	WF_ARGS(INT2OID, TIMESTAMPTZOID)
};

/*
 * Processes that have rows in partition $1, $3 of them from $2 on: did they
 * end there, before $4?
 */
static WfStatement look_statement = {
	.sql = "SELECT w.process, p.id IS NULL," WF_PROCESS_ROW_IS_OVER("p")
	"  AND p.updated_at OPERATOR(pg_catalog.<) $4"
	"  AND EXISTS (SELECT FROM workflow.history l WHERE l.slot OPERATOR(pg_catalog.=) $1"
	"   AND l.process OPERATOR(pg_catalog.=) p.id AND l.step OPERATOR(pg_catalog.=) p.step)"
	" FROM (SELECT DISTINCT h.process FROM workflow.history h"
	"  WHERE h.slot OPERATOR(pg_catalog.=) $1 AND h.process OPERATOR(pg_catalog.>) $2"
	"  ORDER BY 1 LIMIT $3) w"
	" LEFT JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.process"
	" ORDER BY w.process",
	WF_ARGS(INT2OID, UUIDOID, INT8OID, TIMESTAMPTZOID),
	.latest = true
};

/* The same, by rules; $5: now. */
static WfStatement look_by_rules_statement = {
	.sql = "SELECT w.process, p.id IS NULL," WF_PROCESS_ROW_IS_OVER("p")
	"  AND (" WF_KEEP_GOES("p.updated_at", "$4") ")"
	"  AND EXISTS (SELECT FROM workflow.history l WHERE l.slot OPERATOR(pg_catalog.=) $1"
	"   AND l.process OPERATOR(pg_catalog.=) p.id AND l.step OPERATOR(pg_catalog.=) p.step)"
	" FROM (SELECT DISTINCT h.process FROM workflow.history h"
	"  WHERE h.slot OPERATOR(pg_catalog.=) $1 AND h.process OPERATOR(pg_catalog.>) $2"
	"  ORDER BY 1 LIMIT $3) w"
	" LEFT JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) w.process"
	" LEFT JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	WF_KEEP_OF_PROCESS("$5")
	" ORDER BY w.process",
	WF_ARGS(INT2OID, UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID),
	.latest = true
};

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

static WfStatement lock_statement = {
	.sql = "SELECT p.id FROM workflow.process p WHERE p.id OPERATOR(pg_catalog.=) ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

/*
 * Rows go to the partition of the last row of their process, so that all of them
 * expire together.  If that is the one to be emptied, they go to $3.  Those that an
 * open transaction has deleted (erase()) are left for the next round.
 */
static WfStatement carry_statement = {
	.sql = "WITH free AS MATERIALIZED (SELECT f.process, f.step FROM workflow.history f"
	"  WHERE f.slot OPERATOR(pg_catalog.=) $2 AND f.process OPERATOR(pg_catalog.=) ANY ($1)"
	"  FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE workflow.history h SET slot = COALESCE("
	"  (SELECT l.slot FROM workflow.history l WHERE l.process OPERATOR(pg_catalog.=) p.id"
	"   AND l.step OPERATOR(pg_catalog.=) p.step AND l.slot OPERATOR(pg_catalog.<>) $2 LIMIT 1), $3)"
	" FROM free f JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) f.process"
	" WHERE h.slot OPERATOR(pg_catalog.=) $2 AND h.process OPERATOR(pg_catalog.=) f.process"
	" AND h.step OPERATOR(pg_catalog.=) f.step",
	WF_ARGS(UUIDARRAYOID, INT2OID, INT2OID)
};

static WfStatement empty_statement = {
	.sql = "SELECT FROM workflow.history h JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) h.process"
	" WHERE h.slot OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(INT2OID),
	.latest = true				/* as the TRUNCATE, which has no snapshot */
};

/* TRUNCATE takes no parameters. */
#define TRUNCATE(n) {.sql = "TRUNCATE workflow.history_" #n ", workflow.receipt_" #n}
static WfStatement truncate_statements[WF_RETENTION_SLOTS] = {
	TRUNCATE(0), TRUNCATE(1), TRUNCATE(2), TRUNCATE(3),
	TRUNCATE(4), TRUNCATE(5), TRUNCATE(6), TRUNCATE(7)
};

/* By what a round goes. */
typedef struct Times
{
	TimestampTz now;
	int64		retention;		/* of what no rule is for; 0: for ever */
	TimestampTz cutoff;			/* what no rule is for, and ended before this, goes */
	bool		rules;			/* there are some */
	int64		pace;			/* the shortest of all retentions; 0: nothing ever goes */
} Times;

/* The shortest one that a rule says, as this session has seen it last; 0: none. */
static int64 shortest_rule = 0;

/* The next walk comes then at the earliest, as the runtime has seen it last, if it has looked. */
static TimestampTz walk_after = DT_NOEND;
static bool looked = false;

/* So long at most a walk is put off, whatever the last one has found (min). */
#define LATEST_WALK		(24 * 60)

/* So long (us) after another session was found at a round we ask again. */
#define HELD_PAUSE		USECS_PER_SEC

/* The shorter one of two retentions; 0 is for ever. */
static int64
shorter(int64 one, int64 other)
{
	return one == 0 || (other > 0 && other < one) ? other : one;
}

static void
read_times(int64 retention, Times *times)
{
	times->now = wf_clock_now();
	times->retention = retention;
	times->cutoff = retention > 0 ? times->now - retention : DT_NOBEGIN;
	times->rules = wf_keep_shortest(&shortest_rule);
	times->pace = shorter(retention, shortest_rule);
}

/* Delete those of n processes that nobody has locked.  Returns how many. */
static uint64
delete_free(Datum *ids, int n, int16 oldest)
{
	Datum		value = PointerGetDatum(wf_uuid_array(ids, n));
	uint64		locked = wf_statement_execute(&lock_statement, &value, NULL, 0);
	Datum	   *free = palloc(sizeof(Datum) * (locked + 1));
	bool		isnull;

	for (uint64 i = 0; i < locked; i++)
		free[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	if (locked > 0)
		wf_purge(wf_uuid_array(free, locked), oldest, NULL);
	return locked;
}

/*
 * Deal with the next processes of the oldest partition, of which those that ended
 * before the cutoff, or have outlived their rules, go.  Returns false when there are
 * none any more.
 */
static bool
empty_some(WfRetentionRound *round, const Times *times, TimestampTz cutoff)
{
	Datum		args[5] = {Int16GetDatum(round->oldest), UUIDPGetDatum(&round->after),
	Int64GetDatum(ROUND), TimestampTzGetDatum(cutoff), TimestampTzGetDatum(times->now)};
	uint64		n = wf_statement_execute(times->rules ? &look_by_rules_statement : &look_statement, args, NULL, 0);
	Datum	   *over = palloc(sizeof(Datum) * (n + 1));
	Datum	   *others = palloc(sizeof(Datum) * (n + 1));
	int			nover = 0;
	int			nothers = 0;

	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		id = SPI_getbinval(row, desc, 1, &isnull);

		round->after = *DatumGetUUIDP(id);
		if (DatumGetBool(SPI_getbinval(row, desc, 2, &isnull)))
			continue;			/* its process was erased: goes with the partition */
		if (DatumGetBool(SPI_getbinval(row, desc, 3, &isnull)))
			over[nover++] = id;
		else
			others[nothers++] = id;
	}
	if (nover > 0)
		round->expired += delete_free(over, nover, round->oldest);
	if (nothers > 0)
	{
		Datum		values[3] = {PointerGetDatum(wf_uuid_array(others, nothers)),
		Int16GetDatum(round->oldest), Int16GetDatum(round->slot)};

		round->carried += wf_statement_execute(&carry_statement, values, NULL, 0);
	}
	return n == ROUND;
}

/* Lock both relations of a partition, unless somebody is using them. */
static bool
lock_partition(int16 slot)
{
	static const char *const relations[] = {"history_%d", "receipt_%d"};
	Oid			schema = get_namespace_oid("workflow", false);

	for (int i = 0; i < (int) lengthof(relations); i++)
	{
		Oid			relation = get_relname_relid(psprintf(relations[i], slot), schema);

		if (!ConditionalLockRelationOid(relation, AccessExclusiveLock))
			return false;
	}
	return true;
}

/*
 * Carry the next runs of the oldest partition forward that their rules keep.  Returns
 * whether to call again at once.
 */
static bool
carry_runs(WfRetentionRound *round, const Times *times)
{
	return times->rules && wf_run_expire_known() &&
		wf_run_expire_carry(round->oldest, round->slot, times->now, &round->carry);
}

/* Empty the oldest partition and make it the one that is written to, if possible. */
static void
move_on(WfRetentionRound *round, TimestampTz now)
{
	Datum		oldest = Int16GetDatum(round->oldest);
	Datum		values[2] = {oldest, TimestampTzGetDatum(now)};
	bool		runs = wf_run_expire_known();
	bool		all_carried = !round->carry.skipped;

	memset(&round->after, 0, sizeof(round->after));
	memset(&round->carry, 0, sizeof(round->carry));
	if (!all_carried)
		return;
	if (!lock_partition(round->oldest) || (runs && !wf_run_expire_lock_partition(round->oldest)) ||
		!wf_act_lock_partition(round->oldest))
		return;
	/* Rows were locked by others, or written at an old position of the ring. */
	if (wf_statement_execute(&empty_statement, &oldest, NULL, 1) > 0)
		return;
	wf_statement_execute(&truncate_statements[round->oldest], NULL, NULL, 0);
	if (runs)
		wf_run_expire_truncate(round->oldest);
	wf_act_truncate(round->oldest);
	wf_statement_execute(&move_statement, values, NULL, 0);
	round->moved = true;
}

/* --- the walk ------------------------------------------------------------ */

typedef struct Walk
{
	bool		known;			/* the SQL of this database has a walk */
	bool		under_way;
	pg_uuid_t	after;			/* processes up to this one have been looked at */
	TimestampTz to;				/* those that ended before this go */
	TimestampTz walked_to;		/* of the last one that came to its end */
} Walk;

/*
 * Read where the walk is.  The SQL of 0.2.0 knows none; there the ring alone
 * decides what goes.
 */
static void
read_walk(Walk *walk)
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
keep_walk(const Walk *walk)
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
walk_on(Walk *walk, const Times *times, WfRetentionRound *round)
{
	Datum		args[5] = {UUIDPGetDatum(&walk->after), TimestampTzGetDatum(walk->to),
	Int64GetDatum(WALK), TimestampTzGetDatum(times->cutoff), TimestampTzGetDatum(times->now)};
	uint64		n = wf_statement_execute(times->rules ? &walk_by_rules_statement : &walk_statement, args, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *over = palloc(sizeof(Datum) * ROUND);
	Datum	   *archives = NULL;
	int			nover = 0;
	int			narchives = 0;
	uint64		gone = 0;
	bool		isnull;

	walk->under_way = false;
	for (uint64 i = 0; i < n && nover < ROUND; i++)
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
	walk->under_way = nover == ROUND || (walk->under_way && n == WALK);
	if (nover > 0)
		gone = delete_free(over, nover, round->oldest);
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
walk_runs(const Times *times, WfRetentionRound *round)
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

/*
 * One piece of a walk, which begins here unless one is under way.  Returns
 * whether to call again at once.
 */
static bool
walk_some(const Times *times, WfRetentionRound *round)
{
	TimestampTz to = times->now - times->pace;
	Walk		walk;

	read_walk(&walk);
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

/* --- rounds -------------------------------------------------------------- */

/* May something have outlived its time since the last walk? */
static bool
may_find_something(const Times *times)
{
	WfDatabase *database = wf_database_peek(MyDatabaseId);

	return database == NULL || wf_database_walk_at(database, times->retention) <= times->now;
}

/*
 * Is the ring to move on, and is there anything to walk for?  Takes no lock, and
 * writes nothing but the row of a ring that has none yet.
 */
static void
look_what_is_due(const Times *times, WfRetentionRound *round, bool *move, bool *walk)
{
	Datum		value = TimestampTzGetDatum(times->now);
	Walk		where;
	bool		isnull;

	*move = false;
	if (wf_statement_execute(&read_statement, NULL, NULL, 1) > 0)
		*move = times->retention > 0 &&
			times->now - DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
														   &isnull)) >= times->retention / PARTS;
	else
		wf_statement_execute(&make_statement, &value, NULL, 0);
	read_walk(&where);
	*walk = false;
	if (!where.known)
		return;
	round->walk_after = where.walked_to == DT_NOBEGIN ? DT_NOBEGIN :
		where.walked_to + times->pace + times->pace / PARTS;
	*walk = (round->asked && !round->walked) || where.under_way || round->walk_after == DT_NOBEGIN ||
		(round->walk_after <= times->now && may_find_something(times));
}

/*
 * One round in the current transaction, if the ring has to move on or a walk is
 * due.  retention: how long is kept what is over and no rule is for, in microseconds; 0:
 * for ever.  The caller keeps *round, zero at first, from one round to the next: where
 * the last one ended, and counts, which are added to.  round->asked: walk also if
 * the last walk is not long ago.  Returns whether to call again at once.  Locks:
 * see above.  SPI must be connected.
 */
bool
wf_retention_round(int64 retention, WfRetentionRound *round)
{
	Times		times;
	bool		move;
	bool		walk;
	bool		isnull;

	read_times(retention, &times);
	if (times.pace == 0)
		return false;
	look_what_is_due(&times, round, &move, &walk);
	if (!(move || walk))
		return false;
	round->held = wf_statement_execute(&hold_statement, NULL, NULL, 1) == 0;
	if (round->held)
		return false;
	round->slot = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 1, &isnull));
	round->oldest = (round->slot + 1) % WF_RETENTION_SLOTS;
	if (move)
	{
		if (empty_some(round, &times, wf_version_has_column("ring", "walk") ? times.cutoff : DT_NOEND) ||
			carry_runs(round, &times))
			return true;
		move_on(round, times.now);
	}
	return walk && (wf_act_expire(times.cutoff) || walk_runs(&times, round) || walk_some(&times, round));
}

/* A walk has come to its end, and is committed. */
static void
end_walk(WfRetentionRound *round)
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
 * In the runtime: one round of workflow.retention, and of the rules, in a transaction of
 * its own.  *more: call again at once.  Returns false when the extension is gone.
 */
bool
wf_retention_cycle(Oid extension, bool *more)
{
	static WfRetentionRound round;
	static bool amid = false;

	/* what was rolled back is to be looked at again */
	if (amid)
		memset(&round, 0, sizeof(round));
	*more = false;

	/* who fails is held back, and does not come for this */
	walk_after = round.walk_after = DT_NOEND;
	looked = true;
	round.held = false;
	if (!wf_transaction_begin("expiring what is over", extension))
		return false;
	amid = true;
	/* a ring that a restore is still to load is not made here */
	*more = wf_origin_is_certain() &&
		wf_retention_round(wf_retention * USECS_PER_MINUTE, &round);
	wf_transaction_commit();
	amid = false;
	if (round.walked)
		end_walk(&round);
	walk_after = round.held ? wf_clock_now() + HELD_PAUSE : round.walk_after;
	return true;
}

/*
 * In the runtime: when a walk is to come, by wf_clock_now(), as its last round has found it;
 * infinity: nothing is over that ever goes.
 */
TimestampTz
wf_retention_next(WfDatabase *database)
{
	if (!looked)
		return DT_NOBEGIN;
	if (walk_after == DT_NOEND || shorter(wf_retention * USECS_PER_MINUTE, shortest_rule) == 0 || database == NULL)
		return DT_NOEND;
	return Max(walk_after, wf_database_walk_at(database, wf_retention * USECS_PER_MINUTE));
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

/*
 * The partition of the ring that is written to, read without a plan.  Without a
 * row nothing has ever expired in this database.
 */
int16
wf_retention_slot(void)
{
	Relation	ring = table_open(get_relname_relid("ring", get_namespace_oid("workflow", false)),
								  AccessShareLock);
	TupleTableSlot *row = table_slot_create(ring, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	TableScanDesc scan = table_beginscan(ring, snapshot, 0, NULL);
	int16		slot = 0;
	bool		isnull;

	if (table_scan_getnextslot(scan, ForwardScanDirection, row))
		slot = DatumGetInt16(slot_getattr(row, RING_SLOT, &isnull));
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(row);
	table_close(ring, NoLock);
	return slot;
}

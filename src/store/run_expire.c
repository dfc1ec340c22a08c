/*-------------------------------------------------------------------------
 *
 * run_expire.c
 *	  Runs that have ended are forgotten.
 *
 * Runs where a process is erased, and in the rounds of retention.c, whose ring the partitions of run_history and
 * run_log belong to: what is in the oldest partition when the ring moves on goes with a
 * TRUNCATE.  What a shorter retention makes go earlier is found by a walk in the order of
 * ids, which is that in which runs were made; so is what outlives a rule (keep.c).
 *
 * Locks runs that have ended, and skips those that others have; then both relations of a
 * partition, if they are free.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/uuid.h"
#include "base/version.h"
#include "store/checkpoint.h"
#include "store/keep.h"
#include "store/retention.h"
#include "store/run_expire.h"
#include "store/statement.h"

/* Runs that a walk looks at, at a time, and those that are carried forward. */
#define WALK	10000
#define CARRY	1000

static WfStatement walk_statement = {
	.sql = "SELECT h.run, h.ended_at OPERATOR(pg_catalog.<) $2, h.ended_at FROM workflow.run_history h"
	" WHERE h.run OPERATOR(pg_catalog.>) $1 ORDER BY h.run LIMIT $3",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, INT8OID),
	.latest = true
};

/*
 * By rules: those that have none go if they ended before $3; $4: now.  And the rule whose
 * archive is to get the run before it goes.
 */
static WfStatement walk_by_rules_statement = {
	.sql = "SELECT h.run, " WF_KEEP_GOES("h.ended_at", "$3") ", " WF_KEEP_ARCHIVE("h.ended_at") ", h.ended_at, "
	WF_KEEP_BEFORE("$3")
	" FROM workflow.run_history h" WF_KEEP_OF_RUN("$4")
	" WHERE h.run OPERATOR(pg_catalog.>) $1 ORDER BY h.run LIMIT $2",
	WF_ARGS(UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID),
	.latest = true
};

/* Does a rule keep it, beyond partition $1?  $4: now. */
static WfStatement look_statement = {
	.sql = "SELECT h.run, k.id IS NOT NULL AND (k.archives OR h.ended_at OPERATOR(pg_catalog.>=) k.before)"
	" FROM workflow.run_history h" WF_KEEP_OF_RUN("$4")
	" WHERE h.slot OPERATOR(pg_catalog.=) $1 AND h.run OPERATOR(pg_catalog.>) $2 ORDER BY h.run LIMIT $3",
	WF_ARGS(INT2OID, UUIDOID, INT8OID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement carry_statement = {
	.sql = "UPDATE workflow.run_history u SET slot = $3 WHERE u.slot OPERATOR(pg_catalog.=) $2"
	" AND u.run OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT h.run FROM workflow.run_history h"
	"  WHERE h.slot OPERATOR(pg_catalog.=) $2 AND h.run OPERATOR(pg_catalog.=) ANY ($1)"
	"  FOR UPDATE SKIP LOCKED)) RETURNING u.run",
	WF_ARGS(UUIDARRAYOID, INT2OID, INT2OID),
	.latest = true
};

/* What the same runs have said. */
static WfStatement carry_log_statement = {
	.sql = "UPDATE workflow.run_log SET slot = $3 WHERE slot OPERATOR(pg_catalog.=) $2"
	" AND run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID, INT2OID, INT2OID),
	.latest = true
};

static WfStatement lock_statement = {
	.sql = "SELECT h.run FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) ANY ($1)"
	" AND h.ended_at OPERATOR(pg_catalog.<) $2 FOR UPDATE SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement of_process_statement = {
	.sql = "SELECT h.run FROM workflow.run_history h WHERE h.process OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* One that is locked is being taken over by another run. */
#define FREE_KEYS(which) \
	"DELETE FROM workflow.run_key d WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT k.ctid FROM workflow.run_history h" \
	" JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) h.job" \
	" JOIN workflow.run_key k ON k.root OPERATOR(pg_catalog.=) j.root AND k.key OPERATOR(pg_catalog.=) h.key" \
	"  AND k.run OPERATOR(pg_catalog.=) h.run" \
	" WHERE " which " FOR UPDATE OF k SKIP LOCKED))"

static WfStatement keys_statement = {
	.sql = FREE_KEYS("h.run OPERATOR(pg_catalog.=) ANY ($1)"),
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

static WfStatement partition_keys_statement = {
	.sql = FREE_KEYS("h.slot OPERATOR(pg_catalog.=) $1"),
	WF_ARGS(INT2OID),
	.latest = true
};

static WfStatement log_statement = {
	.sql = "DELETE FROM workflow.run_log WHERE run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.run_history WHERE run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

/* TRUNCATE takes no parameters. */
#define TRUNCATE(n) {.sql = "TRUNCATE workflow.run_history_" #n ", workflow.run_log_" #n}
static WfStatement truncate_statements[WF_RETENTION_SLOTS] = {
	TRUNCATE(0), TRUNCATE(1), TRUNCATE(2), TRUNCATE(3),
	TRUNCATE(4), TRUNCATE(5), TRUNCATE(6), TRUNCATE(7)
};

/* Does the SQL of this database know runs? */
bool
wf_run_expire_known(void)
{
	return wf_version_has_column("run_log", "run");
}

/*
 * Forget n runs that are locked, with all that is stored of them.  SPI must be connected,
 * as for all of these.
 */
void
wf_run_expire_forget(int n, Datum *runs)
{
	Datum		value = PointerGetDatum(wf_uuid_array(runs, n));
	const pg_uuid_t **ids = palloc(sizeof(pg_uuid_t *) * (n + 1));

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		ids[i] = DatumGetUUIDP(runs[i]);
	(void) wf_statement_execute(&keys_statement, &value, NULL, 0);
	(void) wf_statement_execute(&log_statement, &value, NULL, 0);
	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
	wf_checkpoint_forget(n, ids);
}

/* Forget those of n runs that have ended before then, and that nobody has locked.  Returns how many. */
static uint64
forget(Datum *ids, int n, TimestampTz cutoff)
{
	Datum		values[2] = {PointerGetDatum(wf_uuid_array(ids, n)), TimestampTzGetDatum(cutoff)};
	uint64		locked = wf_statement_execute(&lock_statement, values, NULL, 0);
	Datum	   *free = palloc(sizeof(Datum) * (locked + 1));
	bool		isnull;

	for (uint64 i = 0; i < locked; i++)
		free[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	wf_run_expire_forget(locked, free);
	return locked;
}

/* Lock a run that has ended before then, for wf_run_expire_forget(); false: it is gone, or somebody has it. */
bool
wf_run_expire_hold(const pg_uuid_t *run, TimestampTz before)
{
	Datum		id = UUIDPGetDatum(run);
	Datum		values[2] = {PointerGetDatum(wf_uuid_array(&id, 1)), TimestampTzGetDatum(before)};

	return wf_statement_execute(&lock_statement, values, NULL, 0) > 0;
}

/* A column of a row that is a time. */
static TimestampTz
time_of(SPITupleTable *rows, uint64 row, int column)
{
	bool		isnull;

	return DatumGetTimestampTz(SPI_getbinval(rows->vals[row], rows->tupdesc, column, &isnull));
}

/*
 * The end of a piece of a walk that has looked at n runs up to *after: forget those that go.
 * Those that somebody has locked go another time, and those that were made since `to`
 * were not all looked at.
 */
static bool
end_walk(Datum *over, int nover, uint64 n, const pg_uuid_t *after, TimestampTz to, TimestampTz now, TimestampTz *next)
{
	bool		more = n == WALK && wf_uuid_time(after) < to;

	if (nover > 0 && forget(over, nover, to) < (uint64) nover)
		*next = now;
	if (n == WALK && !more)
		*next = now;
	return more;
}

/*
 * When what ended then goes, if now all goes that ended before `before`; infinity: never.
 * To within the lengths of months, which a retention may be given in.
 */
TimestampTz
wf_run_expire_at(TimestampTz ended, TimestampTz before, TimestampTz now)
{
	return TIMESTAMP_NOT_FINITE(before) ? DT_NOEND : ended + (now - before);
}

/*
 * A piece of a walk: forget those behind *after that have ended before the cutoff; it
 * becomes the last one that was looked at.  *next is lowered to when the first of the
 * others goes.  Returns whether there are more.
 */
bool
wf_run_expire_walk(pg_uuid_t *after, TimestampTz cutoff, TimestampTz now, TimestampTz *next)
{
	Datum		values[3] = {UUIDPGetDatum(after), TimestampTzGetDatum(cutoff), Int64GetDatum(WALK)};
	uint64		n = wf_statement_execute(&walk_statement, values, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *over = palloc(sizeof(Datum) * (n + 1));
	int			nover = 0;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		Datum		id = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

		*after = *DatumGetUUIDP(id);
		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)))
			over[nover++] = id;
		else
			*next = Min(*next, wf_run_expire_at(time_of(rows, i, 3), cutoff, now));
	}
	return end_walk(over, nover, n, after, cutoff, now, next);
}

/*
 * The same where there are rules: those that have none go if they ended before the
 * cutoff.  None that ended since `to` goes.  Executors are told of what archives are to get.
 */
bool
wf_run_expire_walk_by_rules(pg_uuid_t *after, TimestampTz to, TimestampTz cutoff, TimestampTz now, TimestampTz *next)
{
	Datum		values[4] = {UUIDPGetDatum(after), Int64GetDatum(WALK), TimestampTzGetDatum(cutoff),
	TimestampTzGetDatum(now)};
	uint64		n = wf_statement_execute(&walk_by_rules_statement, values, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *over = palloc(sizeof(Datum) * (n + 1));
	Datum	   *archives = NULL;
	int			nover = 0;
	int			narchives = 0;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		Datum		id = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
		Datum		rule = SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull);

		*after = *DatumGetUUIDP(id);
		if (!isnull)
			wf_keep_note(rule, &narchives, &archives);
		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)))
			over[nover++] = id;
		else
			*next = Min(*next, wf_run_expire_at(time_of(rows, i, 4), time_of(rows, i, 5), now));
	}
	wf_keep_announce(narchives, archives);
	return end_walk(over, nover, n, after, to, now, next);
}

/* Runs that a rule keeps go to another partition, with what they have said. */
static void
carry_forward(Datum *ids, int n, int slot, int to, WfRunExpireCarry *carry)
{
	Datum		values[3] = {PointerGetDatum(wf_uuid_array(ids, n)), Int16GetDatum(slot), Int16GetDatum(to)};
	uint64		carried = wf_statement_execute(&carry_statement, values, NULL, 0);
	Datum	   *free = palloc(sizeof(Datum) * (carried + 1));
	bool		isnull;

	for (uint64 i = 0; i < carried; i++)
		free[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	values[0] = PointerGetDatum(wf_uuid_array(free, carried));
	(void) wf_statement_execute(&carry_log_statement, values, NULL, 0);
	carry->skipped = carry->skipped || carried < (uint64) n;
}

/*
 * A piece of what has to be done before a partition is emptied: runs that their rules keep
 * go to partition `to`, those that nobody has locked.  Returns whether there are more.
 */
bool
wf_run_expire_carry(int slot, int to, TimestampTz now, WfRunExpireCarry *carry)
{
	Datum		values[4] = {Int16GetDatum(slot), UUIDPGetDatum(&carry->after), Int64GetDatum(CARRY),
	TimestampTzGetDatum(now)};
	uint64		n = wf_statement_execute(&look_statement, values, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *kept = palloc(sizeof(Datum) * (n + 1));
	int			nkept = 0;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		Datum		id = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

		carry->after = *DatumGetUUIDP(id);
		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)))
			kept[nkept++] = id;
	}
	if (nkept > 0)
		carry_forward(kept, nkept, slot, to, carry);
	return n == CARRY;
}

/* Forget the runs that a process has made and that have ended. */
void
wf_run_expire_of_process(const pg_uuid_t *process)
{
	Datum		value = UUIDPGetDatum(process);
	uint64		n = wf_statement_execute(&of_process_statement, &value, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
		ids[i] = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
	if (n > 0)
		(void) forget(ids, n, DT_NOEND);
}

/*
 * Empty a partition that is locked.  What its runs have saved, checkpoint.c finds; a key
 * that stays is the next one's who wants it.
 */
void
wf_run_expire_truncate(int slot)
{
	Datum		value = Int16GetDatum(slot);

	(void) wf_statement_execute(&partition_keys_statement, &value, NULL, 0);
	(void) wf_statement_execute(&truncate_statements[slot], NULL, NULL, 0);
}

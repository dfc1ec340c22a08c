/*-------------------------------------------------------------------------
 *
 * timer_sweep.c
 *	  What a sweep asks of the table workflow.timer.
 *
 * Runs in the runtime of a database (bgworker/sweep.c); timers that follow their
 * definition to another owner also in the session that hands it over.  Takes no
 * locks but those of rows that are deleted, timers of processes that do not exist,
 * which belong to nobody; and of processes whose timers follow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "shmem/wakeup.h"
#include "store/statement.h"
#include "store/timer_sweep.h"

/* The third column is WF_LANE_STEPS. */
static WfStatement owners_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 0,"
	" LEAST((SELECT pg_catalog.min(t.due) FROM workflow.timer t"
	" WHERE t.owner = o.id AND NOT t.parked),"
	/* processes that rest although the pause is over are work, too */
	" CASE WHEN EXISTS (SELECT FROM workflow.resting) AND EXISTS ("
	" SELECT FROM workflow.definition d WHERE d.owner = o.id"
	" AND EXISTS (SELECT FROM workflow.resting r WHERE r.definition = d.name)"
	" AND NOT EXISTS (SELECT FROM workflow.pause u WHERE u.definition = d.name))"
	" THEN pg_catalog.statement_timestamp() END)"
	" FROM workflow.owner o"
};

/* By the index timer_due. */
static WfStatement next_statement = {
	.sql = "SELECT pg_catalog.min(t.due) FROM workflow.timer t WHERE t.owner = $1 AND NOT t.parked",
	WF_ARGS(INT4OID)
};

static WfStatement roles_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid FROM workflow.owner o"
};

static WfStatement delete_strays_statement = {
	.sql = "DELETE FROM workflow.timer d WHERE d.ctid = ANY (ARRAY("
	" SELECT t.ctid FROM workflow.owner o CROSS JOIN LATERAL ("
	" SELECT s.ctid, s.process FROM workflow.timer s"
	" WHERE s.owner = o.id AND NOT s.parked"
	" AND s.due < pg_catalog.now() - '1 minute'::pg_catalog.interval"
	" ORDER BY s.due LIMIT 1000) t"
	" WHERE NOT EXISTS (SELECT FROM workflow.process p"
	" WHERE p.id = t.process)"
	/* a restore may have loaded timers, and not yet processes */
	" AND EXISTS (SELECT FROM workflow.stamp)))"
};

static WfStatement delete_erased_statement = {
	.sql = "DELETE FROM workflow.timer t USING workflow.erasure e"
	" WHERE t.process OPERATOR(pg_catalog.=) e.process"
	" AND (e.pending OR e.process OPERATOR(pg_catalog.=) ANY ($1))",
	WF_ARGS(UUIDARRAYOID)
};

/*
 * Timers of definitions that another owner has by now.  Whoever holds a process
 * owns its timers, so it is locked first.
 */
#define TO_FOLLOW \
	" FROM workflow.timer t" \
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process" \
	" JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition" \
	" WHERE t.owner OPERATOR(pg_catalog.=) $1 AND NOT t.parked AND d.owner OPERATOR(pg_catalog.<>) $1"

static WfStatement follow_statement = {
	.sql = "WITH held AS (SELECT t.process, t.seq, d.owner" TO_FOLLOW
	" ORDER BY t.due, t.seq LIMIT $2 FOR NO KEY UPDATE OF p SKIP LOCKED)"
	" UPDATE workflow.timer u SET owner = h.owner FROM held h"
	" WHERE u.process OPERATOR(pg_catalog.=) h.process AND u.seq OPERATOR(pg_catalog.=) h.seq"
	" RETURNING u.owner, u.due",
	WF_ARGS(INT4OID, INT8OID)
};

static WfStatement has_to_follow_statement = {
	.sql = "SELECT" TO_FOLLOW " LIMIT 1",
	WF_ARGS(INT4OID)
};

/*
 * Every owner, and when its next step is due.  Returns their number; rows are in
 * SPI_tuptable: the id of the owner, the OID of its role, the kind of its lane,
 * and the due time, null if there is nothing to do.
 */
uint64
wf_timer_sweep_owners(void)
{
	return wf_statement_execute(&owners_statement, NULL, NULL, 0);
}

/*
 * Every owner, as far as the table of owners knows.  Returns their number; rows are
 * in SPI_tuptable: id and role.
 */
uint64
wf_timer_sweep_roles(void)
{
	return wf_statement_execute(&roles_statement, NULL, NULL, 0);
}

/* When the next timer of an owner is due; infinity: there is none. */
TimestampTz
wf_timer_sweep_next(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	bool		isnull;

	(void) wf_statement_execute(&next_statement, &value, NULL, 1);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

/*
 * Delete overdue timers of processes that do not exist, which would keep the
 * watermark of their owner down for ever: the thousand earliest of each owner.
 * The next sweep deletes more.
 */
void
wf_timer_sweep_strays(void)
{
	(void) wf_statement_execute(&delete_strays_statement, NULL, NULL, 0);
}

/*
 * Delete what was posted to processes whose erasure is pending, and to those
 * whose erasure was just settled (see erasure.c).
 */
void
wf_timer_sweep_erased(ArrayType *settled)
{
	Datum		ids = PointerGetDatum(settled);

	(void) wf_statement_execute(&delete_erased_statement, &ids, NULL, 0);
}

/*
 * Give timers of an owner to those who own their definitions by now, and announce
 * them: at most `limit`, the earliest first, of processes that nobody has locked.
 * Returns how many.  SPI must be connected.
 */
int
wf_timer_sweep_follow(int32 owner, int limit)
{
	Datum		values[2] = {Int32GetDatum(owner), Int64GetDatum(limit)};
	int			n = wf_statement_execute(&follow_statement, values, NULL, 0);
	bool		isnull;

	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		wf_wakeup_timer(DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull)),
						DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull)));
	}
	return n;
}

/* Are there timers of this owner that belong to another by now? */
bool
wf_timer_sweep_has_to_follow(int32 owner)
{
	Datum		value = Int32GetDatum(owner);

	return wf_statement_execute(&has_to_follow_statement, &value, NULL, 1) > 0;
}

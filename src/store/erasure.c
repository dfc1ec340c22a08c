/*-------------------------------------------------------------------------
 *
 * erasure.c
 *	  The table workflow.erasure: processes that were erased, and what still comes
 *	  of them.
 *
 * erase() notes the process in its session, and who ends a run of a process asks
 * whether that was erased; the rest runs in the runtime of the database.  post() takes no lock on the process: a transaction that saw it may
 * be open when it is erased, and commit an event for it later.  The erasure is
 * pending until every such transaction is over.
 *
 * Which transactions those are is looked up in the server's array of processes,
 * by their virtual ids: every transaction has one from its first moment, and no
 * right or setting hides it.  (pg_stat_activity does not tell a role that is no
 * superuser when the transactions of others began, nor anybody about sessions
 * without track_activities.)
 *
 * Locks the pending rows when they are marked and settled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "base/version.h"
#include "store/erasure.h"
#include "store/run_expire.h"
#include "store/statement.h"
#include "store/timer_sweep.h"

/*
 * The transactions that were open when the erasures marked as seen had become
 * visible to everybody, and that are still open.  This is lost with the process:
 * the next runtime begins anew with those that are open then.
 */
static bool watching = false;
static VirtualTransactionId *watched = NULL;
static int	nwatched = 0;

static WfStatement note_statement = {
	.sql = "INSERT INTO workflow.erasure (process, at, owner, pending) VALUES ($1, $2, $3, true)",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, INT4OID)
};

static WfStatement note_named_statement = {
	.sql = "INSERT INTO workflow.erasure (process, at, owner, pending, definition) VALUES ($1, $2, $3, true, $4)",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, INT4OID, TEXTOID)
};

/* Those of before 0.3.0 do not say whose they were: they go with the rest. */
static WfStatement hand_over_statement = {
	.sql = "UPDATE workflow.erasure SET owner = $2 WHERE owner OPERATOR(pg_catalog.=) $1"
	" AND ($3 IS NULL OR definition OPERATOR(pg_catalog.=) $3)",
	WF_ARGS(INT4OID, INT4OID, TEXTOID)
};

static WfStatement look_statement = {
	.sql = "SELECT FROM workflow.erasure WHERE pending LIMIT 1"
};

static WfStatement see_statement = {
	.sql = "UPDATE workflow.erasure SET seen = pg_catalog.clock_timestamp() WHERE pending"
};

/* A prepared transaction has another virtual id than it had before. */
static WfStatement prepared_statement = {
	.sql = "SELECT FROM pg_catalog.pg_prepared_xacts x"
	" WHERE x.database OPERATOR(pg_catalog.=) pg_catalog.current_database() LIMIT 1"
};

static WfStatement settle_statement = {
	.sql = "UPDATE workflow.erasure SET pending = false WHERE pending AND seen IS NOT NULL"
	" RETURNING process"
};

static WfStatement among_statement = {
	.sql = "SELECT e.process FROM workflow.erasure e WHERE e.process OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

/*
 * Note that this transaction erases a process of this definition and owner.  The
 * caller holds it.  SPI must be connected.
 */
void
wf_erasure_note(const pg_uuid_t *process, const char *definition, int32 owner)
{
	Datum		values[4] = {UUIDPGetDatum(process), TimestampTzGetDatum(wf_clock_now()),
	Int32GetDatum(owner), CStringGetTextDatum(definition)};

	wf_statement_execute(wf_version_has_column("erasure", "definition") ?
						 &note_named_statement : &note_statement, values, NULL, 0);
}

/*
 * Give the erasures of an owner to another: those of one definition or, NULL, all
 * that there are.  SPI must be connected.
 */
void
wf_erasure_hand_over(int32 from, int32 to, const char *definition)
{
	Datum		values[3] = {Int32GetDatum(from), Int32GetDatum(to),
	definition != NULL ? CStringGetTextDatum(definition) : (Datum) 0};

	wf_statement_execute(&hand_over_statement, values, definition != NULL ? NULL : "  n", 0);
}

/* All other transactions in this database, except those of VACUUM, which post nothing. */
static VirtualTransactionId *
open_transactions(int *n)
{
	return GetCurrentVirtualXIDs(InvalidTransactionId, false, false, PROC_IN_VACUUM, n);
}

/*
 * Mark the erasures that there are, and remember the open transactions: those
 * that begin from now on see that the processes are gone.
 */
static void
begin_to_watch(void)
{
	VirtualTransactionId *open;
	VirtualTransactionId *copy;
	int			n;

	(void) wf_statement_execute(&see_statement, NULL, NULL, 0);
	open = open_transactions(&n);
	copy = MemoryContextAlloc(TopMemoryContext, sizeof(VirtualTransactionId) * (n + 1));
	memcpy(copy, open, sizeof(VirtualTransactionId) * n);
	if (watched != NULL)
		pfree(watched);
	watched = copy;
	nwatched = n;
	watching = true;
}

static bool
contains(const VirtualTransactionId *ids, int n, VirtualTransactionId id)
{
	for (int i = 0; i < n; i++)
		if (VirtualTransactionIdEquals(ids[i], id))
			return true;
	return false;
}

/* Is a watched transaction still open?  Those that are not are forgotten. */
static bool
some_are_open(void)
{
	int			n;
	VirtualTransactionId *open = open_transactions(&n);
	int			kept = 0;

	for (int i = 0; i < nwatched; i++)
		if (contains(open, n, watched[i]))
			watched[kept++] = watched[i];
	nwatched = kept;
	return kept > 0;
}

/* The ids in the first column of what the last statement has returned. */
static Datum *
returned_ids(int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	bool		isnull;

	for (int i = 0; i < n; i++)
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	return ids;
}

/*
 * Those of these processes that were erased, by transactions that have committed by now;
 * returns how many.  SPI must be connected.
 */
int
wf_erasure_among(ArrayType *processes, pg_uuid_t **erased)
{
	Datum		value = PointerGetDatum(processes);
	int			n = wf_statement_execute(&among_statement, &value, NULL, 0);
	Datum	   *ids = returned_ids(n);

	*erased = palloc(sizeof(pg_uuid_t) * (n + 1));
	for (int i = 0; i < n; i++)
		(*erased)[i] = *DatumGetUUIDP(ids[i]);
	return n;
}

/*
 * Settle the erasures that are marked as seen, and return their processes.  Runs of
 * them that have ended meanwhile are forgotten, as those are that end from now on.
 */
static ArrayType *
settle(void)
{
	int			n = wf_statement_execute(&settle_statement, NULL, NULL, 0);
	Datum	   *ids = returned_ids(n);

	if (wf_run_expire_known())
		for (int i = 0; i < n; i++)
			wf_run_expire_of_process(DatumGetUUIDP(ids[i]));
	return wf_uuid_array(ids, n);
}

/*
 * For the runtime, in a transaction in READ COMMITTED: delete what was posted to
 * erased processes, forget what their runs came to, and settle the erasures for which
 * nothing can come any more.  What is kept in memory may outlive an abort, which does
 * no harm: only erasures that were marked are settled.  SPI must be connected.
 */
void
wf_erasure_settle(void)
{
	ArrayType  *settled = construct_empty_array(UUIDOID);

	if (wf_statement_execute(&look_statement, NULL, NULL, 1) == 0)
	{
		watching = false;
		return;
	}
	if (!watching)
		begin_to_watch();

	/*
	 * In this order: a transaction that is being prepared has both ids for a
	 * moment.
	 */
	if (!some_are_open() &&
		wf_statement_execute(&prepared_statement, NULL, NULL, 1) == 0)
	{
		settled = settle();
		watching = false;
	}

	/* With a snapshot that is younger than the end of those transactions. */
	wf_timer_sweep_erased(settled);
}

/*-------------------------------------------------------------------------
 *
 * pause.c
 *	  Paused definitions, all of whose processes rest.
 *
 * Runs in any backend.  Pausing a definition touches no process: its name goes
 * into workflow.pause, and whoever is about to step a process looks there after
 * locking it.  A session keeps in memory that nothing is paused, which is nearly
 * always so, until inval.c tells of a change; while anything is paused or rests,
 * it reads the tables each time.
 *
 * An executor that claims timers of a paused definition parks them and notes
 * their processes in workflow.resting.  They have to come back after the pause:
 * a row there whose definition is not paused is work for the executors of its
 * owner, like a timer that is due.  A batch may see the pause and commit after
 * its end; therefore it announces work itself (wf_pause_noting()).
 *
 * Rows of workflow.resting are deleted by whoever holds their process, after
 * locking it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/definition_log.h"
#include "definition/pause.h"
#include "shmem/inval.h"
#include "shmem/wakeup.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/timer.h"

/* A definition that is paused, or that has resting processes without a pause. */
typedef struct Resting
{
	char	   *name;
	int32		owner;
	bool		paused;
} Resting;

/* What this session knows of them; in kept. */
static WfInval watch = {.table = "pause"};
static MemoryContext kept = NULL;
static Resting *resting = NULL;
static int	nresting = 0;
static bool complete = false;	/* false: an error came while it was read */

/* The last process of the last chunk that was brought back. */
static pg_uuid_t brought_back;

/*
 * One statement for each table: telling sessions of a change of workflow.pause
 * also makes them plan the statements that read it again, so that one is tiny.
 */
static WfStatement paused_statement = {
	.sql = "SELECT u.definition, u.owner FROM workflow.pause u",
	.latest = true
};

/* Skips from name to name in the index: there may be a million rows of each. */
static WfStatement resting_statement = {
	.sql = "WITH RECURSIVE n(name) AS ("
	" (SELECT r.definition FROM workflow.resting r ORDER BY r.definition LIMIT 1)"
	" UNION ALL SELECT (SELECT r.definition FROM workflow.resting r"
	"  WHERE r.definition OPERATOR(pg_catalog.>) n.name ORDER BY r.definition LIMIT 1)"
	" FROM n WHERE n.name IS NOT NULL)"
	" SELECT n.name, d.owner FROM n"
	" CROSS JOIN LATERAL (SELECT e.owner FROM workflow.definition e"
	"  WHERE e.name OPERATOR(pg_catalog.=) n.name LIMIT 1) d",
	.latest = true
};

static WfStatement begin_statement = {
	.sql = "INSERT INTO workflow.pause (definition, owner, at, by) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT DO NOTHING",
	WF_ARGS(TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID)
};

static WfStatement end_statement = {
	.sql = "DELETE FROM workflow.pause WHERE definition OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement hand_over_statement = {
	.sql = "UPDATE workflow.pause SET owner = $2 WHERE definition OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement drop_resting_statement = {
	.sql = "DELETE FROM workflow.resting WHERE definition OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement chunk_statement = {
	.sql = "SELECT p.id FROM workflow.resting r"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) r.process"
	" WHERE r.definition OPERATOR(pg_catalog.=) $1 AND r.process OPERATOR(pg_catalog.>) $2"
	" ORDER BY r.definition, r.process LIMIT $3"
	" FOR NO KEY UPDATE OF p SKIP LOCKED",
	WF_ARGS(TEXTOID, UUIDOID, INT8OID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.resting WHERE definition OPERATOR(pg_catalog.=) $1"
	" AND process OPERATOR(pg_catalog.=) ANY ($2) RETURNING process",
	WF_ARGS(TEXTOID, UUIDARRAYOID)
};

/* Rows without a process, for which executors would look for ever. */
static WfStatement forget_lost_statement = {
	.sql = "DELETE FROM workflow.resting r WHERE r.definition OPERATOR(pg_catalog.=) $1"
	" AND NOT EXISTS (SELECT FROM workflow.process p"
	"  WHERE p.id OPERATOR(pg_catalog.=) r.process)",
	WF_ARGS(TEXTOID)
};

/* --- looking ----------------------------------------------------------- */

static bool
is_known(const char *name)
{
	for (int i = 0; i < nresting; i++)
		if (strcmp(resting[i].name, name) == 0)
			return true;
	return false;
}

/* Add the names that a statement returns, unless they are there. */
static void
read_names(WfStatement *statement, bool paused)
{
	int			n = wf_statement_execute(statement, NULL, NULL, 0);
	MemoryContext old = MemoryContextSwitchTo(kept);

	resting = resting == NULL ? palloc(sizeof(Resting) * (n + 1)) :
		repalloc(resting, sizeof(Resting) * (nresting + n + 1));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		char	   *name = TextDatumGetCString(SPI_getbinval(row, desc, 1, &isnull));

		if (is_known(name))
			continue;
		resting[nresting].name = name;
		resting[nresting].owner = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		resting[nresting++].paused = paused;
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
}

static void
read_tables(void)
{
	/* What is kept outlives a statement that only looks: read the latest rows. */
	bool		before = wf_statement_look_only(false);

	complete = false;
	wf_inval_begin(&watch);
	if (kept == NULL)
		kept = AllocSetContextCreate(TopMemoryContext, "workflow pauses",
									 ALLOCSET_SMALL_SIZES);
	nresting = 0;
	resting = NULL;
	MemoryContextReset(kept);
	read_names(&paused_statement, true);
	read_names(&resting_statement, false);
	complete = true;
	(void) wf_statement_look_only(before);
}

/*
 * Is anything paused, or still resting, at this moment, whatever snapshot the
 * transaction has?  Must be called after locking processes, and before
 * wf_pause_is_on(), wf_pause_is_over(), wf_pause_bring_back() and
 * wf_pause_overtaken(), which tell what was so then.  Costs next to nothing while
 * nothing is.  SPI must be connected.
 */
bool
wf_pause_look(void)
{
	if (likely(wf_inval_is_good(&watch) && complete && nresting == 0))
		return false;
	read_tables();
	return nresting > 0;
}

/* Was this definition paused at the last wf_pause_look()? */
bool
wf_pause_is_on(const WfDefinition *definition)
{
	for (int i = 0; i < nresting; i++)
		if (resting[i].paused && strcmp(resting[i].name, definition->name) == 0)
			return true;
	return false;
}

/* Error WF003 if a definition is paused now.  SPI must be connected. */
void
wf_pause_refuse(const WfDefinition *definition)
{
	if (wf_pause_look() && wf_pause_is_on(definition))
		ereport(ERROR,
				(errcode(WF_ERR_SUSPENDED),
				 errmsg("definition \"%s\" is paused", definition->name),
				 errdetail("None of its processes is started or stepped."),
				 errhint("workflow.unpause() lets them go on.")));
}

/* --- beginning and ending ---------------------------------------------- */

/*
 * Begin the pause of a definition, and tell all sessions of it at commit.  False:
 * it is paused already.  SPI must be connected.
 */
bool
wf_pause_begin(const WfDefinition *definition)
{
	Datum		values[4] = {
		CStringGetTextDatum(definition->name), Int32GetDatum(definition->owner),
		TimestampTzGetDatum(wf_clock_now()),
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))
	};
	WfDefinitionLog log = {.definition = definition->name,.event = WF_LOG_PAUSE};

	wf_inval_changing(&watch);
	if (wf_statement_execute(&begin_statement, values, NULL, 0) == 0)
		return false;
	wf_definition_log(&log);
	return true;
}

/*
 * End the pause of a definition, tell all sessions of it at commit, and have an
 * executor bring resting processes back.  False: it is not paused.  SPI must be
 * connected.
 */
bool
wf_pause_end(const WfDefinition *definition)
{
	Datum		value = CStringGetTextDatum(definition->name);
	WfDefinitionLog log = {.definition = definition->name,.event = WF_LOG_UNPAUSE};

	wf_inval_changing(&watch);
	if (wf_statement_execute(&end_statement, &value, NULL, 0) == 0)
		return false;
	wf_definition_log(&log);
	wf_wakeup_timer(definition->owner, wf_clock_now());
	return true;
}

/*
 * The definition has another owner now: so has its pause, and sessions that know
 * of one are told at commit.  SPI must be connected.
 */
void
wf_pause_hand_over(const char *definition, int32 owner)
{
	Datum		values[2] = {CStringGetTextDatum(definition), Int32GetDatum(owner)};

	wf_inval_changing(&watch);
	(void) wf_statement_execute(&hand_over_statement, values, NULL, 0);
}

/*
 * The definition is dropped, and with it its pause; it has no processes that
 * could rest.  SPI must be connected.
 */
void
wf_pause_drop(const char *definition)
{
	Datum		value = CStringGetTextDatum(definition);

	wf_inval_changing(&watch);
	(void) wf_statement_execute(&end_statement, &value, NULL, 0);
	(void) wf_statement_execute(&drop_resting_statement, &value, NULL, 0);
}

/*
 * This transaction notes processes of an owner in workflow.resting.  The pause
 * that it saw may end before it commits, and executors that bring processes back
 * after the pause would not see these.  So tell all sessions of a change, and
 * the owner's executors of work, at commit.
 */
void
wf_pause_noting(int32 owner)
{
	wf_inval_changing(&watch);
	wf_wakeup_timer(owner, wf_clock_now());
}

/* --- bringing back ----------------------------------------------------- */

static bool
is_over(const Resting *rest, int32 owner)
{
	return !rest->paused && rest->owner == owner;
}

/* Did processes of this owner rest without a pause at the last wf_pause_look()? */
bool
wf_pause_is_over(int32 owner)
{
	for (int i = 0; i < nresting; i++)
		if (is_over(&resting[i], owner))
			return true;
	return false;
}

/* The ids in column 1 of SPI's last result. */
static ArrayType *
returned_ids(void)
{
	int			n = SPI_processed;
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	bool		isnull;

	for (int i = 0; i < n; i++)
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	return wf_uuid_array(ids, n);
}

/*
 * Lock a chunk of resting processes: those after the last chunk or, when that
 * was the end, from the beginning.  Returns how many, and their ids.
 */
static int
chunk(const char *name, int limit, ArrayType **ids)
{
	Datum		values[3] = {CStringGetTextDatum(name), UUIDPGetDatum(&brought_back),
	Int64GetDatum(limit)};
	int			n = wf_statement_execute(&chunk_statement, values, NULL, 0);
	bool		isnull;

	if (n > 0)
		brought_back = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[n - 1],
													SPI_tuptable->tupdesc, 1, &isnull));
	else
	{
		memset(&brought_back, 0, sizeof(brought_back));
		n = wf_statement_execute(&chunk_statement, values, NULL, 0);
	}
	*ids = returned_ids();
	return n;
}

/*
 * Bring back up to `limit` processes of one definition of this owner that rest
 * without a pause: lock them, except those that are locked by others, delete
 * their rows in workflow.resting, and unpark their timers.  Rows without a
 * process are deleted when a definition has no others.  Returns how many
 * processes it was.  SPI must be connected.
 */
int
wf_pause_bring_back(int32 owner, int limit)
{
	for (int i = 0; i < nresting; i++)
	{
		ArrayType  *ids;
		Datum		values[2];
		int			n;

		if (!is_over(&resting[i], owner))
			continue;
		n = chunk(resting[i].name, limit, &ids);
		values[0] = CStringGetTextDatum(resting[i].name);
		if (n == 0)
		{
			(void) wf_statement_execute(&forget_lost_statement, values, NULL, 0);
			continue;
		}
		values[1] = PointerGetDatum(ids);
		wf_statement_execute(&forget_statement, values, NULL, 0);
		wf_timer_unpark_many(ids, owner);
		return n;
	}
	return 0;
}

/*
 * Bring back those of n claimed processes that rest without a pause: their
 * parked timers may be due before those that were claimed.  Marks their rows as
 * overtaken.  SPI must be connected.
 */
void
wf_pause_overtaken(int32 owner, int n, WfRow **rows)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum		values[2];

	for (int i = 0; i < n; i++)
		ids[i] = UUIDPGetDatum(&rows[i]->id);
	values[1] = PointerGetDatum(wf_uuid_array(ids, n));
	for (int r = 0; r < nresting; r++)
	{
		uint64		found;
		bool		isnull;

		if (!is_over(&resting[r], owner))
			continue;
		values[0] = CStringGetTextDatum(resting[r].name);
		found = wf_statement_execute(&forget_statement, values, NULL, 0);
		for (uint64 f = 0; f < found; f++)
		{
			pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[f],
														 SPI_tuptable->tupdesc, 1, &isnull));

			for (int i = 0; i < n; i++)
				if (memcmp(&rows[i]->id, id, UUID_LEN) == 0)
					rows[i]->overtaken = true;
		}
		if (found > 0)
			wf_timer_unpark_many(returned_ids(), owner);
	}
}

/*-------------------------------------------------------------------------
 *
 * archive.c
 *	  What is removed goes into tables of users first.
 *
 * Runs in executors, logged in as the owner of what is archived, and in sessions of that
 * role that work by hand.  The caller has locked the rule.  Rows of the archive, what is
 * removed and how far the rule has come are one transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "archival/archive.h"
#include "archival/archive_table.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "eval/author_code.h"
#include "store/process_row.h"
#include "store/purge.h"
#include "store/run_expire.h"
#include "store/statement.h"

/* Processes or runs that a slice looks at, a piece after the other, and those that it archives. */
#define WALK	10000
#define PIECE	200
#define MOST	100

/* So many that fail are enough until the next walk. */
#define MOST_FAILED	100

/* $3 processes from $1 on: are they this rule's, $2, and have they outlived it?  $4: now. */
static WfStatement walk_processes_statement = {
	.sql = "SELECT p.id, COALESCE(k.id OPERATOR(pg_catalog.=) $2 AND" WF_PROCESS_ROW_IS_OVER("p")
	"  AND p.updated_at OPERATOR(pg_catalog.<) k.before, false)"
	" FROM workflow.process p"
	" LEFT JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	WF_KEEP_OF_PROCESS("$4")
	" WHERE p.id OPERATOR(pg_catalog.>) $1 ORDER BY p.id LIMIT $3",
	WF_ARGS(UUIDOID, INT4OID, INT8OID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement walk_runs_statement = {
	.sql = "SELECT h.run, COALESCE(k.id OPERATOR(pg_catalog.=) $2"
	"  AND h.ended_at OPERATOR(pg_catalog.<) k.before, false)"
	" FROM workflow.run_history h" WF_KEEP_OF_RUN("$4")
	" WHERE h.run OPERATOR(pg_catalog.>) $1 ORDER BY h.run LIMIT $3",
	WF_ARGS(UUIDOID, INT4OID, INT8OID, TIMESTAMPTZOID),
	.latest = true
};

/* The document of a process that is locked, and its tenant; none if it is not the rule's any more. */
static WfStatement process_statement = {
	.sql = "SELECT pg_catalog.jsonb_build_object('process', p.id, 'definition', d.name, 'version', d.version,"
	" 'key', p.key, 'outcome', " WF_KEEP_OUTCOME ", 'states', p.states, 'context', p.context,"
	" 'output', p.output, 'steps', p.step, 'started_by', p.started_by, 'started_at', p.started_at,"
	" 'ended_at', p.updated_at, 'parent', p.parent, 'invoke', p.invoke, 'tenant', p.tenant, 'history',"
	" (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('step', h.step, 'at', h.at, 'due', h.due,"
	"   'event', h.event, 'taken', h.taken, 'reason', h.reason, 'from', h.from_states, 'to', h.to_states,"
	"   'actor', h.actor, 'data', h.data) ORDER BY h.step)"
	"  FROM workflow.history h WHERE h.process OPERATOR(pg_catalog.=) p.id)), p.tenant"
	" FROM workflow.process p"
	" JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	WF_KEEP_OF_PROCESS("$3")
	" WHERE p.id OPERATOR(pg_catalog.=) $1 AND k.id OPERATOR(pg_catalog.=) $2 AND" WF_PROCESS_ROW_IS_OVER("p")
	" AND p.updated_at OPERATOR(pg_catalog.<) k.before",
	WF_ARGS(UUIDOID, INT4OID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement run_statement = {
	.sql = "SELECT pg_catalog.jsonb_build_object('run', h.run, 'job', j.name, 'version', j.version,"
	" 'queue', COALESCE(q.name, 'job:' OPERATOR(pg_catalog.||) j.name), 'partition', h.partition, 'key', h.key,"
	" 'outcome', workflow.run_state(h.state), 'attempts', h.attempts, 'params', h.params, 'result', h.result,"
	" 'error', h.error, 'actor', h.actor, 'worker', h.worker, 'started_by', h.started_by, 'due', h.due,"
	" 'started_at', h.begun, 'ended_at', h.ended_at, 'process', h.process)"
	" OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('invoke', h.invoke, 'tenant', h.tenant, 'log',"
	" (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('n', l.n, 'attempt', l.attempt, 'at', l.at,"
	"   'severity', l.severity, 'message', l.message, 'data', l.data) ORDER BY l.n)"
	"  FROM workflow.run_log l WHERE l.run OPERATOR(pg_catalog.=) h.run)), h.tenant"
	" FROM workflow.run_history h" WF_KEEP_OF_RUN("$3")
	" WHERE h.run OPERATOR(pg_catalog.=) $1 AND k.id OPERATOR(pg_catalog.=) $2"
	" AND h.ended_at OPERATOR(pg_catalog.<) k.before",
	WF_ARGS(UUIDOID, INT4OID, TIMESTAMPTZOID),
	.latest = true
};

/* All of it, as a member of itself. */
static WfStatement document_statement = {
	.sql = "SELECT $1 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('document', $1)",
	WF_ARGS(JSONBOID)
};

/* A slice is under way in this session. */
static bool under_way = false;

/* What a slice works with. */
typedef struct Slice
{
	WfArchive  *archive;
	bool		of_runs;
	WfAuthor	owner;
	WfUserContext bracket;
	SPIPlanPtr	plan;
	bool		document;		/* the archive has a column for all of it */
	Datum		value;			/* what is to be inserted */
	TimestampTz now;
	int			n;
	Datum	   *gone;			/* what has been archived, and is to be removed */
} Slice;

/* --- what goes there ------------------------------------------------------------------ */

/* Code of wf_author_code_run(): make the statement. */
static void
prepare(void *arg)
{
	Slice	   *slice = arg;

	slice->plan = wf_archive_table_prepare(slice->archive->rule->relation, slice->of_runs, &slice->document);
}

/* The same: insert a row. */
static void
insert(void *arg)
{
	Slice	   *slice = arg;
	int			code = SPI_execute_plan(slice->plan, &slice->value, NULL, false, 0);

	if (code < 0)
		elog(ERROR, "could not insert into an archive: %s", SPI_result_code_string(code));
}

/* Have it done by the owner, for a tenant. */
static void
run(Slice *slice, const char *tenant, WfAuthorCode code)
{
	slice->bracket = (WfUserContext) {.tenant = tenant};
	wf_author_code_run(&slice->owner, &slice->bracket, wf_author_code_until(), WF_LIMIT_OF_SETTING, code, slice);
	wf_user_context_leave(&slice->bracket);
}

/* The document of what is at hand, in slice->value; false: it is not the rule's any more. */
static bool
read_document(Slice *slice, char **tenant)
{
	Datum		values[3] = {UUIDPGetDatum(&slice->archive->item), Int32GetDatum(slice->archive->rule->id),
	TimestampTzGetDatum(slice->now)};
	Datum		value;
	bool		isnull;

	if (wf_statement_execute(slice->of_runs ? &run_statement : &process_statement, values, NULL, 1) == 0)
		return false;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	*tenant = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	slice->value = value;
	return true;
}

/* The archive has a column for all of it. */
static void
add_document(Slice *slice)
{
	bool		isnull;

	(void) wf_statement_execute(&document_statement, &slice->value, NULL, 1);
	slice->value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
}

/* Lock what is at hand; false: it is gone, or somebody has it. */
static bool
hold(const Slice *slice)
{
	WfRow		row;

	return slice->of_runs ? wf_run_expire_hold(&slice->archive->item, slice->now) :
		wf_process_row_lock_if_free(&slice->archive->item, &row);
}

/* Archive what is at hand, unless somebody has it; removed it is with the others. */
static void
archive_one(Slice *slice)
{
	char	   *tenant = NULL;
	pg_uuid_t  *id;

	if (!hold(slice) || !read_document(slice, &tenant))
		return;
	if (slice->document)
		add_document(slice);
	run(slice, tenant == NULL ? "" : tenant, insert);
	id = palloc(sizeof(pg_uuid_t));
	*id = slice->archive->item;
	slice->gone[slice->n++] = UUIDPGetDatum(id);
}

/* Remove what has been archived. */
static void
remove_all(Slice *slice)
{
	if (slice->n == 0)
		return;
	if (slice->of_runs)
		wf_run_expire_forget(slice->n, slice->gone);
	else
		wf_purge(wf_uuid_array(slice->gone, slice->n), WF_PURGE_ANY_SLOT, NULL);
	slice->archive->rule->archived += slice->n;
}

/* --- a slice -------------------------------------------------------------------------- */

/* A piece of a walk. */
typedef struct Piece
{
	int			n;
	pg_uuid_t	ids[PIECE];
	bool		wanted[PIECE];	/* it is to be archived */
} Piece;

/* The piece behind the position of the rule. */
static void
look(const Slice *slice, Piece *piece)
{
	WfKeep	   *rule = slice->archive->rule;
	Datum		values[4] = {UUIDPGetDatum(&rule->position), Int32GetDatum(rule->id), Int64GetDatum(PIECE),
	TimestampTzGetDatum(slice->now)};
	bool		isnull;

	piece->n = wf_statement_execute(slice->of_runs ? &walk_runs_statement : &walk_processes_statement, values, NULL, 0);
	for (int i = 0; i < piece->n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];

		piece->ids[i] = *DatumGetUUIDP(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		piece->wanted[i] = DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Archive what a piece has, up to what was claimed.  Returns whether that was all of it, and
 * there is time for another one.
 */
static bool
archive_piece(Slice *slice, const Piece *piece, WfArchiveIsUp is_up, void *arg)
{
	WfArchive  *archive = slice->archive;

	for (int i = 0; i < piece->n; i++)
	{
		if (piece->wanted[i])
		{
			if (archive->position == archive->claimed || (archive->position > 0 && is_up(arg)))
				return false;
			CHECK_FOR_INTERRUPTS();
			if (slice->plan == NULL)
				run(slice, NULL, prepare);
			archive->item = piece->ids[i];
			archive_one(slice);
			archive->position++;
		}
		archive->rule->position = piece->ids[i];
	}
	return true;
}

/* Archive what is found, piece by piece.  Returns whether the walk has come to its end. */
static bool
walk(Slice *slice, WfArchiveIsUp is_up, void *arg)
{
	Piece	   *piece = palloc(sizeof(Piece));

	for (int looked = 0; looked < WALK; looked += PIECE)
	{
		look(slice, piece);
		if (!archive_piece(slice, piece, is_up, arg))
			return false;
		if (piece->n < PIECE)
			return true;
	}
	return false;
}

/* A rule whose first slice this is has not failed yet in this pass. */
static void
begin_pass(WfKeep *rule)
{
	static const pg_uuid_t nobody;

	if (memcmp(&rule->position, &nobody, UUID_LEN) != 0)
		return;
	rule->failed = 0;
	rule->error = NULL;
}

static void
begin(WfArchive *archive, Slice *slice)
{
	WfKeep	   *rule = archive->rule;

	memset(slice, 0, sizeof(*slice));
	memset(&archive->item, 0, UUID_LEN);
	archive->claimed = 1;
	archive->position = 0;
	slice->archive = archive;
	slice->of_runs = strcmp(rule->kind, WF_KEEP_DEFINITION) != 0;
	slice->owner = (WfAuthor) {.role = GetUserId(),.search_path = rule->search_path,.time_zone = rule->time_zone};
	slice->now = wf_clock_now();
}

static void
do_slice(WfArchive *archive, int limit, WfArchiveIsUp is_up, void *arg)
{
	WfKeep	   *rule = archive->rule;
	Slice		slice;
	bool		end;

	begin(archive, &slice);
	archive->claimed = Min(limit, MOST);
	slice.gone = palloc(sizeof(Datum) * archive->claimed);
	begin_pass(rule);
	end = walk(&slice, is_up, arg);
	archive->claimed = archive->position = Max(1, archive->position);
	remove_all(&slice);
	rule->losses = 0;
	if (end)
	{
		rule->due = DT_NOEND;
		memset(&rule->position, 0, UUID_LEN);
	}
	wf_keep_update(rule);
}

/*
 * Archive the next up to `limit` processes or runs of a rule that is locked, as the current
 * user, who owns what it is for, and remove them; write how far it has come.  Error WF005 in
 * the code of a table that is being written to: what is at hand would be archived twice.  SPI
 * must be connected.
 */
void
wf_archive_slice(WfArchive *archive, int limit, WfArchiveIsUp is_up, void *arg)
{
	if (under_way)
		ereport(ERROR,
				(errcode(WF_ERR_BUSY),
				 errmsg("something is being archived by this very session")));
	under_way = true;
	PG_TRY();
	{
		do_slice(archive, limit, is_up, arg);
	}
	PG_FINALLY();
	{
		under_way = false;
	}
	PG_END_TRY();
}

/*
 * What was to be archived alone has failed: it is passed over; or, where nothing was at
 * hand yet, all of the rule.  Either is tried again when a walk finds it the next time, and
 * so is the rest when too many have failed.
 */
void
wf_archive_failed(WfKeep *rule, const pg_uuid_t *item, const ErrorData *error)
{
	static const pg_uuid_t nobody;

	begin_pass(rule);
	rule->failed++;
	rule->error = error->message;
	if (memcmp(item, &nobody, UUID_LEN) != 0)
		rule->position = *item;
	if (memcmp(item, &nobody, UUID_LEN) == 0 || rule->failed % MOST_FAILED == 0)
		rule->due = DT_NOEND;
	wf_keep_update(rule);
}

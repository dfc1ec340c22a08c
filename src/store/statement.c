/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  Executes our own SQL: its plans, its rights, and what it sees.
 *
 * Runs in any backend.  Our tables carry no grants: every statement of ours
 * executes as the owner of the extension's tables, under a search_path that
 * nobody can plant objects in, and is planned under settings that keep its
 * shape whatever the statistics of the moment say.  Everything else in the
 * server is left alone: the author's SQL is executed by eval/.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "shmem/inval.h"
#include "store/statement.h"

#define PINNED_PATH "pg_catalog, pg_temp"

/* True while a statement of ours is being planned and executed. */
static bool running_own = false;

/* See wf_statement_look_only(). */
static bool look_only = false;

static planner_hook_type previous_planner = NULL;

static PlannedStmt *
plan_as_usual(Query *parse, const char *query_string, int options,
			  ParamListInfo params)
{
	planner_hook_type next = previous_planner ? previous_planner : standard_planner;

	return next(parse, query_string, options, params);
}

/*
 * The planner hook.  Our tables are empty or full from one second to the next,
 * and a generic plan made while a table was empty would be kept.  So our
 * statements are planned as if only index and tuple-id scans, taken in index
 * order and joined by nested loops, existed.  The planner still falls back to
 * anything else where there is no other way.  Other statements are planned as
 * usual.
 */
static const struct
{
	const char *name;
	const char *value;
}			shape[] =
{
	{"enable_bitmapscan", "off"},
	{"enable_hashagg", "on"},
	{"enable_hashjoin", "off"},
	{"enable_indexonlyscan", "on"},
	{"enable_indexscan", "on"},
	{"enable_material", "on"},
	{"enable_mergejoin", "off"},
	{"enable_nestloop", "on"},
	{"enable_seqscan", "off"},
	{"enable_sort", "off"},
	{"enable_tidscan", "on"}
};

/* Until the present nest level of settings ends; an error ends it, too. */
static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static PlannedStmt *
plan_statement(Query *parse, const char *query_string, int options,
			   ParamListInfo params)
{
	PlannedStmt *result;
	int			guc_level;

	if (!running_own)
		return plan_as_usual(parse, query_string, options, params);

	guc_level = NewGUCNestLevel();
	for (int i = 0; i < (int) lengthof(shape); i++)
		pin(shape[i].name, shape[i].value);
	result = plan_as_usual(parse, query_string, options, params);
	AtEOXact_GUC(false, guc_level);

	/*
	 * What there is no way around costs 1e10 now, which is not worth compiling
	 * each time it is executed.
	 */
	result->jitFlags = PGJIT_NONE;
	return result;
}

/* At library load: install the planner hook. */
void
wf_statement_init(void)
{
	previous_planner = planner_hook;
	planner_hook = plan_statement;
}

/*
 * The role that owns our tables.  Every statement asks, so it is kept until the
 * table changes.  Error 55000 without the extension.
 */
Oid
wf_statement_owner(void)
{
	static WfInval watch = {.table = "process"};
	static Oid	owner = InvalidOid;
	HeapTuple	tuple;

	if (likely(wf_inval_is_good(&watch)))
		return owner;
	wf_inval_begin(&watch);
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(watch.relation));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"workflow\" is not installed in this database")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Take the rights of the owner of our tables and the pinned search_path, for a
 * stretch of several statements: raise, wf_statement_execute_raised() each,
 * restore.  No code of users may run in between.  An abort restores both.
 *
 * The generic plans of our statements are used whatever the session says of
 * plan_cache_mode, which outranks CURSOR_OPT_GENERIC_PLAN.
 */
void
wf_statement_raise_rights(WfRights *saved)
{
	Oid			owner = wf_statement_owner();
	bool		other_path = strcmp(namespace_search_path, PINNED_PATH) != 0;
	bool		other_plans = plan_cache_mode == PLAN_CACHE_MODE_FORCE_CUSTOM_PLAN;

	GetUserIdAndSecContext(&saved->user, &saved->sec_context);
	saved->guc_level = other_path || other_plans ? NewGUCNestLevel() : 0;
	if (other_path)
		pin("search_path", PINNED_PATH);
	if (other_plans)
		pin("plan_cache_mode", "auto");
	SetUserIdAndSecContext(owner,
						   saved->sec_context | SECURITY_LOCAL_USERID_CHANGE);
}

/* Give back what wf_statement_raise_rights() took. */
void
wf_statement_restore_rights(const WfRights *saved)
{
	if (saved->guc_level > 0)
		AtEOXact_GUC(false, saved->guc_level);
	SetUserIdAndSecContext(saved->user, saved->sec_context);
}

/* Prepare a statement for the session, under raised rights. */
static void
prepare(WfStatement *statement)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql, statement->nargs,
										  statement->args,
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a plan");
	statement->plan = plan;
}

/*
 * Say whether our statements only look from now on.  Then they see what the
 * caller's statement sees, as those of a STABLE function must, and all that this
 * transaction has done.  Each SQL-callable function says so when it connects
 * SPI, and restores what held before, which is returned, when it ends: calls
 * may be nested.
 */
bool
wf_statement_look_only(bool look)
{
	bool		before = look_only;

	look_only = look;
	return before;
}

/*
 * A snapshot for looking: what the caller's statement sees of other
 * transactions, and all that this one has done so far, in the caller's statement
 * as well: SELECT get(start(...)).
 */
static void
push_look_snapshot(void)
{
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
}

/*
 * What a statement of ours would see now becomes the active snapshot, until the
 * caller pops it: for those who read tables without a statement.
 */
void
wf_statement_push_snapshot(void)
{
	if (look_only)
	{
		push_look_snapshot();
		return;
	}
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* wf_statement_execute() for a caller that has raised its rights itself. */
uint64
wf_statement_execute_raised(WfStatement *statement, Datum *values, const char *nulls, long limit)
{
	int			code = 0;
	bool		looking = look_only;	/* a function of ours in there may change it */

	if (statement->plan == NULL)
		prepare(statement);

	running_own = true;
	PG_TRY();
	{
		if (statement->latest && IsolationUsesXactSnapshot())
			code = SPI_execute_snapshot(statement->plan, values, nulls,
										GetLatestSnapshot(), GetTransactionSnapshot(),
										false, false, limit);
		else
		{
			if (looking)
				push_look_snapshot();
			code = SPI_execute_plan(statement->plan, values, nulls, looking, limit);
			if (looking)
				PopActiveSnapshot();
			look_only = looking;
		}
	}
	PG_FINALLY();
	{
		running_own = false;
	}
	PG_END_TRY();

	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(code));
	return SPI_processed;
}

/*
 * Execute one statement with the rights of the owner of our tables and the
 * pinned search_path.  values, nulls and limit are those of SPI_execute_plan.
 * Rows are in SPI_tuptable; returns their number, or that of the rows that were
 * written.  SPI must be connected.  Error 40001 for a statement that must find
 * the latest rows and whose snapshot does not show them.
 */
uint64
wf_statement_execute(WfStatement *statement, Datum *values, const char *nulls, long limit)
{
	WfRights	saved;
	uint64		processed;

	wf_statement_raise_rights(&saved);
	processed = wf_statement_execute_raised(statement, values, nulls, limit);
	wf_statement_restore_rights(&saved);
	return processed;
}

/*
 * Execute a statement that calls functions of our API, with the rights and under the path of
 * the current user, as if they had called them; it names nothing else.  It is planned as any
 * other statement of theirs.  Otherwise as wf_statement_execute().
 */
uint64
wf_statement_call(WfStatement *statement, Datum *values, const char *nulls)
{
	int			code;

	if (statement->plan == NULL)
		prepare(statement);
	code = SPI_execute_plan(statement->plan, values, nulls, false, 0);
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(code));
	return SPI_processed;
}

/* Connect SPI, for statements that write or lock rows. */
void
wf_statement_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	(void) wf_statement_look_only(false);
}

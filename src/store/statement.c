/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Transactions of background workers, and the rights of our own SQL.
 *
 * Runs in any backend.  Our tables carry no grants: every statement of ours
 * executes as the owner of the extension's tables, under a search_path that
 * nobody can plant objects in, and is planned under settings that keep its
 * shape whatever the statistics of the moment say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/planner.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "store/statement.h"
#include "shmem/inval.h"

#define PINNED_PATH "pg_catalog, pg_temp"

/* True while a statement of ours is being planned and executed. */
static bool running_own = false;

/* See wf_look_only(). */
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
 * Our tables are empty or full from one second to the next, and a generic
 * plan made while a table was empty would be kept.  So our statements are
 * planned as if only index and tuple-id scans, taken in index order and
 * joined by nested loops, existed.  The planner still falls back to anything
 * else where there is no other way.
 */
static PlannedStmt *
plan_statement(Query *parse, const char *query_string, int options,
			   ParamListInfo params)
{
	bool		seqscan = enable_seqscan;
	bool		bitmapscan = enable_bitmapscan;
	bool		sort = enable_sort;
	bool		hashjoin = enable_hashjoin;
	bool		mergejoin = enable_mergejoin;
	bool		indexscan = enable_indexscan;
	bool		tidscan = enable_tidscan;
	bool		nestloop = enable_nestloop;
	PlannedStmt *volatile result = NULL;

	if (!running_own)
		return plan_as_usual(parse, query_string, options, params);

	PG_TRY();
	{
		enable_seqscan = enable_bitmapscan = enable_sort = false;
		enable_hashjoin = enable_mergejoin = false;
		enable_indexscan = enable_tidscan = enable_nestloop = true;
		result = plan_as_usual(parse, query_string, options, params);

		/*
		 * What there is no way around costs 1e10 now, which is not worth
		 * compiling each time it is executed.
		 */
		result->jitFlags = PGJIT_NONE;
	}
	PG_FINALLY();
	{
		enable_seqscan = seqscan;
		enable_bitmapscan = bitmapscan;
		enable_sort = sort;
		enable_hashjoin = hashjoin;
		enable_mergejoin = mergejoin;
		enable_indexscan = indexscan;
		enable_tidscan = tidscan;
		enable_nestloop = nestloop;
	}
	PG_END_TRY();

	return result;
}

void
wf_session_init(void)
{
	previous_planner = planner_hook;
	planner_hook = plan_statement;
}

Oid
wf_extension_oid(void)
{
	return get_extension_oid("workflow", true);
}

bool
wf_begin(const char *activity, Oid extension)
{
	Oid			found;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	pgstat_report_activity(STATE_RUNNING, activity);

	/*
	 * DROP EXTENSION locks the extension object before its tables; taking
	 * the same lock first keeps us from deadlocking with it.  Look again once
	 * we have the lock: it may have been dropped, or dropped and created.
	 */
	found = wf_extension_oid();
	if (OidIsValid(found))
	{
		LockDatabaseObject(ExtensionRelationId, found, 0, AccessShareLock);
		if (wf_extension_oid() != found)
			found = InvalidOid;
	}
	if (!OidIsValid(found) || (OidIsValid(extension) && extension != found))
	{
		CommitTransactionCommand();
		pgstat_report_activity(STATE_IDLE, NULL);
		return false;
	}

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	(void) wf_look_only(false);
	PushActiveSnapshot(GetTransactionSnapshot());
	return true;
}

void
wf_commit(void)
{
	MemoryContext context = TopMemoryContext;

	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
wf_abort(MemoryContext context)
{
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
	FlushErrorState();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The role that owns our tables: kept, as every statement asks. */
static Oid
tables_owner(void)
{
	static WfWatch watch = {.table = "process"};
	static Oid	owner = InvalidOid;
	HeapTuple	tuple;

	if (likely(wf_watch_is_good(&watch)))
		return owner;
	wf_watch_begin(&watch);
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(watch.relation));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"workflow\" is not installed in this database")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
wf_rights_raise(WfRights *saved)
{
	Oid			owner = tables_owner();

	GetUserIdAndSecContext(&saved->user, &saved->sec_context);
	saved->guc_level = 0;
	if (strcmp(namespace_search_path, PINNED_PATH) != 0)
	{
		saved->guc_level = NewGUCNestLevel();
		(void) set_config_option("search_path", PINNED_PATH,
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	SetUserIdAndSecContext(owner,
						   saved->sec_context | SECURITY_LOCAL_USERID_CHANGE);
}

void
wf_rights_restore(const WfRights *saved)
{
	if (saved->guc_level > 0)
		AtEOXact_GUC(false, saved->guc_level);
	SetUserIdAndSecContext(saved->user, saved->sec_context);
}

/* Prepare a statement under raised rights; all or nothing. */
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

bool
wf_look_only(bool look)
{
	bool		before = look_only;

	look_only = look;
	return before;
}

/*
 * What the caller's statement sees of others, and all that this transaction
 * has done so far, this very statement's included: SELECT get(start(...)).
 */
static void
push_look_snapshot(void)
{
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
}

uint64
wf_run(WfStatement *statement, Datum *values, const char *nulls, long limit)
{
	int			code = 0;

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
			if (look_only)
				push_look_snapshot();
			code = SPI_execute_plan(statement->plan, values, nulls, look_only, limit);
			if (look_only)
				PopActiveSnapshot();
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

uint64
wf_execute(WfStatement *statement, Datum *values, const char *nulls, long limit)
{
	WfRights	saved;
	uint64		processed;

	wf_rights_raise(&saved);
	processed = wf_run(statement, values, nulls, limit);
	wf_rights_restore(&saved);
	return processed;
}

static ParamListInfo
parameters_of(const WfStatement *statement, const Datum *values)
{
	ParamListInfo list = makeParamList(statement->nargs);

	for (int i = 0; i < statement->nargs; i++)
	{
		list->params[i].value = values[i];
		list->params[i].isnull = false;
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i].ptype = statement->args[i];
	}
	return list;
}

void
wf_run_into(WfStatement *statement, const Datum *values, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.params = parameters_of(statement, values),.dest = receiver};
	int			code = 0;

	if (statement->plan == NULL)
		prepare(statement);

	running_own = true;
	PG_TRY();
	{
		code = SPI_execute_plan_extended(statement->plan, &options);
	}
	PG_FINALLY();
	{
		running_own = false;
	}
	PG_END_TRY();

	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(code));
}

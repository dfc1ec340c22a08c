/*-------------------------------------------------------------------------
 *
 * bgworker.c
 *	  Background workers: how they are started, and how they begin.
 *
 * Only this file fills a BackgroundWorker.  Runs in the postmaster
 * (registration of the launcher) and in our background workers.  No locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker_internals.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "eval/neutral_value.h"
#include "shmem/membership.h"
#include "shmem/owner.h"

#define RESTART_SECONDS				1	/* of static workers */
#define BACK_OFF_MIN				1000	/* ms */

StaticAssertDecl(sizeof(WfBgworkerArgs) <= BGW_EXTRALEN,
				 "arguments of a worker must fit into bgw_extra");

static const char *const kind_names[] = {
	[WF_BGWORKER_LAUNCHER] = "workflow launcher",
	[WF_BGWORKER_RUNTIME] = "workflow runtime",
	[WF_BGWORKER_EXECUTOR] = "workflow executor",
	[WF_BGWORKER_LINK] = "workflow link",
	[WF_BGWORKER_COURIER] = "workflow courier",
	[WF_BGWORKER_PLACED] = "workflow placed",
	[WF_BGWORKER_FILES] = "workflow files",
	[WF_BGWORKER_FETCH] = "workflow files",
	[WF_BGWORKER_WATCHER] = "workflow watcher"
};

static const char *const main_functions[] = {
	[WF_BGWORKER_LAUNCHER] = "wf_launcher_main",
	[WF_BGWORKER_RUNTIME] = "wf_runtime_main",
	[WF_BGWORKER_EXECUTOR] = "wf_executor_main",
	[WF_BGWORKER_LINK] = "wf_link_process_main",
	[WF_BGWORKER_COURIER] = "wf_courier_main",
	[WF_BGWORKER_PLACED] = "wf_placed_executor_main",
	[WF_BGWORKER_FILES] = "wf_file_worker_main",
	[WF_BGWORKER_FETCH] = "wf_file_fetch_main",
	[WF_BGWORKER_WATCHER] = "wf_watcher_main"
};

/*
 * Settings on which our SQL or our promises depend.  Made once, with a source
 * that outranks configuration files, ALTER DATABASE and ALTER ROLE; what user
 * code SETs later outranks it, and is reset by wf_bgworker_pin().  How queries
 * are planned is not among them: user code has its owner's settings, as in a
 * client's session, and store/statement.c sees to our own statements.
 */
static const struct
{
	const char *name;
	const char *value;
}			pinned[] =
{
	{"search_path", "pg_catalog, pg_temp"},
	{"role", "none"},
	{"session_replication_role", "origin"},
	{"row_security", "on"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"statement_timeout", "0"},
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
#if PG_VERSION_NUM >= 170000
	{"transaction_timeout", "0"},
	{"restrict_nonsystem_relation_kind", ""},
#endif
	{"exit_on_error", "off"},
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"max_parallel_maintenance_workers", "0"},
	{WF_DEBUG_PARALLEL_QUERY, "off"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"workflow.traceparent", ""}
};

static volatile sig_atomic_t terminated = false;

/* When we were told last, by the real steady clock; read by signal handlers of ours only. */
static int64 told_to_end = 0;

/* For the error context: names of database and role. */
static char *context_database = NULL;
static char *context_role = NULL;

static bool role_is_superuser = false;

/* The search_path that the role would have had. */
static char *own_path = NULL;

/* --- starting ------------------------------------------------------------ */

/* A standby may be a member of another server's cluster, that of its primary. */
static bool
works_on_standby(WfBgworkerKind kind)
{
	return kind == WF_BGWORKER_LINK || kind == WF_BGWORKER_COURIER || kind == WF_BGWORKER_PLACED ||
		kind == WF_BGWORKER_FETCH;
}

/* What all of our workers have in common. */
static void
describe(BackgroundWorker *worker, WfBgworkerKind kind)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = works_on_standby(kind) ? BgWorkerStart_ConsistentState : BgWorkerStart_RecoveryFinished;
	strlcpy(worker->bgw_name, kind_names[kind], BGW_MAXLEN);
	strlcpy(worker->bgw_type, kind_names[kind], BGW_MAXLEN);
	strlcpy(worker->bgw_library_name, "workflow",
			sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, main_functions[kind], BGW_MAXLEN);
}

/* Of this postmaster; its children inherit it. */
static bool registered = false;

/* Is the launcher among the workers of the postmaster? */
static bool
is_listed(void)
{
	WF_WORKERS_ITER cursor;

	WF_WORKERS_FOREACH(cursor, &BackgroundWorkerList)
	{
		const RegisteredBgWorker *one = WF_WORKERS_CONTAINER(RegisteredBgWorker, rw_lnode, cursor.cur);

		if (strcmp(one->rw_worker.bgw_name, kind_names[WF_BGWORKER_LAUNCHER]) == 0)
			return true;
	}
	return false;
}

static void
register_static(WfBgworkerKind kind)
{
	BackgroundWorker worker;
	WfBgworkerArgs args = {.kind = kind};

	describe(&worker, kind);
	worker.bgw_restart_time = RESTART_SECONDS;
	memcpy(worker.bgw_extra, &args, sizeof(args));
	RegisterBackgroundWorker(&worker);
}

/* _PG_init's part: ask the postmaster for the launcher, and the link if there is another server. */
void
wf_bgworker_register(void)
{
	register_static(WF_BGWORKER_LAUNCHER);
	registered = is_listed();
	if (wf_remote[0] != '\0')
		register_static(WF_BGWORKER_LINK);
}

/* Did the postmaster accept the launcher?  It does not if there is no room. */
bool
wf_bgworker_is_registered(void)
{
	return registered;
}

/*
 * Ask the postmaster for a worker that is not restarted by itself, and to be
 * told when it starts or ends.  Gives a handle (in TopMemoryContext), or NULL
 * when max_worker_processes is exhausted.
 */
BackgroundWorkerHandle *
wf_bgworker_start(const WfBgworkerArgs *args)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle = NULL;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	bool		registered;

	describe(&worker, args->kind);
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, args, sizeof(*args));
	if (args->kind == WF_BGWORKER_EXECUTOR)
		snprintf(worker.bgw_name, BGW_MAXLEN,
				 "workflow executor for owner %d of database %u",
				 args->owner, args->dbid);
	else if (args->kind == WF_BGWORKER_RUNTIME || args->kind == WF_BGWORKER_FILES ||
			 args->kind == WF_BGWORKER_WATCHER)
		snprintf(worker.bgw_name, BGW_MAXLEN,
				 "%s for database %u", kind_names[args->kind], args->dbid);

	registered = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(old);
	return registered ? handle : NULL;
}

/*
 * Is one that this process has started at work, or still to come?  *handle: that of it, or
 * NULL; it is freed, and NULL, when the worker has ended.
 */
bool
wf_bgworker_is_there(BackgroundWorkerHandle **handle)
{
	pid_t		pid;
	BgwHandleStatus status = *handle == NULL ? BGWH_STOPPED : GetBackgroundWorkerPid(*handle, &pid);

	if (status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED)
		return true;
	if (*handle != NULL)
		pfree(*handle);
	*handle = NULL;
	return false;
}

/* What this worker was told. */
const WfBgworkerArgs *
wf_bgworker_args(void)
{
	return (const WfBgworkerArgs *) MyBgworkerEntry->bgw_extra;
}

/* --- beginning ----------------------------------------------------------- */

/* SIGTERM: as in any backend, but we remember why. */
static void
on_terminate(SIGNAL_ARGS)
{
	terminated = true;
	told_to_end = wf_clock_real_steady();
	die(postgres_signal_arg);
}

/*
 * First thing in a worker.  The callback is registered before there is
 * anything to clean up, and before InitPostgres registers the one that aborts
 * transactions: that one runs first, so that row locks are free when `leave`
 * tells others.
 */
void
wf_bgworker_prepare(pg_on_exit_callback leave)
{
	before_shmem_exit(leave, (Datum) 0);

	pqsignal(SIGTERM, on_terminate);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);

	/* only an executor runs anything that could be cancelled */
	if (wf_bgworker_args()->kind != WF_BGWORKER_EXECUTOR && wf_bgworker_args()->kind != WF_BGWORKER_PLACED)
		pqsignal(SIGINT, SIG_IGN);
	BackgroundWorkerUnblockSignals();
}

/* Whose work went wrong, for each line in the log. */
static void
error_context(void *arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	if (args->kind == WF_BGWORKER_EXECUTOR)
		errcontext("workflow executor of database \"%s\", owner %d (\"%s\")",
				   context_database ? context_database : "?", args->owner,
				   context_role ? context_role : "?");
	else if (args->kind == WF_BGWORKER_RUNTIME)
		errcontext("workflow runtime of database \"%s\"",
				   context_database ? context_database : "?");
	else
		errcontext("%s in database \"%s\"%s%s", kind_names[args->kind], context_database ? context_database : "?",
				   context_role ? ", role " : "", context_role ? context_role : "");
}

/* Names for log lines, looked up once while that is possible. */
static void
learn_names(const WfBgworkerArgs *args)
{
	static ErrorContextCallback callback;
	MemoryContext old;
	char	   *database;

	StartTransactionCommand();
	database = get_database_name(MyDatabaseId);
	old = MemoryContextSwitchTo(TopMemoryContext);
	if (database)
		context_database = pstrdup(database);
	if (OidIsValid(args->role))
	{
		char	   *role = GetUserNameFromId(args->role, true);

		context_role = role ? pstrdup(role) : NULL;
		role_is_superuser = superuser_arg(args->role);
	}
	MemoryContextSwitchTo(old);
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);

	callback.callback = error_context;
	callback.arg = NULL;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
}

/*
 * Pin the settings of the session.  synchronous_commit stays what the server
 * has it, only a role's or database's own idea of it does not count.
 */
static void
settle(const char *synchronous_commit)
{
	for (int i = 0; i < (int) lengthof(pinned); i++)
		SetConfigOption(pinned[i].name, pinned[i].value,
						PGC_SUSET, PGC_S_OVERRIDE);

	if (strcmp(synchronous_commit,
			   GetConfigOption("synchronous_commit", false, false)) != 0)
		SetConfigOption("synchronous_commit", synchronous_commit,
						PGC_SUSET, PGC_S_OVERRIDE);

	SetConfigOption("application_name", kind_names[wf_bgworker_args()->kind],
					PGC_USERSET, PGC_S_OVERRIDE);
}

/*
 * Connect to what the arguments say, or to the database of another server's runs: on a
 * standby that is the same one as there.
 */
static void
connect_to_database(const WfBgworkerArgs *args)
{
	WfMembership member;

	wf_membership_get(&member);
	if (args->kind == WF_BGWORKER_COURIER || args->kind == WF_BGWORKER_FETCH)
		BackgroundWorkerInitializeConnection(args->reads_only ? member.database : wf_remote_database, NULL, 0);
	else
		BackgroundWorkerInitializeConnectionByOid(args->dbid, args->role, 0);
}

/* Who reads no table is connected to shared catalogs only. */
static bool
needs_no_database(const WfBgworkerArgs *args)
{
	return args->kind == WF_BGWORKER_LAUNCHER || args->kind == WF_BGWORKER_LINK ||
		(args->kind == WF_BGWORKER_FETCH && !args->reads_only);
}

/*
 * Connect to the database and role of the arguments, if any, and settle the session: settings that ALTER ROLE or ALTER DATABASE must not
 * bend, names for activity and log lines.
 */
void
wf_bgworker_connect(void)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	const char *configured;
	char	   *synchronous_commit;

	wf_neutral_value_note();
	if (needs_no_database(args))
	{
		BackgroundWorkerInitializeConnection(NULL, NULL, 0);
		return;
	}

	configured = GetConfigOption("synchronous_commit", false, false);
	synchronous_commit = MemoryContextStrdup(TopMemoryContext, configured);
	connect_to_database(args);
	own_path = MemoryContextStrdup(TopMemoryContext, GetConfigOption("search_path", false, false));
	settle(synchronous_commit);
	pfree(synchronous_commit);
	learn_names(args);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* --- going on ------------------------------------------------------------ */

/*
 * RESET ALL, in effect: whatever was SET goes back to what settle() and the
 * owner's ALTER ROLE SET made of it.  RESET ALL leaves the role alone.
 */
void
wf_bgworker_pin(void)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	ResetAllOptions();
	if (OidIsValid(GetCurrentRoleId()))
		SetConfigOption("role", NULL, PGC_USERSET, PGC_S_SESSION);
	if (OidIsValid(args->role) && GetUserId() != args->role)
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("session user of a workflow executor was changed")));
}

/* The search_path that the role, and the database, have configured. */
const char *
wf_bgworker_own_path(void)
{
	return own_path;
}

/* Was the role a superuser when this worker logged in? */
bool
wf_bgworker_superuser(void)
{
	return role_is_superuser;
}

/* Was this worker told to go (SIGTERM)? */
bool
wf_bgworker_terminated(void)
{
	return terminated;
}

/*
 * When this worker was told to go last (SIGTERM), by wf_clock_real_steady(); 0: it was
 * not.  For signal handlers, in which no other one interrupts.
 */
int64
wf_bgworker_told_to_end(void)
{
	return told_to_end;
}

/*
 * The row of a database, copied, by a key of an index; NULL: there is none.  Who is
 * connected to no database knows no index after a crash, before somebody has connected to one.
 */
static HeapTuple
find_database(ScanKey key, Oid index)
{
	Relation	relation = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, index, criticalSharedRelcachesBuilt, NULL, 1, key);
	HeapTuple	tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return tuple;
}

/*
 * May somebody work in that database?  Not in templates, for instance.  Needs
 * a transaction of its own, begun after whoever asks for the look was heard.
 */
bool
wf_bgworker_welcome(Oid dbid, bool *exists)
{
	ScanKeyData key;
	HeapTuple	tuple;
	Form_pg_database form;

	ScanKeyInit(&key, Anum_pg_database_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(dbid));
	tuple = find_database(&key, DatabaseOidIndexId);
	*exists = HeapTupleIsValid(tuple);
	if (!*exists)
		return false;
	form = (Form_pg_database) GETSTRUCT(tuple);
	return form->datallowconn && !form->datistemplate;
}

/* Is there a database of that name?  Needs a transaction. */
bool
wf_bgworker_finds(const char *database)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(database));
	return HeapTupleIsValid(find_database(&key, DatabaseNameIndexId));
}

/*
 * Answer interrupts between transactions.  A worker that has to go does so
 * without a word then; only static ones must end with a failure, or they would
 * not be started again.
 */
void
wf_bgworker_interrupts(void)
{
	WfBgworkerKind kind = wf_bgworker_args()->kind;

	if (terminated)
		proc_exit(kind == WF_BGWORKER_LAUNCHER || kind == WF_BGWORKER_LINK ? 1 : 0);

	/* nothing is running that somebody may have wanted to cancel */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/*
 * The real time before which what failed `failures` times in a row is not to
 * be tried again: now + 1 s, 2 s, 4 s up to a minute.
 */
TimestampTz
wf_bgworker_back_off(int failures)
{
	int			delay = WF_OWNER_BACK_OFF_MAX;

	if (failures < 7)
		delay = Min(delay, BACK_OFF_MIN << Max(failures - 1, 0));
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  All settings of the extension.
 *
 * wf_guc_init() defines them, in the postmaster if the library is preloaded;
 * every process reads its own copy without a lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/guc.h"
#include "base/span.h"

int			wf_max_executors = 4;
int			wf_max_job_executors = 4;
int			wf_max_databases = 64;
int			wf_max_owners = 1024;
int			wf_max_partitions = 10000;
int			wf_max_runtimes = 128;
int			wf_max_costs = 1000;
char	   *wf_runtime_id = NULL;
int			wf_max_remote_executors = 4;

bool		wf_enabled = true;
int			wf_batch_size = 200;
int			wf_batch_time = 10;
int			wf_executor_idle_timeout = 300;
int			wf_runtime_idle_timeout = 300;
int			wf_retention = 0;
int			wf_load_retention = 30 * 24 * 60;
int			wf_sweep_interval = 30;
int			wf_step_timeout = 0;
int			wf_max_microsteps = 1000;
int			wf_max_deferred = 1000;
int			wf_max_invoke_depth = 100;
int			wf_max_context_size = 65536;
int			wf_max_attempts = 5;
int			wf_retry_delay = 1000;
int			wf_retry_max_delay = 300000;
int			wf_shortage_limit = 86400;
bool		wf_log_attempts = false;
bool		wf_track_costs = true;
int			wf_careful_backlog = 1000;
bool		wf_allow_superuser = false;
bool		wf_require_sync = false;
int			wf_shutdown_timeout = 0;
char	   *wf_remote = NULL;
char	   *wf_remote_database = NULL;

int			wf_unknown_events = WF_UNKNOWN_EVENTS_WARNING;

char	   *wf_file_directory = NULL;
char	   *wf_trigger_directories = NULL;
bool		wf_file_keep_changes = false;

char	   *wf_tenant = NULL;
char	   *wf_traceparent = NULL;
char	   *wf_test_clock = NULL;
int			wf_test_steady_clock = -1;

static const struct config_enum_entry unknown_events[] = {
	{"warning", WF_UNKNOWN_EVENTS_WARNING, false},
	{"error", WF_UNKNOWN_EVENTS_ERROR, false},
	{NULL, 0, false}
};

#define SECONDS_PER_DAY		86400
#define MS_PER_DAY			86400000

/*
 * Define an integer setting.  Its default is the initial value of the
 * variable.
 */
static void
define_int(const char *name, const char *description, int *variable,
		   int min, int max, GucContext context, int flags)
{
	DefineCustomIntVariable(name,
							description,
							NULL,	/* long description */
							variable,
							*variable,	/* default: its initial value */
							min,
							max,
							context,
							flags,
							NULL,	/* check hook */
							NULL,	/* assign hook */
							NULL);	/* show hook */
}

static void
define_bool(const char *name, const char *description, bool *variable,
			GucContext context)
{
	DefineCustomBoolVariable(name,
							 description,
							 NULL,	/* long description */
							 variable,
							 *variable, /* default: its initial value */
							 context,
							 0,		/* flags */
							 NULL,	/* check hook */
							 NULL,	/* assign hook */
							 NULL); /* show hook */
}

/* Is this the name of a tenant, or empty? */
static bool
check_tenant(char **value, void **extra, GucSource source)
{
	if (strlen(*value) <= WF_TENANT_MAX)
		return true;
	GUC_check_errdetail("The name of a tenant has at most %d bytes.", WF_TENANT_MAX);
	return false;
}

/* Check hook: a trace context, which becomes one as we keep it, or empty. */
static bool
check_traceparent(char **value, void **extra, GucSource source)
{
	/* it is not longer than what was given */
	if ((*value)[0] == '\0' || wf_span_read(*value, *value))
		return true;
	GUC_check_errhint(WF_SPAN_HINT);
	return false;
}

/* Check hook: an id fits into a row. */
static bool
check_runtime_id(char **value, void **extra, GucSource source)
{
	if (*value == NULL || strlen(*value) <= WF_RUNTIME_ID_MAX)
		return true;
	GUC_check_errdetail("An id has at most %d bytes.", WF_RUNTIME_ID_MAX);
	return false;
}

/* The settings that size shared memory; they are fixed at server start. */
static void
define_sizes(void)
{
	define_int("workflow.max_executors",
			   "Sets the maximum number of executors that step processes.",
			   &wf_max_executors, 0, WF_MAX_EXECUTORS_MAX,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_job_executors",
			   "Sets the maximum number of executors that do runs of jobs.",
			   &wf_max_job_executors, 0, WF_MAX_EXECUTORS_MAX,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_databases",
			   "Sets the maximum number of databases with the extension.",
			   &wf_max_databases, 1, WF_MAX_DATABASES_MAX,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_owners",
			   "Sets the maximum number of owners of work in all databases.",
			   &wf_max_owners, 1, WF_MAX_OWNERS_MAX,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_partitions",
			   "Sets the maximum number of queues, partitions and limits whose runs are counted.",
			   &wf_max_partitions, 16, 1000000,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_runtimes",
			   "Sets the maximum number of living runtimes of other servers, in all databases.",
			   &wf_max_runtimes, 1, WF_MAX_RUNTIMES_MAX,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_costs",
			   "Sets how many functions and expressions are told apart in what code costs.",
			   &wf_max_costs, 0, WF_MAX_COSTS_MAX,
			   PGC_POSTMASTER, 0);
	define_int("workflow.max_remote_executors",
			   "Sets the maximum number of executors that do runs of another server.",
			   &wf_max_remote_executors, 1, WF_MAX_REMOTE_EXECUTORS,
			   PGC_POSTMASTER, 0);
}

/* This server among those that share its work. */
static void
define_identity(void)
{
	DefineCustomStringVariable("workflow.runtime_id",
							   "Sets the id of this server among the runtimes that share its work.",
							   "Empty: made of the name of the host, the port and the data directory.",
							   &wf_runtime_id,
							   "",	/* default */
							   PGC_POSTMASTER,
							   0,	/* flags */
							   check_runtime_id,
							   NULL,	/* assign hook */
							   NULL);	/* show hook */
}

/* The server whose work this one shares. */
static void
define_remote(void)
{
	DefineCustomStringVariable("workflow.remote",
							   "Sets how to connect to the server whose work this one shares.",
							   "A connection string without a password; empty: there is none.",
							   &wf_remote,
							   "",	/* default */
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY,
							   NULL,	/* check hook */
							   NULL,	/* assign hook */
							   NULL);	/* show hook */
	DefineCustomStringVariable("workflow.remote_database",
							   "Sets the database in which this server does runs of the other one.",
							   "Empty: it does none.",
							   &wf_remote_database,
							   "",	/* default */
							   PGC_POSTMASTER,
							   0,	/* flags */
							   NULL,	/* check hook */
							   NULL,	/* assign hook */
							   NULL);	/* show hook */
}

/* The settings of background workers. */
static void
define_workers(void)
{
	define_bool("workflow.enabled",
				"Lets the background processes do work.",
				&wf_enabled, PGC_SIGHUP);
	define_int("workflow.batch_size",
			   "Sets how many timers an executor takes in one transaction at most.",
			   &wf_batch_size, 1, WF_BATCH_SIZE_MAX,
			   PGC_SIGHUP, 0);
	define_int("workflow.batch_time",
			   "Sets how much time guards and actions may take before a transaction is ended early.",
			   &wf_batch_time, 0, MS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_MS);
	define_int("workflow.executor_idle_timeout",
			   "Sets how long an executor without work is kept.",
			   &wf_executor_idle_timeout, 1, SECONDS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_S);
	define_int("workflow.runtime_idle_timeout",
			   "Sets how long the runtime of a database without work is kept.",
			   &wf_runtime_idle_timeout, 1, SECONDS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_S);
	define_int("workflow.retention",
			   "Sets how long processes that are over are kept; zero keeps them for ever.",
			   &wf_retention, 0, INT_MAX,
			   PGC_SIGHUP, GUC_UNIT_MIN);
	define_int("workflow.load_retention",
			   "Sets how long it is kept what was done in each minute; zero keeps it for ever.",
			   &wf_load_retention, 0, INT_MAX,
			   PGC_SIGHUP, GUC_UNIT_MIN);
	define_int("workflow.sweep_interval",
			   "Sets the time between searches for work that nobody announced.",
			   &wf_sweep_interval, 1, SECONDS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_S);
	define_int("workflow.careful_backlog",
			   "Sets how much overdue work is done one by one after a crash.",
			   &wf_careful_backlog, 0, INT_MAX,
			   PGC_SIGHUP, 0);
	define_bool("workflow.allow_superuser",
				"Lets superusers own definitions and jobs.",
				&wf_allow_superuser, PGC_SIGHUP);
	define_bool("workflow.require_sync",
				"Lets outside workers claim runs only while synchronous standbys confirm commits.",
				&wf_require_sync, PGC_SIGHUP);
	define_int("workflow.shutdown_timeout",
			   "Sets how long a shutdown waits for code that does not answer; zero waits for ever.",
			   &wf_shutdown_timeout, 0, MS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_MS);
}

/* Absolute paths with commas between them; canonicalized where they are used. */
static bool
check_directories(char **newval, void **extra, GucSource source)
{
	char	   *text = pstrdup(*newval);
	List	   *directories;
	ListCell   *cell;

	if (!SplitDirectoriesString(text, ',', &directories))
	{
		GUC_check_errdetail("List syntax is invalid.");
		return false;
	}
	foreach(cell, directories)
		if (!is_absolute_path((char *) lfirst(cell)))
		{
			GUC_check_errdetail("\"%s\" is no absolute path.", (char *) lfirst(cell));
			return false;
		}
	return true;
}

/* Where the files of a database are written to, and which are looked at for those of others. */
static void
define_files(void)
{
	DefineCustomStringVariable("workflow.file_directory",
							   "Sets the directory that this server writes files to.",
							   "Empty: it writes none. Each database needs one of its own.",
							   &wf_file_directory,
							   "",	/* default */
							   PGC_SUSET,
							   0,	/* flags */
							   NULL,	/* check hook */
							   NULL,	/* assign hook */
							   NULL);	/* show hook */
	DefineCustomStringVariable("workflow.trigger_directories",
							   "Sets the directories in which this server looks for files that make runs.",
							   "Absolute paths with commas between them; what is below them counts, too. Empty: in none.",
							   &wf_trigger_directories,
							   "",	/* default */
							   PGC_SUSET,
							   GUC_LIST_INPUT,
							   check_directories,
							   NULL,	/* assign hook */
							   NULL);	/* show hook */
	define_bool("workflow.file_keep_changes",
				"Keeps changes that others make to files in the directory.",
				&wf_file_keep_changes, PGC_SUSET);
}

/* The settings that limit a step, and those for a step that fails. */
static void
define_steps(void)
{
	define_int("workflow.step_timeout",
			   "Sets the maximum duration of a step; zero turns this off.",
			   &wf_step_timeout, 0, INT_MAX,
			   PGC_SIGHUP, GUC_UNIT_MS);
	define_int("workflow.max_microsteps",
			   "Sets how many transitions in a row one event may cause.",
			   &wf_max_microsteps, 1, INT_MAX,
			   PGC_SIGHUP, 0);
	define_int("workflow.max_invoke_depth",
			   "Sets how many levels of processes may invoke each other.",
			   &wf_max_invoke_depth, 0, INT_MAX,
			   PGC_SIGHUP, 0);
	define_int("workflow.max_deferred",
			   "Sets how many events a process may keep for later.",
			   &wf_max_deferred, 0, INT_MAX,
			   PGC_SIGHUP, 0);
	define_int("workflow.max_context_size",
			   "Sets the maximum size of the context of a process.",
			   &wf_max_context_size, 1, MAX_KILOBYTES,
			   PGC_SIGHUP, GUC_UNIT_KB);
	define_int("workflow.max_attempts",
			   "Sets how often an event that fails is tried.",
			   &wf_max_attempts, 1, SHRT_MAX,
			   PGC_SIGHUP, 0);
	define_int("workflow.retry_delay",
			   "Sets the delay before the second attempt; it doubles with each further one.",
			   &wf_retry_delay, 1, MS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_MS);
	define_int("workflow.retry_max_delay",
			   "Sets the longest delay between two attempts.",
			   &wf_retry_max_delay, 1, MS_PER_DAY,
			   PGC_SIGHUP, GUC_UNIT_MS);
	define_int("workflow.shortage_limit",
			   "Sets how long an event that meets a lack of disk, memory or the like is tried without counting attempts.",
			   &wf_shortage_limit, 0, INT_MAX,
			   PGC_SIGHUP, GUC_UNIT_S);
	define_bool("workflow.log_attempts",
				"Logs each attempt of an event that fails.",
				&wf_log_attempts, PGC_SIGHUP);
	define_bool("workflow.track_costs",
				"Measures what calls of guards, actions and commands of jobs cost.",
				&wf_track_costs, PGC_SUSET);
}

/* What each session may set for itself. */
static void
define_session(void)
{
	DefineCustomEnumVariable("workflow.unknown_events",
							 "Sets what is done about events that no version of a definition knows.",
							 NULL,	/* long description */
							 &wf_unknown_events,
							 WF_UNKNOWN_EVENTS_WARNING,
							 unknown_events,
							 PGC_USERSET,
							 0, /* flags */
							 NULL,	/* check hook */
							 NULL,	/* assign hook */
							 NULL); /* show hook */

	DefineCustomStringVariable("workflow.tenant",
							   "Sets the tenant for whom the session works.",
							   "Processes, runs and tasks of others do not exist for it; empty: all do.",
							   &wf_tenant,
							   "",	/* default */
							   PGC_USERSET,
							   0,	/* flags */
							   check_tenant,
							   NULL,	/* assign hook */
							   NULL);	/* show hook */

	DefineCustomStringVariable("workflow.traceparent",
							   "Sets the trace context in which the session does something.",
							   "A value of the header traceparent; empty: none.",
							   &wf_traceparent,
							   "",	/* default */
							   PGC_USERSET,
							   0,	/* flags */
							   check_traceparent,
							   NULL,	/* assign hook */
							   NULL);	/* show hook */
}

/* The times that tests take for now. */
static void
define_clocks(void)
{
	/*
	 * There is no check hook: the text can be parsed only when the time zone
	 * is known, which may come later than this setting.  clock.c parses it at
	 * each use.
	 */
	DefineCustomStringVariable("workflow.test_clock",
							   "Sets the time that workflow takes for now, for tests of long deadlines.",
							   "A timestamp with time zone; empty: the real time.",
							   &wf_test_clock,
							   "",	/* default */
							   PGC_SUSET,
							   GUC_NOT_IN_SAMPLE,
							   NULL,	/* check hook */
							   NULL,	/* assign hook */
							   NULL);	/* show hook */

	DefineCustomIntVariable("workflow.test_steady_clock",
							"Sets the time that workflow takes for silence and turns, for tests of long ones.",
							"Milliseconds; -1: the real time.",
							&wf_test_steady_clock,
							wf_test_steady_clock,
							-1,
							INT_MAX,
							PGC_SUSET,
							GUC_NOT_IN_SAMPLE | GUC_UNIT_MS,
							NULL,	/* check hook */
							NULL,	/* assign hook */
							NULL);	/* show hook */
}

/* Define all settings; called by _PG_init(). */
void
wf_guc_init(void)
{
	define_sizes();
	define_identity();
	define_remote();
	define_workers();
	define_files();
	define_steps();
	define_session();
	define_clocks();
	MarkGUCPrefixReserved("workflow");
}

/* The trace context of the session, in the current memory context; NULL: none. */
const char *
wf_guc_traceparent(void)
{
	return likely(wf_traceparent[0] == '\0') ? NULL : pstrdup(wf_traceparent);
}

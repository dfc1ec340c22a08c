/*-------------------------------------------------------------------------
 *
 * job_define.c
 *	  The table workflow.job: new versions of jobs, and the end of a job.
 *
 * Runs in the sessions of authors.  Everything is checked and looked up before the
 * row is written: what is stored can be run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "definition/definition_row.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/interval.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "definition/define.h"
#include "definition/named_by.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "definition/retry.h"
#include "definition/sensitive.h"
#include "job/job_cached_rule.h"
#include "job/job_command.h"
#include "job/job_define.h"
#include "job/job_partition.h"
#include "parameter/parameter_type.h"
#include "parameter/parameters.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "store/act.h"
#include "store/job_cache.h"
#include "store/keep.h"
#include "store/origin.h"
#include "store/statement.h"

/* The columns that say whether two versions are the same, and are written. */
#define DEFINED \
	"mode, queue, command, call, parameters, retry, timeout, priority, partition, limits, on_lost, result," \
	" start_within, description, search_path, time_zone, cache, calls"
#define NDEFINED 18
#define DEFINED_VALUES \
	"$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21"
#define DEFINED_TYPES \
	INT2OID, INT4OID, TEXTOID, JSONBOID, JSONBOID, JSONBOID, INTERVALOID, INT2OID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, \
	INTERVALOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID

static WfStatement newest_statement = {
	.sql = "SELECT j.version, j.root, j.owner, j.dropped_at IS NOT NULL, o.name,"
	" NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) o.role)"
	" FROM workflow.job j JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) j.owner"
	" WHERE j.name OPERATOR(pg_catalog.=) $1 ORDER BY j.version DESC LIMIT 1",
	WF_ARGS(TEXTOID)
};

/* $1: name, $2: version, $3: owner, then DEFINED_VALUES. */
static WfStatement same_statement = {
	.sql = "SELECT FROM workflow.job WHERE name OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2"
	" AND owner OPERATOR(pg_catalog.=) $3 AND dropped_at IS NULL"
	" AND ROW(" DEFINED ") IS NOT DISTINCT FROM ROW(" DEFINED_VALUES ")",
	WF_ARGS(TEXTOID, INT4OID, INT4OID, DEFINED_TYPES)
};

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.job (name, version, owner, root, created_at, sensitive, " DEFINED ")"
	" VALUES ($1, $2, $3, $22, $23, $24, " DEFINED_VALUES ")"
	" RETURNING id",
	.nargs = 24,
	.args = {TEXTOID, INT4OID, INT4OID, DEFINED_TYPES, INT4OID, TIMESTAMPTZOID, TEXTARRAYOID}
};

/* The first version of a name. */
static WfStatement root_statement = {
	.sql = "UPDATE workflow.job SET root = id,"
	" queue = CASE WHEN queue OPERATOR(pg_catalog.=) 0 THEN OPERATOR(pg_catalog.-) id ELSE queue END"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement drop_statement = {
	.sql = "UPDATE workflow.job SET dropped_at = $2"
	" WHERE name OPERATOR(pg_catalog.=) $1 AND dropped_at IS NULL",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID)
};

static WfStatement busy_statement = {
	.sql = "SELECT FROM workflow.run r WHERE r.root OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* --- what is given ----------------------------------------------------------------- */

static void
check_name(const char *name)
{
	if (*name == '\0' || strchr(name, ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a job must not be empty, and have no \":\"")));
	if (strlen(name) > WF_MAX_JOB_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a job is too long"),
				 errdetail("It has %zu bytes; %d are allowed.", strlen(name), WF_MAX_JOB_NAME)));
}

static WfJobMode
mode_of(const WfJobText *text)
{
	if (strcmp(text->mode, "atomic") != 0 && strcmp(text->mode, "tracked") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mode must be \"atomic\" or \"tracked\""),
				 errhint("A job without a command is done by workers outside, whatever its mode.")));
	if (text->command == NULL)
		return WF_JOB_OUTSIDE;
	return text->mode[0] == 't' ? WF_JOB_TRACKED : WF_JOB_ATOMIC;
}

/* Error 22023 unless it is NULL, or positive and such that sums with it are times. */
static void
check_positive(const Interval *interval, const char *what)
{
	double		days;

	if (interval == NULL)
		return;
	days = wf_interval_days(interval);
	if (days <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", what)));
	if (days > WF_INTERVAL_LONGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be longer than %d days", what, WF_INTERVAL_LONGEST)));
}

/* JSON has numbers of any size: a whole one of ours, or 0. */
static int
whole_number(const JsonbValue *value)
{
	Datum		most = NumericGetDatum(int64_to_numeric(PG_INT32_MAX));
	Datum		number;

	if (value->type != jbvNumeric)
		return 0;
	number = NumericGetDatum(value->val.numeric);
	if (!DatumGetBool(DirectFunctionCall2(numeric_le, DirectFunctionCall1(numeric_abs, number), most)) ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, number, DirectFunctionCall1(numeric_floor, number))))
		return 0;
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, number));
}

/* Error 22023 unless it is a number of units that can be had of a limit. */
static void
check_units(const char *name, const JsonbValue *value, const WfNamedLimit *limit)
{
	int			units = whole_number(value);
	int			most = limit->max == WF_QUEUE_UNLIMITED ? limit->rate :
		limit->rate == WF_QUEUE_UNLIMITED ? limit->max : Min(limit->max, limit->rate);

	if (units < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the units of limit \"%s\" must be a positive whole number", wf_quote(name))));
	if (most != WF_QUEUE_UNLIMITED && units > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limit \"%s\" has no %d units at once", wf_quote(name), units),
				 errdetail("It has %d.", most)));
}

/* Each limit exists, is for the caller to use, and each number of units is one that can be had. */
static void
check_limits(Jsonb *limits)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	if (limits == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(limits))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limits must be an object: name -> units")));
	it = JsonbIteratorInit(&limits->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		wf_queue_right_require_limit(name, wf_queue_limit(name)->owner, WF_QUEUE_USE);
		check_units(name, &value, wf_queue_limit(name));
	}
}

static const char *
check_result(const char *result)
{
	Oid			type;

	if (result == NULL || strcmp(result, "none") == 0)
		return result;
	return wf_parameter_type_canonical(result, &type);
}

/* What results are kept by, as it is stored; null: they are not. */
static Jsonb *
cache_of(const WfJobText *text)
{
	if (text->cache == NULL)
		return NULL;
	if (text->result == NULL || strcmp(text->result, "none") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cache needs a result"),
				 errhint("Give the type of the result, as \"result\".")));
	return wf_job_cached_rule_write(wf_job_cached_rule_parse(text->cache));
}

static void
check(const WfJobText *text)
{
	if (!text->reserved)
		check_name(text->name);
	if (text->priority < -2 || text->priority > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be between -2 and 2")));
	if (strcmp(text->on_lost, "retry") != 0 && strcmp(text->on_lost, "fail") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_lost must be \"retry\" or \"fail\"")));
	check_positive(text->timeout, "timeout");
	check_positive(text->start_within, "start_within");
}

/* --- storing ------------------------------------------------------------------------- */

/* The newest version of a name, dropped or not. */
typedef struct Newest
{
	int32		version;		/* 0: there is none */
	int32		root;			/* 0: the next one is not of the same job */
	bool		dropped;
} Newest;

/*
 * Error WF002 when it is somebody else's.  One that was dropped by a role that was, too,
 * leaves its name to others, but not its runs; and so does one whose name is reserved, which
 * is for who may have it now.
 */
static Newest
find_newest(const char *name, int32 owner, bool reserved)
{
	Datum		key = CStringGetTextDatum(name);
	Newest		newest = {0};
	HeapTuple	row;
	TupleDesc	desc;
	bool		isnull;

	if (wf_statement_execute(&newest_statement, &key, NULL, 1) == 0)
		return newest;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	newest.version = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	newest.dropped = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
	if (newest.dropped && DatumGetBool(SPI_getbinval(row, desc, 6, &isnull)))
		return newest;
	if (DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull)) != owner && reserved)
	{
		wf_job_define_forget(name);
		newest.dropped = true;
		return newest;
	}
	if (DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull)) != owner)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("job \"%s\" belongs to role \"%s\"", wf_quote(name), SPI_getvalue(row, desc, 5))));
	newest.root = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	return newest;
}

/* The values of a row, as the statements have them. */
typedef struct Row
{
	Datum		values[24];
	char		nulls[25];
} Row;

static void
set(Row *row, int n, bool given, Datum value)
{
	row->values[n - 1] = value;
	row->nulls[n - 1] = given ? ' ' : 'n';
}

static void
set_text(Row *row, int n, const char *text)
{
	set(row, n, text != NULL, text == NULL ? (Datum) 0 : CStringGetTextDatum(text));
}

static void
set_jsonb(Row *row, int n, Jsonb *value)
{
	set(row, n, value != NULL, JsonbPGetDatum(value));
}

/* Which parameters are sensitive; null: none. */
static void
set_sensitive(Row *row, const WfParameters *parameters)
{
	int			n = 0;
	const char **pointers = parameters == NULL ? NULL : wf_parameters_sensitive(parameters, &n);

	set(row, 24, n > 0, n > 0 ? PointerGetDatum(wf_sensitive_pointers(n, pointers)) : (Datum) 0);
}

/* What all code of a job calls; null: it has none that is looked up in a path. */
static Jsonb *
calls_of(const WfJobCommand *command, WfParameters *parameters, WfParameterExpr *partition)
{
	const char *keys[2];
	Jsonb	   *values[2];
	Jsonb	   *calls;
	int			n = 0;

	if (command != NULL && command->calls != NULL)
	{
		keys[n] = WF_JOB_COMMAND_KEY;
		values[n++] = command->calls;
	}
	if (partition != NULL)
	{
		keys[n] = wf_parameter_expr_key(partition);
		values[n++] = wf_parameter_expr_calls(partition);
	}
	calls = wf_jsonb_object(n, keys, values);
	if (parameters != NULL)
		calls = wf_jsonb_merge(calls, wf_parameters_calls(parameters));
	return JB_ROOT_COUNT(calls) == 0 ? NULL : calls;
}

/* What is stored of the command, its parameters and the partition; looked up here. */
static void
set_command(Row *row, const WfJobText *text, WfJobMode mode)
{
	WfParameters *parameters = text->parameters == NULL ? NULL :
		wf_parameters_parse(text->parameters, false);
	WfJobCommand *command = NULL;

	if (parameters != NULL)
	{
		wf_parameters_compile(parameters);
		wf_parameters_check_defaults(parameters);
	}
	if (text->command != NULL)
		command = wf_job_command_resolve(text->command, parameters, mode == WF_JOB_TRACKED);
	set_text(row, 6, text->command);
	set_jsonb(row, 7, command == NULL ? NULL : wf_job_command_write(command));
	set_jsonb(row, 8, parameters == NULL ? NULL : wf_parameters_canonical(parameters));
	set_text(row, 12, text->partition);
	set_jsonb(row, 21, calls_of(command, parameters, wf_job_partition_compile(text->partition)));
	set_sensitive(row, parameters);
}

/* The number of the queue that runs get into: the job's own, or one that its owner may use. */
static int32
queue_of(const WfJobText *text, const Newest *newest)
{
	int32		queue;

	if (text->queue == NULL)
		return -newest->root;
	queue = wf_queue_number(text->queue);
	if (queue != -newest->root)
		wf_queue_right_require(queue, WF_QUEUE_USE);
	return queue;
}

static void
set_all(Row *row, const WfJobText *text, const Newest *newest)
{
	WfJobMode	mode = mode_of(text);

	set(row, 4, true, Int16GetDatum(mode));
	set(row, 5, true, Int32GetDatum(queue_of(text, newest)));
	set_command(row, text, mode);
	if (text->retry != NULL)
		(void) wf_retry_compile(JsonbToCString(NULL, &text->retry->root, VARSIZE(text->retry)));
	set_jsonb(row, 9, text->retry);
	set(row, 10, text->timeout != NULL, IntervalPGetDatum(text->timeout));
	set(row, 11, true, Int16GetDatum(text->priority));
	check_limits(text->limits);
	set_jsonb(row, 13, text->limits);
	set_text(row, 14, text->on_lost);
	set_text(row, 15, check_result(text->result));
	set(row, 16, text->start_within != NULL, IntervalPGetDatum(text->start_within));
	set_text(row, 17, text->description);
	set_text(row, 18, wf_define_path());
	set_text(row, 19, pg_get_timezone_name(session_timezone));
	set_jsonb(row, 20, cache_of(text));
}

/* Note what was done with a job, for workflow.audit. */
static void
note(const char *act, const char *name, int32 owner, int32 version)
{
	const char *key = "version";
	Jsonb	   *value = version == 0 ? NULL :
		wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(version)), NUMERICOID);
	WfAct		row = {
		.act = act,.kind = "job",.object = name,.owner = owner,
		.detail = value == NULL ? NULL : wf_jsonb_object(1, &key, &value)
	};

	wf_act(&row);
}

static void
insert(Row *row, const WfJobText *text, const Newest *newest)
{
	bool		isnull;
	Datum		id;

	set(row, 2, true, Int32GetDatum(newest->version + 1));
	set(row, 22, true, Int32GetDatum(newest->root));
	set(row, 23, true, TimestampTzGetDatum(wf_clock_now()));
	(void) wf_statement_execute(&insert_statement, row->values, row->nulls, 0);
	id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (newest->root == 0)
		(void) wf_statement_execute(&root_statement, &id, NULL, 0);
	if (newest->version > 0)
		wf_job_cache_forget(text->name);
}

/*
 * There is no job of this name any more, which stands and falls with something else.  What
 * its runs come to they come to.  SPI must be connected.
 */
void
wf_job_define_forget(const char *name)
{
	Datum		values[2] = {CStringGetTextDatum(name), TimestampTzGetDatum(wf_clock_now())};

	wf_job_changing();
	(void) wf_statement_execute(&drop_statement, values, NULL, 0);
	wf_privilege_drop_on(WF_PRIVILEGE_JOB, name);
	wf_keep_drop(WF_KEEP_JOB, name);
}

/*
 * Store a new version of a job of the current user, unless it is the same as the
 * newest.  Returns its number.  SPI must be connected.  Errors as of create_job().
 */
int32
wf_job_define(const WfJobText *text)
{
	Oid			role = GetUserId();
	Newest		newest;
	int32		owner;
	Row			row = {0};

	check(text);
	wf_owner_role_check(role, "a job");
	wf_origin_write();
	wf_privilege_forget_gone();
	wf_definition_row_lock_name(psprintf("job:%s", text->name));
	owner = wf_owner_role_enter(role);
	newest = find_newest(text->name, owner, text->reserved);
	set_text(&row, 1, text->name);
	set(&row, 2, true, Int32GetDatum(newest.version));
	set(&row, 3, true, Int32GetDatum(owner));
	set_all(&row, text, &newest);
	if (newest.version > 0 && !newest.dropped &&
		wf_statement_execute(&same_statement, row.values, row.nulls, 0) > 0)
		return newest.version;
	insert(&row, text, &newest);
	note("create_job", text->name, owner, newest.version + 1);
	return newest.version + 1;
}

/*
 * The job of this name cannot be run any more.  SPI must be connected.  Errors as of
 * drop_job().
 */
void
wf_job_define_drop(const char *name)
{
	const WfJob *job;
	Datum		values[2] = {CStringGetTextDatum(name), TimestampTzGetDatum(wf_clock_now())};
	Datum		root;

	wf_definition_row_lock_name(psprintf("job:%s", name));
	job = wf_job_newest(name);
	wf_job_require(job, "manage");
	root = Int32GetDatum(job->root);
	wf_job_lock_for_drop(job);
	if (wf_statement_execute(&busy_statement, &root, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(WF_ERR_IN_USE),
				 errmsg("job \"%s\" has runs that wait or run", job->name),
				 errhint("Cancel them with workflow.cancel_run().")));
	wf_job_changing();
	(void) wf_statement_execute(&drop_statement, values, NULL, 0);
	wf_job_cache_forget(name);
	wf_privilege_drop_on(WF_PRIVILEGE_JOB, name);
	wf_keep_drop(WF_KEEP_JOB, name);
	note("drop_job", name, job->owner, 0);
	wf_named_by_warn(name, true);
}

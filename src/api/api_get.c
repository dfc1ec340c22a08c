/*-------------------------------------------------------------------------
 *
 * api_get.c
 *	  Reading processes; privileges on definitions.
 *
 * Runs in client backends.  What only reads locks nothing and is STABLE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/result.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "file/file_right.h"
#include "job/job.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "process/process.h"
#include "process/send.h"
#include "schedule/schedule_right.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "watch/watch_right.h"

PG_FUNCTION_INFO_V1(workflow_get);
PG_FUNCTION_INFO_V1(workflow_find);
PG_FUNCTION_INFO_V1(workflow_may);
PG_FUNCTION_INFO_V1(workflow_grant_on);
PG_FUNCTION_INFO_V1(workflow_revoke_on);

/* The first one is the id of the definition, the others are what get() returns. */
#define GET_COLUMNS \
	"d.id, p.id, d.name, d.version, p.key, p.status, p.suspended, p.states, p.context," \
	" p.step, p.started_at, p.updated_at, p.output, p.parent, p.invoke, p.children"
#define GET_FROM \
	" FROM workflow.process p, workflow.definition d" \
	" WHERE p.id OPERATOR(pg_catalog.=) $1 AND d.id OPERATOR(pg_catalog.=) p.definition"
#define N_GET 16

/* Of those, from 0. */
#define GET_CONTEXT 8
#define GET_OUTPUT 12

static WfStatement get_statement = {
	.sql = "SELECT " GET_COLUMNS ","
	" CASE WHEN p.status OPERATOR(pg_catalog.=) 'finalized' THEN"
	" CASE WHEN p.states OPERATOR(pg_catalog.&&) d.failures THEN 'failure' ELSE 'success' END END,"
	" p.tenant"
	GET_FROM,
	WF_ARGS(UUIDOID)
};

/* For the SQL of versions before 0.3.0, where processes have no outcome and no tenant. */
static WfStatement get_without_outcome_statement = {
	.sql = "SELECT " GET_COLUMNS ", NULL::pg_catalog.text, NULL::pg_catalog.text" GET_FROM,
	WF_ARGS(UUIDOID)
};

static Datum
look_get(PG_FUNCTION_ARGS)
{
	Datum		id = PG_GETARG_DATUM(0);
	TupleDesc	desc;
	Datum		values[N_GET + 2];
	bool		nulls[N_GET + 2];
	WfDefinition *definition;
	Datum		result;

	desc = wf_result_type(fcinfo);

	wf_api_connect_to_look();
	if (wf_statement_execute(desc->natts < N_GET ? &get_without_outcome_statement :
							 &get_statement, &id, NULL, 1) == 0)
		wf_process_refuse_missing(PG_GETARG_UUID_P(0));
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	definition = wf_definition(DatumGetInt32(values[0]));
	wf_api_require_tenant(PG_GETARG_UUID_P(0), nulls[N_GET + 1] ? (Datum) 0 : values[N_GET + 1]);
	wf_api_require_sight(PG_GETARG_UUID_P(0), definition);
	if (!nulls[GET_OUTPUT])
		values[GET_OUTPUT] = wf_sensitive_show(definition, values[GET_OUTPUT], values[GET_CONTEXT]);
	values[GET_CONTEXT] = wf_sensitive_show(definition, values[GET_CONTEXT], values[GET_CONTEXT]);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values + 1, nulls + 1), desc));
	SPI_finish();
	return result;
}

static Datum
look_find(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	WfDefinition *definition;
	bool		over;

	wf_api_connect_to_look();
	wf_api_find(wf_arg_string(fcinfo, 0, "definition"), wf_arg_string(fcinfo, 1, "key"), id);
	definition = wf_send_definition_of(id, &over, NULL);
	if (definition == NULL)
		wf_process_refuse_missing(id);	/* the key is there, the row not yet */
	wf_api_require_any(definition);
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/* Error 22023 if there is no privilege of this name on such objects. */
static void
check_privilege(WfPrivilegeKind kind, const char *privilege)
{
	static const char *const hints[] = {
		[WF_PRIVILEGE_DEFINITION] = "Privileges are start, send, read and act.",
		[WF_PRIVILEGE_JOB] = "Privileges on jobs are run, read and manage.",
		[WF_PRIVILEGE_QUEUE] = "Privileges on queues are use, claim, read and manage.",
		[WF_PRIVILEGE_SCHEDULE] = "Privileges on schedules are read and manage.",
		[WF_PRIVILEGE_LIMIT] = "Privileges on limits are use and manage.",
		[WF_PRIVILEGE_ALERT] = "There are no privileges on alerts.",
		[WF_PRIVILEGE_FILE] = "Privileges on files are read and write.",
		[WF_PRIVILEGE_FILE_TRIGGER] = "There are no privileges on file triggers.",
		[WF_PRIVILEGE_DIRECTORY] = "The privilege on directories is watch."
	};

	if (!wf_privilege_is_known(kind, privilege))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", wf_quote(privilege)),
				 errhint("%s", hints[kind])));
}

static Datum
look_may(PG_FUNCTION_ARGS)
{
	char	   *privilege = wf_arg_string(fcinfo, 1, "privilege");
	bool		may;

	check_privilege(WF_PRIVILEGE_DEFINITION, privilege);
	wf_api_connect_to_look();
	may = wf_privilege_may_by_id(PG_GETARG_INT32(0), privilege);
	SPI_finish();
	PG_RETURN_BOOL(may);
}

/*
 * SQL function workflow.get(process) of sql/parts/process.sql.  Locks nothing.
 */
Datum
workflow_get(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_get, fcinfo);
}

/*
 * SQL function workflow.find(definition, key) of sql/parts/process.sql.  Locks
 * nothing.
 */
Datum
workflow_find(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_find, fcinfo);
}

/*
 * SQL function workflow.may(definition id, privilege) of
 * sql/parts/definition.sql.  Locks nothing.
 */
Datum
workflow_may(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_may, fcinfo);
}

/*
 * Error WF002 unless the current user may grant privileges on an object, WF006 or
 * WF010 if there is none.
 */
static void
require_grantor(WfPrivilegeKind kind, const char *name)
{
	WfDefinition *definition;
	WfSchedule	schedule;

	switch (kind)
	{
		case WF_PRIVILEGE_DEFINITION:
			definition = wf_definition_by_name(name, 0);
			if (!has_privs_of_role(GetUserId(), definition->role))
				ereport(ERROR,
						(errcode(WF_ERR_NOT_ALLOWED),
						 errmsg("must be owner of definition \"%s\"", name)));
			wf_definition_keep(definition);
			break;
		case WF_PRIVILEGE_JOB:
			wf_job_require(wf_job_newest(name), "manage");
			break;
		case WF_PRIVILEGE_QUEUE:
			wf_queue_right_require(wf_queue_number(name), "manage");
			break;
		case WF_PRIVILEGE_LIMIT:
			wf_queue_right_require_limit(name, wf_queue_limit(name)->owner, "manage");
			break;
		case WF_PRIVILEGE_SCHEDULE:
			wf_schedule_right_find(name, WF_SCHEDULE_MANAGE, &schedule);
			break;
		case WF_PRIVILEGE_ALERT:
		case WF_PRIVILEGE_FILE_TRIGGER:
			break;				/* there is nothing to be granted */
		case WF_PRIVILEGE_FILE:
			wf_file_right_require_grantor(name);
			break;
		case WF_PRIVILEGE_DIRECTORY:
			wf_watch_right_require_grantor(name);
			break;
	}
}

/* Grant or revoke each of the privileges in argument 2. */
static void
change_grants(FunctionCallInfo fcinfo, bool grant)
{
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	Name		role_name = PG_GETARG_NAME(1);
	Oid			role = get_role_oid(NameStr(*role_name), false);
	Datum	   *privileges;
	bool	   *nulls;
	int			n;
	const char *short_name;
	WfPrivilegeKind kind = wf_privilege_kind(name, &short_name);

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT,
					  &privileges, &nulls, &n);
	wf_api_connect_to_write(fcinfo);
	require_grantor(kind, short_name);
	wf_privilege_forget_gone();
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an element of \"%s\" is null", "privileges")));
		check_privilege(kind, TextDatumGetCString(privileges[i]));
		if (grant)
			wf_privilege_grant(name, role, role_name, privileges[i]);
		else
			wf_privilege_revoke(name, role, role_name, privileges[i]);
	}
	SPI_finish();
}

/*
 * SQL function workflow.grant_on(definition, role, privileges) of
 * sql/parts/definition.sql.  Inserts into workflow.permission, and keeps
 * the newest version from being dropped meanwhile.
 */
Datum
workflow_grant_on(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, true);
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.revoke_on(definition, role, privileges) of
 * sql/parts/definition.sql.  Deletes from workflow.permission; locks nothing
 * else.
 */
Datum
workflow_revoke_on(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, false);
	PG_RETURN_VOID();
}

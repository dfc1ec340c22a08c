/*-------------------------------------------------------------------------
 *
 * api.c
 *	  What the SQL-callable functions share: connection, rights, locks.
 *
 * Runs in client backends.  A SQL-callable function checks its arguments
 * (arg.c), connects SPI by one of the functions here, checks the rights of the
 * user, locks processes in the order of process_row.c, does its work, and
 * disconnects by SPI_finish().  An error needs no undo.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "process/process.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/key.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/tenant.h"

static WfStatement started_statement = {
	.sql = "SELECT FROM workflow.process WHERE id OPERATOR(pg_catalog.=) $1"
	" AND starter OPERATOR(pg_catalog.=) $2",
	.nargs = 2,
	.args = {UUIDOID, OIDOID}
};

/*
 * Error WF002 unless the current user is a superuser or a member of
 * workflow_admin.  procedure: its name, like "workflow.adopt()".
 */
void
wf_api_require_admin(const char *procedure)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (!superuser() && !(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be superuser or member of workflow_admin to call %s", procedure)));
}

/*
 * Error 25006, with the name of the function, on a standby and in a read-only
 * transaction.
 */
static void
require_writable(FunctionCallInfo fcinfo)
{
	if (RecoveryInProgress() || XactReadOnly)
	{
		const char *what = psprintf("workflow.%s()",
									get_func_name(fcinfo->flinfo->fn_oid));

		PreventCommandDuringRecovery(what);
		PreventCommandIfReadOnly(what);
	}
}

/*
 * Connect SPI for a function that writes, or locks rows.  Error 25006, with the
 * name of the function, on a standby and in a read-only transaction.
 */
void
wf_api_connect_to_write(FunctionCallInfo fcinfo)
{
	require_writable(fcinfo);
	wf_statement_connect();
}

/*
 * Error 25001, with the reason, if a procedure is called inside a transaction block or a
 * function.
 */
void
wf_api_require_top(FunctionCallInfo fcinfo, const char *reason)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("workflow.%s() cannot run inside a transaction block or a function",
						get_func_name(fcinfo->flinfo->fn_oid)),
				 errdetail("%s", reason)));
}

/*
 * Connect SPI for a procedure that writes, and commits by SPI_commit().  Error
 * 25006 as wf_api_connect_to_write(), and 25001 inside a transaction block or a
 * function.
 */
void
wf_api_connect_to_commit(FunctionCallInfo fcinfo)
{
	require_writable(fcinfo);
	wf_api_require_top(fcinfo, "It commits after each piece of its work.");
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	(void) wf_statement_look_only(false);
}

/*
 * Connect SPI for a function that is STABLE: its statements see what the
 * caller's statement sees, and what this transaction has done.  The caller
 * takes that back at the end, also after an error: see wf_api_look().
 */
void
wf_api_connect_to_look(void)
{
	wf_statement_connect();
	(void) wf_statement_look_only(true);
}

/*
 * Call a function that connects SPI by wf_api_connect_to_look(), and set back
 * afterwards, also after an error, whether statements of ours only look: the
 * call may come from an action, inside of a step that is going to write.
 */
Datum
wf_api_look(PGFunction function, FunctionCallInfo fcinfo)
{
	bool		before = wf_statement_look_only(true);
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		result = function(fcinfo);
	}
	PG_FINALLY();
	{
		(void) wf_statement_look_only(before);
	}
	PG_END_TRY();
	return result;
}

/*
 * The row of a process has just been locked: an executor that skips it is woken
 * when the transaction ends, also if the caller is refused.
 */
void
wf_api_locked(const WfRow *row)
{
	wf_wakeup_released(wf_definition(row->definition)->owner);
}

/*
 * Error WF001 if a process of this tenant, a text or 0, does not exist for the session.
 */
void
wf_api_require_tenant(const pg_uuid_t *id, Datum tenant)
{
	if (!wf_tenant_sees(tenant))
		wf_process_refuse_missing(id);
}

static void
check_send(const pg_uuid_t *id, int32 definition, Datum tenant)
{
	wf_api_require_tenant(id, tenant);
	wf_privilege_require(wf_definition(definition), "send");
}

static void
check_owner(const pg_uuid_t *id, int32 definition, Datum tenant)
{
	wf_api_require_tenant(id, tenant);
	wf_privilege_require_owner(wf_definition(definition));
}

static void
lock(const pg_uuid_t *id, bool nowait, WfProcessRowCheck check, WfRow *row)
{
	if (!wf_process_row_lock(id, nowait, check, row))
		wf_process_refuse_missing(id);
	wf_api_locked(row);
}

/*
 * Work for the tenant that argument n names, or, without it, for the session's, until
 * wf_tenant_work_on() with what is returned.  Error WF002 if the session, or its role,
 * works for another one, 22023 for what is no name, 0A000 where the SQL has no tenants.
 */
int
wf_api_for_tenant(FunctionCallInfo fcinfo, int n)
{
	char	   *given = PG_NARGS() > n ? wf_arg_string_or_null(fcinfo, n) : NULL;
	const char *tenant = given != NULL ? given : wf_tenant_current();
	int			level;

	if (given != NULL && (given[0] == '\0' || strlen(given) > WF_TENANT_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a tenant must have 1 to %d bytes", WF_TENANT_MAX)));
	if (given != NULL && wf_tenant[0] != '\0' && strcmp(wf_tenant, given) != 0)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("the session works for tenant \"%s\", not \"%s\"", wf_quote(wf_tenant), wf_quote(given)),
				 errhint("workflow.tenant says so.")));
	if (tenant != NULL && !wf_tenant_is_known())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("extension \"workflow\" has no tenants in this database"),
				 errhint("ALTER EXTENSION workflow UPDATE.")));
	level = wf_tenant_work_for(tenant);
	if (given != NULL)
		(void) wf_tenant_current();
	return level;
}

/*
 * Read a process that exists for the session, without a lock.  Error WF001.  Rights are
 * the caller's to ask for.
 */
void
wf_api_read(const pg_uuid_t *id, WfRow *row)
{
	if (!wf_process_row_read(id, row))
		wf_process_refuse_missing(id);
	wf_api_require_tenant(id, row->tenant);
}

/*
 * Lock a process for a user who may send to it, which is asked before that, and
 * has to be asked once more now: its definition may be another one.  Error WF001
 * if there is no such process, WF002 without the privilege and, with nowait,
 * WF005 if another session has locked it; else waits.  SPI must be connected.
 */
void
wf_api_lock_to_send(const pg_uuid_t *id, bool nowait, WfRow *row)
{
	lock(id, nowait, check_send, row);
}

/* The same for the owner of its definition; returns that. */
WfDefinition *
wf_api_lock_as_owner(const pg_uuid_t *id, WfRow *row)
{
	WfDefinition *definition;

	lock(id, false, check_owner, row);
	definition = wf_definition(row->definition);
	wf_privilege_require_owner(definition);
	return definition;
}

/*
 * Add a process whose row is locked to a stepper, for a change by the current
 * user.  Error WF002 without the privilege "send", WF004 if the process is over,
 * WF005 if this session is stepping it.
 */
WfProcess *
wf_api_hold_row(WfStepper *stepper, const WfRow *row)
{
	WfProcess  *process;

	wf_privilege_require(wf_definition(row->definition), "send");
	process = wf_stepper_add(stepper, row);
	if (wf_process_row_is_over(row))
		wf_process_refuse_over(&row->id);
	return process;
}

/*
 * Lock a process and add it to a stepper, as wf_api_hold_row().  Also error
 * WF001 if there is no such process and, with nowait, WF005 if another session
 * has locked it; else waits.  SPI must be connected.
 */
WfProcess *
wf_api_hold(WfStepper *stepper, const pg_uuid_t *id, bool nowait)
{
	WfRow		row;

	wf_api_lock_to_send(id, nowait, &row);
	return wf_api_hold_row(stepper, &row);
}

/*
 * Lock a process and add it to a stepper, for its definition's owner.  Error WF001,
 * WF002 unless the user is that, WF003 if it has not started, WF004 if it is over,
 * WF005 as wf_api_hold_row().
 */
WfProcess *
wf_api_hold_as_owner(WfStepper *stepper, const pg_uuid_t *id)
{
	WfRow		row;

	(void) wf_api_lock_as_owner(id, &row);
	if (row.status == WF_INITIALIZED)
		ereport(ERROR,
				(errcode(WF_ERR_SUSPENDED),
				 errmsg("the process has not started yet"),
				 errhint("It can be changed once it has, or when its start was given up.")));
	return wf_api_hold_row(stepper, &row);
}

/*
 * Error WF002 unless the current user has the privilege "send", "start" or
 * "read" on the definition.  That is enough to learn the id of a process by its
 * key: start() gives it to everyone who may start one.
 */
void
wf_api_require_any(const WfDefinition *definition)
{
	/*
	 * The message is that of send() in either case, so that it does not tell
	 * whether there is a process with the key.
	 */
	if (!wf_privilege_may(definition, "start") && !wf_privilege_may(definition, "read"))
		wf_privilege_require(definition, "send");
}

/*
 * Set *id to the process of a definition that has this business key.  Error
 * WF001 if there is none, WF006 if there is no such definition; but WF002
 * instead of WF001 for users without any right on it.
 */
void
wf_api_find(const char *definition, const char *key, pg_uuid_t *id)
{
	if (!wf_key_find(definition, key, id))
	{
		/* Users without rights must not learn which keys are taken. */
		wf_api_require_any(wf_definition_by_name(definition, 0));
		ereport(ERROR,
				(errcode(WF_ERR_NO_PROCESS),
				 errmsg("no process of \"%s\" has the key \"%s\"", definition,
						wf_quote(key))));
	}
}

/*
 * Error WF002 unless the current user has the privilege "read" on the
 * definition, or has started the process.
 */
void
wf_api_require_sight(const pg_uuid_t *process, const WfDefinition *definition)
{
	Datum		values[2] = {UUIDPGetDatum(process),
	ObjectIdGetDatum(GetUserId())};

	if (!wf_privilege_may(definition, "read") &&
		wf_statement_execute(&started_statement, values, NULL, 1) == 0)
		wf_privilege_require(definition, "read");
}

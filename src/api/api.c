/*-------------------------------------------------------------------------
 *
 * api.c
 *	  What the SQL-callable functions share: connection, rights, locks.
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
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "process/process.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/key.h"
#include "store/process_row.h"
#include "store/statement.h"

static WfStatement started_statement = {
	.sql = "SELECT FROM workflow.process WHERE id OPERATOR(pg_catalog.=) $1"
	" AND starter OPERATOR(pg_catalog.=) $2",
	.nargs = 2,
	.args = {UUIDOID, OIDOID}
};

/* Error WF002 unless the current user is an administrator of workflow. */
void
wf_api_require_admin(const char *what)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (!superuser() && !(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be superuser or member of workflow_admin to %s", what)));
}

/*
 * The same for functions that write, or lock rows: error 25006 on a standby
 * and in a read-only transaction.
 */
void
wf_api_connect_to_write(FunctionCallInfo fcinfo)
{
	if (RecoveryInProgress() || XactReadOnly)
	{
		const char *what = psprintf("workflow.%s()",
									get_func_name(fcinfo->flinfo->fn_oid));

		PreventCommandDuringRecovery(what);
		PreventCommandIfReadOnly(what);
	}
	wf_statement_connect();
}

/* The same for functions that are STABLE. */
void
wf_api_connect_to_look(void)
{
	wf_statement_connect();
	(void) wf_statement_look_only(true);
}

/*
 * Call a function that connects to look.  It may be an action that looks,
 * inside of a step that has yet to write.
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

/* The same after the row was locked. */
WfProcess *
wf_api_hold_row(WfStepper *stepper, const WfRow *row)
{
	WfProcess  *process;

	wf_privilege_require(wf_definition(row->definition), "send");
	process = wf_stepper_add(stepper, row);
	wf_wakeup_released(wf_process_definition(process)->owner);
	if (wf_process_row_is_over(row))
		wf_process_refuse_over(&row->id);
	return process;
}

/*
 * Lock a process for a change by the current user: WF001, WF002, WF004,
 * WF005 as they apply.  Registers the release of the lock with the wake room.
 */
WfProcess *
wf_api_hold(WfStepper *stepper, const pg_uuid_t *id, bool nowait)
{
	WfRow		row;

	if (!wf_process_row_lock(id, nowait, &row))
		wf_process_refuse_missing(id);
	return wf_api_hold_row(stepper, &row);
}

/*
 * Error WF002 unless the current user has any right on the definition.  (Who
 * may start a process learns the id of the one that has a key, anyway.)
 */
void
wf_api_require_any(const WfDefinition *definition)
{
	/* In the words of send(), which refuses where there is such a process. */
	if (!wf_privilege_may(definition, "start") && !wf_privilege_may(definition, "read"))
		wf_privilege_require(definition, "send");
}

/*
 * The process with a business key; error WF001, or WF002 for those who have
 * no right on the definition.
 */
void
wf_api_find(const char *definition, const char *key, pg_uuid_t *id)
{
	if (!wf_key_find(definition, key, id))
	{
		/* Which keys are taken is nothing for those who may do nothing here. */
		wf_api_require_any(wf_definition_by_name(definition, 0));
		ereport(ERROR,
				(errcode(WF_ERR_NO_PROCESS),
				 errmsg("no process of \"%s\" has the key \"%s\"", definition,
						wf_quote(key))));
	}
}

/*
 * Error WF002 unless the current user may read the definition, or started
 * the process itself.
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

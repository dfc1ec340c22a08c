/*-------------------------------------------------------------------------
 *
 * api_owner.c
 *	  Whose a definition is: workflow.change_owner(), workflow.drop_definition().
 *
 * Runs in client backends.  Neither of them needs the role that owns the
 * definition to exist.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/version.h"
#include "definition/definition_row.h"
#include "definition/drop.h"
#include "definition/handover.h"
#include "job/job_restorer.h"

PG_FUNCTION_INFO_V1(workflow_change_owner);
PG_FUNCTION_INFO_V1(workflow_drop_definition);

/* Error WF002 unless the current user owns the definition or may administer all. */
static void
require_owner(const char *name)
{
	Oid			admin = get_role_oid("workflow_admin", true);
	WfOwned		owned;

	wf_handover_find(name, &owned);
	if (!(OidIsValid(owned.role) && has_privs_of_role(GetUserId(), owned.role)) &&
		!(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)) && !superuser())
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of definition \"%s\"", name),
				 errhint("Members of workflow_admin may, too.")));
}

/*
 * Error WF002 unless the current user may act as a role, as for ALTER ... OWNER TO:
 * the definition's code will run as that role, and whoever gives it away has
 * chosen that code.  So workflow_admin is not enough.
 */
static void
require_role(Oid role)
{
	if (!wf_may_set_role(GetUserId(), role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be able to SET ROLE \"%s\"", GetUserNameFromId(role, false)),
				 errdetail("The functions and expressions of the definition will run as that role.")));
}

/* An argument of type text that may be null or not there at all. */
static char *
note_of(FunctionCallInfo fcinfo, int arg)
{
	return PG_NARGS() > arg && !PG_ARGISNULL(arg) ? text_to_cstring(PG_GETARG_TEXT_PP(arg)) : NULL;
}

/*
 * SQL function workflow.change_owner(definition, role, note) of
 * sql/parts/definition.sql.  Locks the name of the definition, then processes whose
 * timers follow at once, skipping those that are locked.
 */
Datum
workflow_change_owner(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	Oid			role;
	bool		changed;

	wf_arg_require(fcinfo, 1, "role");
	role = get_role_oid(NameStr(*PG_GETARG_NAME(1)), false);
	wf_api_connect_to_write(fcinfo);
	require_owner(name);
	require_role(role);
	wf_handover_check_target(role);
	changed = wf_handover_definition(name, role, note_of(fcinfo, 2));
	SPI_finish();
	PG_RETURN_BOOL(changed);
}

/*
 * SQL function workflow.drop_definition(name, version, note) of
 * sql/parts/definition.sql.  Locks the name of the definition, then the versions
 * against those that give them to processes.
 */
Datum
workflow_drop_definition(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	int32		version = wf_arg_version(fcinfo, 1);
	int			dropped;

	wf_api_connect_to_write(fcinfo);
	require_owner(name);
	dropped = wf_drop_definition(name, version, note_of(fcinfo, 2));
	if (wf_version_has_column("job", "id") && !wf_definition_row_is_there(name))
		wf_job_restorer_forget(name);
	SPI_finish();
	PG_RETURN_INT32(dropped);
}

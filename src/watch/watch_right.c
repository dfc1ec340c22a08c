/*-------------------------------------------------------------------------
 *
 * watch_right.c
 *	  Who may look into which directories.
 *
 * A superuser lists directories in workflow.trigger_directories; the server looks into
 * these, and those below, for roles that have the privilege "watch" on
 * "directory:DIRECTORY", or on one that it is below.  Locks nothing.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/privilege.h"
#include "store/found.h"
#include "store/statement.h"
#include "watch/watch_name.h"
#include "watch/watch_place.h"
#include "watch/watch_right.h"

#define WATCH	"watch"

static WfStatement grants_statement = {
	.sql = "SELECT p.role FROM workflow.permission p WHERE p.definition = ANY ($1) AND p.privilege = '" WATCH "'",
	WF_ARGS(TEXTARRAYOID)
};

/* A directory and those that it is below, as grants name them. */
static ArrayType *
objects_of(const char *directory)
{
	Datum	   *objects = palloc(sizeof(Datum) * (strlen(directory) + 2));
	int			n = 0;

	objects[n++] = CStringGetTextDatum(wf_privilege_object(WF_PRIVILEGE_DIRECTORY, directory));
	objects[n++] = CStringGetTextDatum(wf_privilege_object(WF_PRIVILEGE_DIRECTORY, "/"));
	for (const char *slash = strchr(directory + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
		objects[n++] = CStringGetTextDatum(wf_privilege_object(WF_PRIVILEGE_DIRECTORY,
															   pnstrdup(directory, slash - directory)));
	return construct_array(objects, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* May the server look into a directory for a role? */
bool
wf_watch_right_may(Oid role, const char *directory)
{
	Datum		value;
	uint64		n;
	bool		granted = false;

	if (wf_privilege_role_may_on(role, WF_PRIVILEGE_DIRECTORY, directory, InvalidOid, WATCH))
		return true;
	value = PointerGetDatum(objects_of(directory));
	n = wf_statement_execute(&grants_statement, &value, NULL, 0);
	for (uint64 i = 0; i < n && !granted; i++)
	{
		WfFound		found = wf_found(i);
		bool		isnull;

		granted = has_privs_of_role(role, DatumGetObjectId(wf_found_column(&found, 0, &isnull)));
	}
	return granted;
}

/* Error WF002 unless it may for the current user. */
void
wf_watch_right_require(const char *directory)
{
	if (!wf_watch_right_may(GetUserId(), directory))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to watch directory \"%s\"", wf_quote(directory)),
				 errhint("Members of workflow_admin can allow it with workflow.grant_on('directory:PATH', ..., '" WATCH "').")));
}

/* Error WF002 unless the current user may grant that: administrators may.  Error 22023 for no directory. */
void
wf_watch_right_require_grantor(const char *directory)
{
	Oid			admin = get_role_oid("workflow_admin", true);
	const char *fault = strcmp(directory, "/") == 0 ? NULL : wf_watch_place_fault(wf_watch_name_to_utf8(directory));

	if (fault != NULL || !wf_watch_place_is_path(directory))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid directory \"%s\"", wf_quote(directory)),
				 errdetail_internal("%s", fault != NULL ? fault : "It is no absolute path.")));
	if (!superuser() && !(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to grant privileges on directory \"%s\"", wf_quote(directory)),
				 errhint("Members of workflow_admin may.")));
}

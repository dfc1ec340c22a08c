/*-------------------------------------------------------------------------
 *
 * file_right.c
 *	  Who may read and write which files.
 *
 * A grant on "file:PREFIX" is one on the file of that path, or, if the prefix is empty or
 * ends with "/", on all below it, those that come later, too.  Locks nothing.  SPI must be
 * connected.
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
#include "file/file_path.h"
#include "file/file_right.h"
#include "store/file_row.h"
#include "store/found.h"
#include "store/statement.h"

static WfStatement grants_statement = {
	.sql = "SELECT p.role FROM workflow.permission p"
	" WHERE p.definition OPERATOR(pg_catalog.=) ANY ($1) AND p.privilege OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTARRAYOID, TEXTOID)
};

/* What grants on the directories above a path are on. */
static ArrayType *
objects_above(const char *path)
{
	Datum	   *objects = palloc(sizeof(Datum) * (strlen(path) + 1));
	int			n = 0;

	objects[n++] = CStringGetTextDatum(wf_privilege_object(WF_PRIVILEGE_FILE, ""));
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
		objects[n++] = CStringGetTextDatum(wf_privilege_object(WF_PRIVILEGE_FILE,
															   pnstrdup(path, slash - path + 1)));
	return construct_array(objects, n, TEXTOID, -1, false, TYPALIGN_INT);
}

static bool
is_granted_above(const char *path, const char *privilege)
{
	Datum		values[2] = {PointerGetDatum(objects_above(path)), CStringGetTextDatum(privilege)};
	uint64		n = wf_statement_execute(&grants_statement, values, NULL, 0);
	bool		granted = false;

	for (uint64 i = 0; i < n && !granted; i++)
	{
		WfFound		found = wf_found(i);
		bool		isnull;

		granted = has_privs_of_role(GetUserId(), DatumGetObjectId(wf_found_column(&found, 0, &isnull)));
	}
	return granted;
}

/* Runtimes have all files, so they may read them. */
static bool
is_runtime(void)
{
	Oid			runtimes = get_role_oid("workflow_runtime", true);

	return OidIsValid(runtimes) && has_privs_of_role(GetUserId(), runtimes);
}

/* Has the current user this privilege on a file of that owner? */
bool
wf_file_right_may(const char *path, Oid owner, const char *privilege)
{
	return wf_privilege_role_may_on(GetUserId(), WF_PRIVILEGE_FILE, path, owner, privilege) ||
		is_granted_above(path, privilege) ||
		(strcmp(privilege, "read") == 0 && is_runtime());
}

/* Error WF002 unless it has. */
void
wf_file_right_require(const char *path, Oid owner, const char *privilege)
{
	if (!wf_file_right_may(path, owner, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to %s file \"%s\"", privilege, wf_quote(path)),
				 errhint("Its owner can allow it with workflow.grant_on('file:PATH', ..., '%s').", privilege)));
}

/* Error 22023 for what is no prefix of paths. */
static void
check_prefix(const char *prefix)
{
	size_t		length = strlen(prefix);

	if (length > 0)
		(void) wf_file_path_check(prefix[length - 1] == '/' ? pnstrdup(prefix, length - 1) : prefix);
}

/*
 * Error WF002 unless the current user may grant what begins so: administrators may, and the
 * owner of a file with that path.
 */
void
wf_file_right_require_grantor(const char *prefix)
{
	Oid			admin = get_role_oid("workflow_admin", true);
	WfFileRow	row;

	check_prefix(prefix);
	if (superuser() || (OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		return;
	if (!wf_file_row_newest(prefix, false, &row) || row.deleted || !OidIsValid(row.role) ||
		!has_privs_of_role(GetUserId(), row.role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of file \"%s\"", wf_quote(prefix)),
				 errhint("Members of workflow_admin may grant privileges on whole directories.")));
}

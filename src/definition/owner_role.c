/*-------------------------------------------------------------------------
 *
 * owner_role.c
 *	  The table workflow.owner: the roles that own definitions.
 *
 * Runs in sessions that define, define calendars, or adopt.  Rows of other
 * tables have the id of an owner, which stays the same when its role is renamed,
 * dropped, or another one after a restore.  Locks the schema against other
 * sessions that enter an owner (see wf_owner_role_pin()).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "store/origin.h"
#include "store/statement.h"

static WfStatement find_statement = {
	.sql = "SELECT id FROM workflow.owner WHERE role OPERATOR(pg_catalog.=) $1",
	WF_ARGS(OIDOID)
};

static WfStatement enter_statement = {
	.sql = "INSERT INTO workflow.owner (name, role) VALUES ($1, $2)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	WF_ARGS(NAMEOID, OIDOID)
};

/*
 * ALTER ROLE ... RENAME does not tell us.  Two roles may have exchanged their
 * names, so all names that are wrong are replaced by unique ones first.
 */
static WfStatement give_way_statement = {
	.sql = "UPDATE workflow.owner o SET name = pg_catalog.concat('role ', o.role)"
	" FROM pg_catalog.pg_roles r"
	" WHERE r.oid OPERATOR(pg_catalog.=) o.role AND r.rolname OPERATOR(pg_catalog.<>) o.name"
};

static WfStatement rename_statement = {
	.sql = "UPDATE workflow.owner o SET name = r.rolname FROM pg_catalog.pg_roles r"
	" WHERE r.oid OPERATOR(pg_catalog.=) o.role AND r.rolname OPERATOR(pg_catalog.<>) o.name"
};

static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.owner o SET role = " WF_ORIGIN_ROLE_OF("o.name") WF_ORIGIN_MUST_RESOLVE("o.role"),
	WF_ARGS(BOOLOID)
};

/*
 * Error WF002 for a role that may not own definitions: executors log in as the
 * owner, so it must be able to log in, and be no superuser.
 */
void
wf_owner_role_check(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		login;
	char	   *name = GetUserNameFromId(role, false);

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);

	if (superuser_arg(role) && !wf_allow_superuser)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("a superuser cannot own a definition"),
				 errdetail("Guards and actions would run as superuser \"%s\".", name),
				 errhint("CREATE ROLE app LOGIN; GRANT workflow_user TO app; SET ROLE app; and define again.  workflow.allow_superuser lifts this.")));
	if (!login)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" cannot own a definition: it may not log in", name),
				 errdetail("Executors log in as the owner of the work."),
				 errhint("ALTER ROLE %s LOGIN, or SET ROLE to another role first.",
						 quote_identifier(name))));
}

/*
 * Make DROP ROLE refuse to drop an owner, until the extension is dropped.
 *
 * The server does not know that rows of ours name a role.  What it knows of is
 * in pg_shdepend, and DROP OWNED and REASSIGN OWNED act upon each kind of entry
 * there.  The kind that does least harm is that of a grant.  So the role gets
 * USAGE on the type workflow.status, which members of workflow_user have anyway.
 * The type goes with DROP EXTENSION, and the grant with it; the schema would
 * not.
 *
 * DROP OWNED BY revokes the grant like any other, without a word, and DROP ROLE
 * succeeds after it: that is how an administrator gets rid of such a role.  The
 * definitions of the owner wait then, workflow.activity and workflow.check()
 * report that its role does not exist, and adopt() lets them go on when there is
 * a role of that name again.  If the role is not dropped after DROP OWNED, its
 * work goes on without the pin; adopt() renews it, define() does not.
 *
 * Locks the schema until the end of the transaction: two sessions that pin their
 * first owners at once would both update the row of the type in pg_type, and
 * one would fail.
 */
void
wf_owner_role_pin(const char *name)
{
	GrantStmt  *grant = makeNode(GrantStmt);
	RoleSpec   *role = makeNode(RoleSpec);
	AccessPriv *usage = makeNode(AccessPriv);
	WfRights	rights;

	role->roletype = ROLESPEC_CSTRING;
	role->rolename = unconstify(char *, name);
	role->location = -1;
	usage->priv_name = "usage";
	grant->is_grant = true;
	grant->targtype = ACL_TARGET_OBJECT;
	grant->objtype = OBJECT_TYPE;
	grant->objects = list_make1(list_make2(makeString("workflow"),
										   makeString("status")));
	grant->privileges = list_make1(usage);
	grant->grantees = list_make1(role);

	LockDatabaseObject(NamespaceRelationId, get_namespace_oid("workflow", false), 0,
					   ShareUpdateExclusiveLock);
	wf_statement_raise_rights(&rights);
	ExecuteGrantStmt(grant);
	wf_statement_restore_rights(&rights);
}

/*
 * Write the names that the roles of owners and grants have now: after a restore
 * they are what roles are found by.
 */
void
wf_owner_role_refresh_names(void)
{
	if (wf_statement_execute(&give_way_statement, NULL, NULL, 0) > 0)
		wf_statement_execute(&rename_statement, NULL, NULL, 0);
	wf_privilege_refresh_names();
}

/*
 * For adopt(): find the roles of owners by their names.  foreign: the rows come
 * from another place, so that no OID in them means anything.  The caller has
 * called wf_definition_roles_changing().
 */
void
wf_owner_role_resolve(bool foreign)
{
	Datum		value = BoolGetDatum(foreign);

	wf_statement_execute(&resolve_statement, &value, NULL, 0);
}

/* The id of the owner with this role, or 0.  SPI must be connected. */
int32
wf_owner_role_id(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);
	bool		isnull;

	if (wf_statement_execute(&find_statement, &value, NULL, 1) == 0)
		return 0;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * The id of the owner with this role, which becomes one if it is not; from then
 * on DROP ROLE is refused, see wf_owner_role_pin().  Error WF002 if another role
 * that had this name was an owner and has been dropped.  SPI must be connected.
 */
int32
wf_owner_role_enter(Oid role)
{
	int32		id = wf_owner_role_id(role);
	char	   *name = GetUserNameFromId(role, false);
	NameData	name_data;
	Datum		values[2];
	bool		isnull;

	if (id != 0)
		return id;
	namestrcpy(&name_data, name);
	values[0] = NameGetDatum(&name_data);
	values[1] = ObjectIdGetDatum(role);
	wf_owner_role_refresh_names();
	if (wf_statement_execute(&enter_statement, values, NULL, 0) == 0)
	{
		/* Another session entered it meanwhile, and has committed. */
		id = wf_owner_role_id(role);
		if (id != 0)
			return id;
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("a role \"%s\" that was dropped since owns definitions", name),
				 errhint("workflow.adopt() gives them to the role that has this name now.")));
	}
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									 1, &isnull));
	wf_owner_role_pin(name);
	return id;
}

/*-------------------------------------------------------------------------
 *
 * role_commands.c
 *	  Commands that drop roles, or what they own.
 *
 * Runs in any backend, around ProcessUtility (database_hold.c).  The server does
 * not know what of ours a role owns.  REASSIGN OWNED gives definitions and
 * calendars of this database to the new owner, as it does with all else.  DROP
 * OWNED and DROP ROLE would leave work behind that nobody can do: they are refused
 * while the role owns any of these here.  What it owns in other databases the
 * server knows of, see wf_owner_role_pin().  Grants that a role has on definitions
 * go with it, and with DROP OWNED.
 *
 * SQL of before 0.3.0 cannot hand anything over: there all stays as it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/user.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"

#include "base/version.h"
#include "bgworker/role_commands.h"
#include "definition/handover.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "store/origin.h"
#include "store/statement.h"
#include "store/transaction.h"

/* Is it one of these commands?  Nothing else is asked of other commands. */
bool
wf_role_commands_concern(Node *statement)
{
	return IsA(statement, DropRoleStmt) || IsA(statement, DropOwnedStmt) ||
		IsA(statement, ReassignOwnedStmt);
}

/*
 * Connect SPI, if there is something of ours in this database, and it was written
 * here.
 */
static bool
connect(void)
{
	if (!IsTransactionState() || !OidIsValid(wf_transaction_extension_oid()) ||
		!wf_version_has_column("owner", "handed"))
		return false;
	wf_statement_connect();
	if (wf_origin_is_ours())
		return true;
	SPI_finish();
	return false;
}

/* The roles that a command names; those that do not exist are left out. */
static List *
roles_of(List *specs)
{
	List	   *roles = NIL;
	ListCell   *cell;

	foreach(cell, specs)
	{
		RoleSpec   *spec = lfirst_node(RoleSpec, cell);
		Oid			role = spec->roletype == ROLESPEC_PUBLIC ? InvalidOid :
			get_rolespec_oid(spec, true);

		if (OidIsValid(role))
			roles = lappend_oid(roles, role);
	}
	return roles;
}

/*
 * Error 2BP01 if one of the roles owns something of ours.  message: its format,
 * with the name of the role.  members: only for roles that the current user is a
 * member of; what others own is not for everybody to know.
 */
static void
refuse_owners(List *specs, bool members, const char *message)
{
	ListCell   *cell;

	foreach(cell, roles_of(specs))
	{
		const char *owned = members && !has_privs_of_role(GetUserId(), lfirst_oid(cell)) ?
			NULL : wf_handover_owned(lfirst_oid(cell));

		if (owned != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg(message, GetUserNameFromId(lfirst_oid(cell), false)),
					 errdetail("owner of %s in workflow", owned),
					 errhint("Give it to another role with REASSIGN OWNED or workflow.change_owner(), or end it by the function for its kind, such as workflow.drop_definition(), workflow.drop_alert() or workflow.cancel_bulk().")));
	}
}

/*
 * Roles that own nothing any more but jobs that were dropped, or have only asked for bulk
 * operations that have ended: those need no role.
 */
static void
let_go(List *specs)
{
	ListCell   *cell;

	foreach(cell, roles_of(specs))
	{
		int32		owner = wf_owner_role_id(lfirst_oid(cell));

		if (owner != 0)
			(void) wf_owner_role_release(owner);
	}
}

/*
 * Before the command: error 2BP01 if it would leave work behind.  Who may not do
 * it anyway is left to the server.
 */
void
wf_role_commands_before(Node *statement)
{
	if (IsA(statement, ReassignOwnedStmt) || !connect())
		return;
	if (IsA(statement, DropOwnedStmt))
		refuse_owners(((DropOwnedStmt *) statement)->roles, true,
					  "what role \"%s\" owns cannot be dropped because processes depend on it");
	else if (superuser() || has_createrole_privilege(GetUserId()))
	{
		refuse_owners(((DropRoleStmt *) statement)->roles, false,
					  "role \"%s\" cannot be dropped because some objects depend on it");
		let_go(((DropRoleStmt *) statement)->roles);
	}
	SPI_finish();
}

/* DROP OWNED has taken all rights of a role in this database. */
static void
revoke_all(List *specs)
{
	ListCell   *cell;

	foreach(cell, roles_of(specs))
		wf_privilege_revoke_all(lfirst_oid(cell));
}

/* After it: the server has checked that the current user may do it. */
void
wf_role_commands_after(Node *statement)
{
	CommandCounterIncrement();
	if (!connect())
		return;
	if (IsA(statement, ReassignOwnedStmt))
	{
		ReassignOwnedStmt *reassign = (ReassignOwnedStmt *) statement;

		wf_handover_all(roles_of(reassign->roles), get_rolespec_oid(reassign->newrole, false),
						"REASSIGN OWNED");
	}
	else if (IsA(statement, DropOwnedStmt))
		revoke_all(((DropOwnedStmt *) statement)->roles);
	else
		wf_privilege_forget_gone();
	SPI_finish();
}

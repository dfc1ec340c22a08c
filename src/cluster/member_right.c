/*-------------------------------------------------------------------------
 *
 * member_right.c
 *	  Whose a runtime is.
 *
 * An id belongs to the role that has registered it first; who has the privileges of that
 * role speaks for the runtime.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "cluster/member_right.h"

/* Is the current user an administrator of the extension? */
bool
wf_member_right_is_admin(void)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	return superuser() || (OidIsValid(admin) && has_privs_of_role(GetUserId(), admin));
}

/* Does the current user speak for a runtime that is this role's? */
static bool
has_right(Oid login)
{
	return OidIsValid(login) && (login == GetUserId() || has_privs_of_role(GetUserId(), login));
}

/* Error WF018 unless it does.  address: where it registered from, or NULL. */
void
wf_member_right_require(const char *id, Oid login, const char *address)
{
	if (!has_right(login))
		ereport(ERROR,
				(errcode(WF_ERR_RUNTIME),
				 errmsg("runtime \"%s\" is another role's", wf_quote(id)),
				 address ? errdetail("It was registered from %s.", address) : 0,
				 errhint("Each runtime needs an id of its own.")));
}

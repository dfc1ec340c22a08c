/*-------------------------------------------------------------------------
 *
 * superuser.c
 *	  Who may become a superuser?
 *
 * Runs in any backend, in a transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "base/superuser.h"

/* Is a role a superuser, or may it SET ROLE to one, directly or not? */
bool
wf_superuser_may_become(Oid role)
{
	Relation	roles;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		may = superuser_arg(role);

	if (may)
		return true;
	roles = table_open(AuthIdRelationId, AccessShareLock);
	scan = systable_beginscan(roles, InvalidOid, false, NULL, 0, NULL);
	while (!may && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid other = (Form_pg_authid) GETSTRUCT(tuple);

		may = other->rolsuper && wf_may_set_role(role, other->oid);
	}
	systable_endscan(scan);
	table_close(roles, AccessShareLock);
	return may;
}

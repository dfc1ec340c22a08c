/*-------------------------------------------------------------------------
 *
 * carrier.c
 *	  The tables of users that can have triggers of the server that call us.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "table/carrier.h"

/*
 * Can this table, which is the caller's, have one?  False: it is of a kind, or as temporary,
 * that our triggers are not for.  Errors: 42P01 if it does not exist, 42501 if it is somebody
 * else's.
 */
bool
wf_carrier_can(Oid relation)
{
	char		kind = get_rel_relkind(relation);

	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table %u does not exist", relation)));
	if (!object_ownercheck(RelationRelationId, relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(kind), get_rel_name(relation));
	return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) &&
		get_rel_persistence(relation) != RELPERSISTENCE_TEMP;
}

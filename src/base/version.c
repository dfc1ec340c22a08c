/*-------------------------------------------------------------------------
 *
 * version.c
 *	  What the SQL of an older version lacks.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/version.h"

/* Does a table of ours have this column? */
bool
wf_version_has_column(const char *table, const char *column)
{
	Oid			relation = get_relname_relid(table, get_namespace_oid("workflow", false));

	return SearchSysCacheExistsAttName(relation, column);
}

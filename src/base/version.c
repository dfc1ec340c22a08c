/*-------------------------------------------------------------------------
 *
 * version.c
 *	  What the SQL of an older version of the extension lacks.
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

/*
 * Return true if a table of the extension has this column.  Needs a
 * transaction.  Error 3F000 if the extension's schema does not exist.
 */
bool
wf_version_has_column(const char *table, const char *column)
{
	Oid			relation = get_relname_relid(table, get_namespace_oid("workflow", false));

	return SearchSysCacheExistsAttName(relation, column);
}

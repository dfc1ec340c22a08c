/*-------------------------------------------------------------------------
 *
 * version.c
 *	  The versions: of the library, and what the SQL of an older one lacks.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/version.h"

PG_FUNCTION_INFO_V1(workflow_library_version);

Datum
workflow_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(WF_VERSION));
}

/* Does a table of ours have this column? */
bool
wf_version_has_column(const char *table, const char *column)
{
	Oid			relation = get_relname_relid(table, get_namespace_oid("workflow", false));

	return SearchSysCacheExistsAttName(relation, column);
}

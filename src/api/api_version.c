/*-------------------------------------------------------------------------
 *
 * api_version.c
 *	  workflow.library_version(): which library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(workflow_library_version);

/*
 * SQL function workflow.library_version() of sql/parts/origin.sql: the version
 * of this library, which may be later than that of the SQL.  Locks nothing.
 */
Datum
workflow_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(WF_VERSION));
}

/*-------------------------------------------------------------------------
 *
 * versions.c
 *	  All versions of a definition.
 *
 * Runs in any backend, and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "definition/versions.h"
#include "store/statement.h"

static WfStatement ids_statement = {
	.sql = "SELECT id FROM workflow.definition WHERE name OPERATOR(pg_catalog.=) $1"
	" ORDER BY version DESC",
	WF_ARGS(TEXTOID)
};

/*
 * Does test(definition, arg) hold for a version of this name?  The newest is
 * asked first, and none after one for which it holds.  Loads the versions that
 * are asked.  SPI must be connected.
 */
bool
wf_versions_any(const char *name, bool (*test) (const WfDefinition *definition, const char *arg),
				const char *arg)
{
	Datum		value = CStringGetTextDatum(name);
	uint64		n = wf_statement_execute(&ids_statement, &value, NULL, 0);
	int32	   *ids = palloc(sizeof(int32) * (n + 1));
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
		ids[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
											 1, &isnull));
	for (uint64 i = 0; i < n; i++)
		if (test(wf_definition(ids[i]), arg))
			return true;
	return false;
}

/*-------------------------------------------------------------------------
 *
 * owner_map.c
 *	  The table workflow.owner_map_entry: as whom runs of another server are done here.
 *
 * Runs in the sessions of operators, and in the courier.  Roles are kept by their names,
 * as pg_ident.conf has them: those of the other server are nothing else here, and those of
 * this one may come with a dump.  SPI must be connected for all of these.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "store/found.h"
#include "store/owner_map.h"
#include "store/statement.h"

static WfStatement set_statement = {
	.sql = "INSERT INTO workflow.owner_map_entry (remote_owner, local_role) VALUES ($1, $2)"
	" ON CONFLICT (remote_owner) DO UPDATE SET local_role = EXCLUDED.local_role",
	WF_ARGS(TEXTOID, TEXTOID)
};

static WfStatement unset_statement = {
	.sql = "DELETE FROM workflow.owner_map_entry WHERE remote_owner OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID)
};

static WfStatement find_statement = {
	.sql = "SELECT m.local_role FROM workflow.owner_map_entry m WHERE m.remote_owner OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID)
};

/* Work of this owner is done as that role from now on.  Returns true. */
bool
wf_owner_map_set(const char *remote_owner, const char *local_role)
{
	Datum		values[2] = {CStringGetTextDatum(remote_owner), CStringGetTextDatum(local_role)};

	return wf_statement_execute(&set_statement, values, NULL, 0) == 1;
}

/* Work of this owner is not done any more; false: it was not. */
bool
wf_owner_map_unset(const char *remote_owner)
{
	Datum		value = CStringGetTextDatum(remote_owner);

	return wf_statement_execute(&unset_statement, &value, NULL, 0) == 1;
}

/* The role as which work of this owner is done, in the current memory context; NULL: nobody. */
char *
wf_owner_map_find(const char *remote_owner)
{
	Datum		value = CStringGetTextDatum(remote_owner);
	MemoryContext caller = CurrentMemoryContext;
	WfFound		found;

	if (wf_statement_execute(&find_statement, &value, NULL, 1) == 0)
		return NULL;
	MemoryContextSwitchTo(caller);	/* SPI has left its own */
	found = wf_found(0);
	return wf_found_text(&found, 0);
}

/*-------------------------------------------------------------------------
 *
 * adopt.c
 *	  The workflows of another place go on here.
 *
 * Runs in the session of an administrator.  What rows say of roles are their
 * names and their OIDs; only the names mean something in another server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "definition/definition.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "shmem/wakeup.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_adopt);

static WfStatement owners_statement = {
	.sql = "SELECT name, role, id FROM workflow.owner ORDER BY id"
};

/* One owner: its work is looked at, and it cannot be dropped. */
static void
settle(HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	char	   *name = SPI_getvalue(row, desc, 1);
	Oid			role = DatumGetObjectId(SPI_getbinval(row, desc, 2, &isnull));

	wf_wakeup_timer(DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull)), DT_NOBEGIN);
	if (OidIsValid(role))
		wf_owner_role_pin(name);
	else
		ereport(WARNING,
				(errmsg("role \"%s\" does not exist: its definitions wait", name),
				 errhint("Create the role and call workflow.adopt() again.")));
}

Datum
workflow_adopt(PG_FUNCTION_ARGS)
{
	uint64		owners;
	bool		foreign;
	SPITupleTable *rows;

	wf_api_require_admin("adopt the workflows of a database");
	wf_api_connect_to_write(fcinfo);
	foreign = !wf_origin_is_ours();
	if (!foreign)
		wf_owner_role_refresh_names();
	wf_definition_roles_changing();
	wf_owner_role_resolve(foreign);
	wf_privilege_resolve(foreign);
	wf_process_row_resolve_starters(foreign);
	wf_origin_renew();
	owners = wf_statement_execute(&owners_statement, NULL, NULL, 0);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < owners; i++)
		settle(rows->vals[i], rows->tupdesc);
	SPI_finish();
	wf_wakeup_extension();
	PG_RETURN_INT64(owners);
}

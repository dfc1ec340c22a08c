/*-------------------------------------------------------------------------
 *
 * api_adopt.c
 *	  workflow.adopt(): let the workflows of a copied database go on here.
 *
 * Runs in client backends, of administrators.  Rows have roles by name and by
 * OID; in another server only the names mean something, so the OIDs are looked
 * up anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/note.h"
#include "definition/definition.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "shmem/member_change.h"
#include "shmem/wakeup.h"
#include "store/changes_write.h"
#include "store/failure.h"
#include "store/file_cursor.h"
#include "store/file_row.h"
#include "store/file_upload.h"
#include "store/keep.h"
#include "store/origin.h"
#include "store/process_row.h"
#include "store/run.h"
#include "store/runtime_row.h"
#include "table/bind.h"
#include "table/table_define.h"

PG_FUNCTION_INFO_V1(workflow_adopt);

/*
 * Have the work of one owner looked at when this commits, and have DROP ROLE
 * refused for it.
 */
static void
take_over(HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	char	   *name = SPI_getvalue(row, desc, 1);
	Oid			role = DatumGetObjectId(SPI_getbinval(row, desc, 2, &isnull));

	wf_wakeup_timer(DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull)), DT_NOBEGIN);
	if (OidIsValid(role))
		wf_owner_role_pin(role);
	else
		ereport(WARNING,
				(errmsg("role \"%s\" does not exist: what it owns waits", name),
				 errhint("Create the role and call workflow.adopt() again.")));
}

/*
 * SQL function workflow.adopt() of sql/parts/origin.sql.  Locks the rows of
 * workflow.owner, workflow.permission, workflow.process, workflow.run,
 * workflow.table_trigger, workflow.binding and workflow.keep that it updates, in this order,
 * and those of files.
 */
Datum
workflow_adopt(PG_FUNCTION_ARGS)
{
	uint64		owners;
	bool		foreign;
	SPITupleTable *rows;

	wf_api_require_admin("workflow.adopt()");
	wf_api_connect_to_write(fcinfo);
	foreign = !wf_origin_is_ours();
	if (foreign)
	{
		wf_origin_catch_up();
		wf_runtime_row_forget_all();
		wf_member_change_row();
		wf_file_row_resolve();
		wf_file_cursor_forget_all();
		wf_file_upload_forget_all();
		wf_changes_write_forget_spans();
	}
	else
		wf_owner_role_refresh_names();
	wf_definition_roles_changing();
	wf_owner_role_resolve(foreign);
	wf_privilege_resolve(foreign);
	wf_process_row_resolve_starters(foreign);
	wf_run_resolve(foreign);
	wf_table_define_resolve(foreign);
	wf_bind_resolve(foreign);
	wf_keep_resolve(foreign);
	wf_failure_forget_over();
	wf_origin_renew();
	owners = wf_owner_role_list();
	rows = SPI_tuptable;
	for (uint64 i = 0; i < owners; i++)
		take_over(rows->vals[i], rows->tupdesc);
	wf_note_database("adopt", NULL);
	SPI_finish();
	wf_wakeup_extension();
	PG_RETURN_INT64(owners);
}

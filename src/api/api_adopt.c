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

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "definition/definition.h"
#include "definition/owner_role.h"
#include "shmem/wakeup.h"
#include "store/origin.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_adopt);

#define ROLE_OF(name) \
	"COALESCE((SELECT r.oid FROM pg_catalog.pg_roles r" \
	" WHERE r.rolname OPERATOR(pg_catalog.=) " name "), 0)"

/*
 * Of elsewhere ($1) all OIDs are resolved anew from the names; at home only
 * those of roles that are gone, for a name may be another role's by now.  What
 * has no role here keeps no OID of elsewhere.
 */
#define MUST_RESOLVE(role) \
	" WHERE $1 OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles a" \
	" WHERE a.oid OPERATOR(pg_catalog.=) " role ")"

static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.owner o SET role = " ROLE_OF("o.name") MUST_RESOLVE("o.role"),
	.nargs = 1,
	.args = {BOOLOID}
};

/*
 * Two roles may have changed OIDs with each other, and two rows may become one:
 * all are taken out (DISTINCT reads to the end) before the first is put back.
 */
static WfStatement resolve_grants_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.permission p" MUST_RESOLVE("p.role")
	" RETURNING p.definition, p.name, p.privilege)"
	" INSERT INTO workflow.permission (definition, role, name, privilege)"
	" SELECT DISTINCT g.definition, " ROLE_OF("g.name") ", g.name, g.privilege FROM gone g"
	" ON CONFLICT DO NOTHING",
	.nargs = 1,
	.args = {BOOLOID}
};

/*
 * A role that starts processes can be dropped, and its name given to another,
 * who has no part in them: at home only those are looked for who were not
 * there at an adopt() before.  There are many processes, and few who start
 * them.
 */
static WfStatement resolve_starters_statement = {
	.sql = "UPDATE workflow.process p SET starter = s.role"
	" FROM (SELECT n.name, " ROLE_OF("n.name::pg_catalog.name") " AS role"
	" FROM (SELECT DISTINCT q.started_by FROM workflow.process q"
	" WHERE $1 OR q.starter OPERATOR(pg_catalog.=) 0) n (name)) s"
	" WHERE p.started_by OPERATOR(pg_catalog.=) s.name"
	" AND p.starter OPERATOR(pg_catalog.<>) s.role"
	" AND ($1 OR p.starter OPERATOR(pg_catalog.=) 0)",
	.nargs = 1,
	.args = {BOOLOID}
};

static WfStatement owners_statement = {
	.sql = "SELECT name, role, id FROM workflow.owner ORDER BY id",
	.nargs = 0
};

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
		wf_owner_role_pin(name);
	else
		ereport(WARNING,
				(errmsg("role \"%s\" does not exist: its definitions wait", name),
				 errhint("Create the role and call workflow.adopt() again.")));
}

/*
 * SQL function workflow.adopt() of sql/parts/origin.sql.  Locks the rows of
 * workflow.owner, workflow.permission and workflow.process that it updates, in
 * this order.
 */
Datum
workflow_adopt(PG_FUNCTION_ARGS)
{
	uint64		owners;
	Datum		foreign;
	SPITupleTable *rows;

	wf_api_require_admin("workflow.adopt()");
	wf_api_connect_to_write(fcinfo);
	foreign = BoolGetDatum(!wf_origin_is_ours());
	if (!DatumGetBool(foreign))
		wf_owner_role_refresh_names();
	wf_definition_roles_changing();
	wf_statement_execute(&resolve_statement, &foreign, NULL, 0);
	wf_statement_execute(&resolve_grants_statement, &foreign, NULL, 0);
	wf_statement_execute(&resolve_starters_statement, &foreign, NULL, 0);
	wf_origin_renew();
	owners = wf_statement_execute(&owners_statement, NULL, NULL, 0);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < owners; i++)
		take_over(rows->vals[i], rows->tupdesc);
	SPI_finish();
	wf_wakeup_extension();
	PG_RETURN_INT64(owners);
}

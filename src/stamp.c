/*-------------------------------------------------------------------------
 *
 * stamp.c
 *	  Is this database the one its rows were written in?
 *
 * Runs in any backend.  The stamp is the system identifier and the OID of the
 * database; a restore brings that of another place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "api.h"
#include "clock.h"
#include "session.h"
#include "stamp.h"
#include "wake.h"

PG_FUNCTION_INFO_V1(workflow_adopt);

static WfStatement read_statement = {
	.sql = "SELECT system_identifier OPERATOR(pg_catalog.=) $1 AND database OPERATOR(pg_catalog.=) $2"
	" FROM workflow.stamp",
	.nargs = 2,
	.args = {INT8OID, OIDOID}
};

static WfStatement write_statement = {
	.sql = "INSERT INTO workflow.stamp (system_identifier, database, at) VALUES ($1, $2, $3)"
	" ON CONFLICT (one) DO NOTHING",
	.nargs = 3,
	.args = {INT8OID, OIDOID, TIMESTAMPTZOID}
};

static WfStatement renew_statement = {
	.sql = "INSERT INTO workflow.stamp (system_identifier, database, at) VALUES ($1, $2, $3)"
	" ON CONFLICT (one) DO UPDATE SET system_identifier = EXCLUDED.system_identifier,"
	" database = EXCLUDED.database, at = EXCLUDED.at",
	.nargs = 3,
	.args = {INT8OID, OIDOID, TIMESTAMPTZOID}
};

#define ROLE_OF(name) \
	"COALESCE((SELECT r.oid FROM pg_catalog.pg_authid r" \
	" WHERE r.rolname OPERATOR(pg_catalog.=) " name "), 0)"

/*
 * Of elsewhere ($1) all OIDs are resolved anew from the names; at home only
 * those of roles that are gone, for a name may be another role's by now.  What
 * has no role here keeps no OID of elsewhere.
 */
#define MUST_RESOLVE(role) \
	" WHERE $1 OR NOT EXISTS (SELECT FROM pg_catalog.pg_authid a" \
	" WHERE a.oid OPERATOR(pg_catalog.=) " role ")"

static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.owner o SET role = " ROLE_OF("o.name") MUST_RESOLVE("o.role"),
	.nargs = 1,
	.args = {BOOLOID}
};

static WfStatement resolve_grants_statement = {
	.sql = "UPDATE workflow.permission p SET role = " ROLE_OF("p.name") MUST_RESOLVE("p.role"),
	.nargs = 1,
	.args = {BOOLOID}
};

static WfStatement resolve_starters_statement = {
	.sql = "UPDATE workflow.process p SET starter = " ROLE_OF("p.started_by") " WHERE $1",
	.nargs = 1,
	.args = {BOOLOID}
};

static WfStatement owners_statement = {
	.sql = "SELECT name, role, id FROM workflow.owner",
	.nargs = 0
};

/* Ours once is ours for the life of the extension in this database. */
static Oid	checked_relation = InvalidOid;

bool
wf_stamp_is_ours(void)
{
	Oid			relation = get_relname_relid("stamp",
											 get_namespace_oid("workflow", false));
	Datum		values[2] = {Int64GetDatum((int64) GetSystemIdentifier()),
	ObjectIdGetDatum(MyDatabaseId)};
	bool		isnull;

	if (relation == checked_relation)
		return true;
	if (wf_execute(&read_statement, values, NULL, 1) > 0 &&
		!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									1, &isnull)))
		return false;
	if (SPI_processed > 0)
		checked_relation = relation;
	return true;
}

void
wf_stamp_require(void)
{
	if (!wf_stamp_is_ours())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the workflows of this database were made in another one"),
				 errdetail("It was restored from a dump, copied, or upgraded; nothing runs here yet."),
				 errhint("If they are to go on here, and no longer there: SELECT workflow.adopt();")));
}

static void
stamp(WfStatement *statement)
{
	Datum		values[3] = {Int64GetDatum((int64) GetSystemIdentifier()),
		ObjectIdGetDatum(MyDatabaseId), TimestampTzGetDatum(wf_now())
	};

	wf_execute(statement, values, NULL, 0);
}

void
wf_stamp_write(void)
{
	stamp(&write_statement);
}

Datum
workflow_adopt(PG_FUNCTION_ARGS)
{
	uint64		owners;
	Datum		foreign;

	wf_require_admin("adopt the workflows of a database");
	wf_connect_to_write(fcinfo);
	foreign = BoolGetDatum(!wf_stamp_is_ours());
	wf_execute(&resolve_statement, &foreign, NULL, 0);
	wf_execute(&resolve_grants_statement, &foreign, NULL, 0);
	wf_execute(&resolve_starters_statement, &foreign, NULL, 0);
	owners = wf_execute(&owners_statement, NULL, NULL, 0);
	for (uint64 i = 0; i < owners; i++)
	{
		bool		isnull;
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		Oid			role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 2, &isnull));

		/* The runtime that starts here looks at everybody. */
		wf_wake_timer(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
												  SPI_tuptable->tupdesc, 3, &isnull)),
					  DT_NOBEGIN);
		if (!OidIsValid(role))
			ereport(WARNING,
					(errmsg("role \"%s\" does not exist: its definitions wait", name),
					 errhint("Create the role and call workflow.adopt() again.")));
	}
	stamp(&renew_statement);
	SPI_finish();
	wf_wake_extension();
	PG_RETURN_INT64(owners);
}

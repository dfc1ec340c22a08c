/*-------------------------------------------------------------------------
 *
 * api_define.c
 *	  workflow.define(): store a version of a definition.
 *
 * Runs in client backends.  The definition is compiled and checked before
 * anything is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "chart/chart.h"
#include "definition/define.h"
#include "definition/owner_role.h"
#include "eval/eval_define.h"
#include "eval/evaluator.h"
#include "store/origin.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_define);

static WfStatement newest_statement = {
	.sql = "SELECT d.version, d.owner, d.chart::pg_catalog.text, d.search_path, d.functions, o.name, d.time_zone"
	" FROM workflow.definition d, workflow.owner o"
	" WHERE d.name OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner"
	" ORDER BY d.version DESC LIMIT 1",
	.nargs = 1,
	.args = {TEXTOID}
};

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.definition"
	" (name, version, owner, source, chart, search_path, functions, created_at, time_zone)"
	" VALUES ($1, $2, $3, $4, $5::pg_catalog.json, $6, $7, $8, $9)",
	.nargs = 9,
	.args = {TEXTOID, INT4OID, INT4OID, JSONOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID}
};

/* Two sessions defining one name take turns. */
static void
lock_name(const char *name)
{
	Oid			relation = get_relname_relid("definition",
											 get_namespace_oid("workflow", false));

	LockDatabaseObject(relation,
					   hash_bytes((const unsigned char *) name, strlen(name)),
					   0, ExclusiveLock);
}

static bool
same_text(HeapTuple row, TupleDesc desc, int column, const char *text)
{
	return strcmp(SPI_getvalue(row, desc, column), text) == 0;
}

/*
 * The newest version of a definition, if there is one: is it what is defined
 * now?  *version: its number, 0 for none.  Error WF002 when it is somebody
 * else's.
 */
static bool
newest_is_same(const char *name, int32 owner, const char *canonical, const char *path,
			   const char *zone, Jsonb *functions, int32 *version)
{
	Datum		value = CStringGetTextDatum(name);
	HeapTuple	row;
	TupleDesc	desc;
	bool		isnull;

	*version = 0;
	if (wf_statement_execute(&newest_statement, &value, NULL, 1) == 0)
		return false;

	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	*version = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	if (DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull)) != owner)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("definition \"%s\" belongs to role \"%s\"", name,
						SPI_getvalue(row, desc, 6))));
	return same_text(row, desc, 3, canonical) &&
		same_text(row, desc, 4, path) &&
		same_text(row, desc, 7, zone) &&
		same_text(row, desc, 5, JsonbToCString(NULL, &functions->root, VARSIZE(functions)));
}

/*
 * SQL function workflow.define(definition) of sql/parts/definition.sql.  Locks
 * the name against other calls until the end of the transaction, then the row
 * of the owner.
 */
Datum
workflow_define(PG_FUNCTION_ARGS)
{
	text	   *source = PG_GETARG_TEXT_PP(0);
	Oid			role = GetUserId();
	char	   *path = wf_define_path();
	const char *zone = pg_get_timezone_name(session_timezone);
	WfEvaluator *evaluator = NULL;
	WfChart    *chart;
	Jsonb	   *functions;
	char	   *canonical;
	int32		owner;
	int32		version;

	chart = wf_define_compile(source, role, path, false, &evaluator);
	wf_define_warn(chart);
	functions = wf_eval_define_functions(evaluator);
	wf_evaluator_free(evaluator);
	canonical = wf_define_canonical(chart);

	wf_api_connect_to_write(fcinfo);
	wf_origin_write();
	lock_name(chart->name);
	owner = wf_owner_role_enter(role);
	if (!newest_is_same(chart->name, owner, canonical, path, zone, functions, &version))
	{
		Datum		values[] = {
			CStringGetTextDatum(chart->name),
			Int32GetDatum(++version),
			Int32GetDatum(owner),
			PointerGetDatum(source),
			CStringGetTextDatum(canonical),
			CStringGetTextDatum(path),
			JsonbPGetDatum(functions),
			TimestampTzGetDatum(wf_clock_now()),
			CStringGetTextDatum(zone)
		};

		wf_statement_execute(&insert_statement, values, NULL, 0);
	}
	SPI_finish();
	PG_RETURN_INT32(version);
}

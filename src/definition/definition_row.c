/*-------------------------------------------------------------------------
 *
 * definition_row.c
 *	  The table workflow.definition: versions that are stored.
 *
 * Runs in the session that calls define(), or does something to a definition that
 * must not be defined anew meanwhile.  Locks a tag for the name of a definition, until
 * the end of the transaction; see wf_definition_row_lock_name().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/version.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/compile.h"
#include "compiler/deparse.h"
#include "definition/definition_log.h"
#include "definition/definition_row.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "definition/qualify.h"
#include "store/origin.h"
#include "store/statement.h"

static WfStatement newest_calls_statement = {
	.sql = "SELECT d.version, d.owner, d.chart::pg_catalog.text, d.search_path, d.functions, o.name, d.time_zone,"
	" d.calls, d.id"
	" FROM workflow.definition d, workflow.owner o"
	" WHERE d.name OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner"
	" ORDER BY d.version DESC LIMIT 1",
	WF_ARGS(TEXTOID)
};

/* One of before 0.3.0: what it calls is what it is found to call now. */
static WfStatement keep_calls_statement = {
	.sql = "UPDATE workflow.definition SET calls = $2 WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID, JSONBOID)
};

static WfStatement newest_statement = {
	.sql = "SELECT d.version, d.owner, d.chart::pg_catalog.text, d.search_path, d.functions, o.name, d.time_zone"
	" FROM workflow.definition d, workflow.owner o"
	" WHERE d.name OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner"
	" ORDER BY d.version DESC LIMIT 1",
	WF_ARGS(TEXTOID)
};

static WfStatement defined_statement = {
	.sql = "SELECT FROM workflow.definition d WHERE d.name OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.definition"
	" (name, version, owner, source, chart, search_path, functions, created_at, time_zone)"
	" VALUES ($1, $2, $3, $4, $5::pg_catalog.json, $6, $7, $8, $9)",
	WF_ARGS(TEXTOID, INT4OID, INT4OID, JSONOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID)
};

static WfStatement insert_all_statement = {
	.sql = "INSERT INTO workflow.definition"
	" (name, version, owner, source, chart, search_path, functions, created_at, time_zone, failures, calls, sensitive)"
	" VALUES ($1, $2, $3, $4, $5::pg_catalog.json, $6, $7, $8, $9, $10, $11, $12)",
	WF_ARGS(TEXTOID, INT4OID, INT4OID, JSONOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID, TEXTARRAYOID,
			JSONBOID, TEXTARRAYOID)
};

/*
 * Lock the name of a definition until the end of the transaction.
 *
 * Two sessions that define one name, drop it or give it away take turns.  There is no object yet that
 * could be locked, so the lock is on a tag of our own: the class is the OID of
 * our table and the object a hash of the name.  Objects of the server have the
 * OID of a system catalog there, so nobody else takes such a lock, and two
 * names with the same hash only wait for each other.  An advisory lock would
 * stand among the users' own, and a lock on the table would have all names
 * wait.
 */
void
wf_definition_row_lock_name(const char *name)
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

/* Is this what is stored in a column, as jsonb? */
static bool
same_jsonb(HeapTuple row, TupleDesc desc, int column, Jsonb *value)
{
	return same_text(row, desc, column, JsonbToCString(NULL, &value->root, VARSIZE(value)));
}

/*
 * Was a version of before 0.3.0 made from the same text?  Its canonical form has
 * names as their author wrote them, and its functions are only those that are
 * named.
 */
static bool
old_is_same(const WfDefinitionVersion *version, Oid role, HeapTuple row, TupleDesc desc)
{
	WfFaults	faults = {0};
	bool		isnull;
	Jsonb	   *functions = DatumGetJsonbPCopy(SPI_getbinval(row, desc, 5, &isnull));
	char	   *stored = SPI_getvalue(row, desc, 3);
	WfChart    *chart = wf_compile(stored, strlen(stored), &faults);

	if (chart == NULL || !same_jsonb(row, desc, 5, version->named))
		return false;
	wf_qualify(chart, functions, version->path, role, false);
	return strcmp(wf_deparse(chart), version->canonical) == 0;
}

/* The same text, path, time zone, and functions? */
static bool
row_is_same(const WfDefinitionVersion *version, Oid role, HeapTuple row, TupleDesc desc)
{
	Datum		values[2];
	bool		isnull = false;

	if (!same_text(row, desc, 4, version->path) || !same_text(row, desc, 7, version->zone))
		return false;
	if (desc->natts > 7)
	{
		bool		is_old;

		(void) SPI_getbinval(row, desc, 8, &is_old);
		if (!is_old && !same_jsonb(row, desc, 8, version->calls))
			return false;
		if (!is_old && same_text(row, desc, 3, version->canonical))
			return same_jsonb(row, desc, 5, version->functions);
		if (!old_is_same(version, role, row, desc))
			return false;
		if (!is_old)
			return true;
		values[0] = SPI_getbinval(row, desc, 9, &isnull);
		values[1] = JsonbPGetDatum(version->calls);
		(void) wf_statement_execute(&keep_calls_statement, values, NULL, 0);
		return true;
	}
	return same_text(row, desc, 3, version->canonical) &&
		same_jsonb(row, desc, 5, version->named);
}

/*
 * The newest version of a definition, if there is one: is it what is defined
 * now?  *number: its version, 0 for none.  Error WF002 when it is somebody
 * else's.
 */
static bool
newest_is_same(const WfDefinitionVersion *version, Oid role, int32 owner, int32 *number)
{
	Datum		value = CStringGetTextDatum(version->name);
	HeapTuple	row;
	TupleDesc	desc;
	bool		isnull;

	*number = 0;
	if (wf_statement_execute(wf_version_has_column("definition", "calls") ?
							 &newest_calls_statement : &newest_statement, &value, NULL, 1) == 0)
		return false;

	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	*number = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	if (DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull)) != owner)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("definition \"%s\" belongs to role \"%s\"", version->name,
						SPI_getvalue(row, desc, 6))));
	return row_is_same(version, role, row, desc);
}

static void
insert_version(const WfDefinitionVersion *version, int32 owner, int32 number)
{
	Datum		values[] = {
		CStringGetTextDatum(version->name),
		Int32GetDatum(number),
		Int32GetDatum(owner),
		PointerGetDatum(version->source),
		CStringGetTextDatum(version->canonical),
		CStringGetTextDatum(version->path),
		JsonbPGetDatum(wf_version_has_column("definition", "calls") ? version->functions : version->named),
		TimestampTzGetDatum(wf_clock_now()),
		CStringGetTextDatum(version->zone),
		PointerGetDatum(version->failures),
		JsonbPGetDatum(version->calls),
		PointerGetDatum(version->sensitive)
	};
	char		nulls[] = "            ";

	nulls[9] = version->failures != NULL ? ' ' : 'n';
	nulls[11] = version->sensitive != NULL ? ' ' : 'n';
	if (wf_version_has_column("definition", "calls"))
		wf_statement_execute(&insert_all_statement, values, nulls, 0);
	else if (version->sensitive != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"sensitive\" needs version 0.3.0 of the extension"),
				 errhint("ALTER EXTENSION workflow UPDATE;")));
	else
		wf_statement_execute(&insert_statement, values, NULL, 0);
}

/* Error 22023: by such a name grant_on() and change_owner() mean a job, a queue, ... */
static void
check_prefix(const char *name)
{
	const char *rest;

	if (wf_privilege_kind(name, &rest) != WF_PRIVILEGE_DEFINITION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a definition must not begin with \"%s\"", pnstrdup(name, rest - name)),
				 errdetail("Privileges on such a name are those on another kind of object.")));
}

/*
 * Store what this role defines, unless it is the same as the newest version of
 * that name.  Returns the number of the version.  Error WF002 when the name
 * belongs to another role; 22023 for one that is not to be had; 55000 before adopt().  Locks the name until the end
 * of the transaction.  SPI must be connected.
 */
int32
wf_definition_row_store(const WfDefinitionVersion *version, Oid role)
{
	int32		owner;
	int32		number;

	wf_origin_write();
	wf_privilege_forget_gone();
	wf_definition_row_lock_name(version->name);
	owner = wf_owner_role_enter(role);
	if (!newest_is_same(version, role, owner, &number))
	{
		WfDefinitionLog log = {.definition = version->name,.event = WF_LOG_DEFINE};

		if (number == 0)
			check_prefix(version->name);
		/* The number of one that was dropped stays its own. */
		number = Max(number, wf_definition_log_last_version(version->name)) + 1;
		insert_version(version, owner, number);
		log.version = number;
		wf_definition_log(&log);
	}
	return number;
}

/* Is there any version of this definition?  SPI must be connected. */
bool
wf_definition_row_is_there(const char *name)
{
	Datum		value = CStringGetTextDatum(name);

	return wf_statement_execute(&defined_statement, &value, NULL, 1) > 0;
}

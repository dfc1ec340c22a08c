/*-------------------------------------------------------------------------
 *
 * drop.c
 *	  Versions of a definition that no process has are removed.
 *
 * Runs in the session that calls drop_definition().  Whoever gives a version to a
 * process keeps it from being dropped until the end of the transaction
 * (wf_definition_keep()): so this waits for them, and finds the process then.  Who
 * comes later waits for this transaction, and finds no such version.
 *
 * Locks the name of the definition, as define() does, then the versions in their
 * order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "definition/definition_row.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/version.h"
#include "definition/definition.h"
#include "definition/definition_log.h"
#include "definition/drop.h"
#include "definition/handover.h"
#include "definition/named_by.h"
#include "definition/owner_role.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "store/early.h"
#include "store/keep.h"
#include "store/statement.h"

static WfStatement versions_statement = {
	.sql = "SELECT d.id, d.version FROM workflow.definition d WHERE d.name OPERATOR(pg_catalog.=) $1"
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR d.version OPERATOR(pg_catalog.=) $2)"
	" ORDER BY d.version",
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

/* One version that some process has. */
static WfStatement used_statement = {
	.sql = "SELECT d.version FROM workflow.process p"
	" JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	" WHERE p.definition OPERATOR(pg_catalog.=) ANY ($1) LIMIT 1",
	WF_ARGS(INT4ARRAYOID),
	.latest = true
};

static WfStatement bound_statement = {
	.sql = "SELECT b.on_table FROM workflow.binding b WHERE b.definition OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.definition WHERE id OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(INT4ARRAYOID),
	.latest = true
};

/* The versions to be dropped. */
typedef struct Versions
{
	int			n;
	Datum	   *ids;
	Datum	   *numbers;
} Versions;

static void
find_versions(const char *name, int32 version, Versions *versions)
{
	Datum		values[2] = {CStringGetTextDatum(name), Int32GetDatum(version)};
	bool		isnull;

	versions->n = wf_statement_execute(&versions_statement, values, NULL, 0);
	versions->ids = palloc(sizeof(Datum) * (versions->n + 1));
	versions->numbers = palloc(sizeof(Datum) * (versions->n + 1));
	for (int i = 0; i < versions->n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];

		versions->ids[i] = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull);
		versions->numbers[i] = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull);
	}
	if (versions->n == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 version == 0 ?
				 errmsg("definition \"%s\" does not exist", wf_quote(name)) :
				 errmsg("definition \"%s\" has no version %d", wf_quote(name), version)));
}

static ArrayType *
int4_array(Datum *values, int n)
{
	return construct_array(values, n, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

/* Error 2BP01 if a process has one of the versions. */
static void
refuse_used(const char *name, ArrayType *ids)
{
	Datum		value = PointerGetDatum(ids);
	bool		isnull;

	if (wf_statement_execute(&used_statement, &value, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop definition \"%s\": there are processes of version %d", name,
						DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
													SPI_tuptable->tupdesc, 1, &isnull))),
				 errhint("Processes that are over go with workflow.erase() or workflow.expire(), others end with workflow.cancel() or go on in another version with workflow.migrate().")));
}

/* A definition without versions cannot be unbound any more. */
static void
refuse_bound(const char *name)
{
	Datum		value = CStringGetTextDatum(name);

	if (!wf_version_has_column("binding", "definition") ||
		wf_statement_execute(&bound_statement, &value, NULL, 1) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop definition \"%s\": table %s carries the states of its processes", name,
					SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
			 errhint("Call workflow.unbind() before that.")));
}

static Jsonb *
versions_jsonb(const Versions *versions)
{
	static const char *keys[] = {"versions"};
	Jsonb	  **numbers = palloc(sizeof(Jsonb *) * versions->n);
	Jsonb	   *value;

	for (int i = 0; i < versions->n; i++)
		numbers[i] = wf_jsonb_parse(psprintf("%d", DatumGetInt32(versions->numbers[i])));
	value = wf_jsonb_array(versions->n, numbers);
	return wf_jsonb_object(1, keys, &value);
}

/*
 * Remove a version of a definition or, 0, all of them, and with the last one all
 * that is stored of the definition.  An owner that owns nothing any more can be
 * dropped then.  The caller has checked rights.  Returns how many versions.  Error
 * WF006 if there is none, 2BP01 if a process has one.  SPI must be connected.
 */
int
wf_drop_definition(const char *name, int32 version, const char *note)
{
	WfDefinitionLog log = {.definition = name,.event = WF_LOG_DROP,.version = version,.note = note};
	WfOwned		owned;
	Versions	versions;
	ArrayType  *ids;
	Datum		value;

	wf_definition_row_lock_name(name);
	wf_handover_find(name, &owned);
	find_versions(name, version, &versions);
	for (int i = 0; i < versions.n; i++)
		wf_definition_lock_for_drop(DatumGetInt32(versions.ids[i]));
	ids = int4_array(versions.ids, versions.n);
	refuse_used(name, ids);

	wf_definition_roles_changing();
	value = PointerGetDatum(ids);
	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
	log.data = versions_jsonb(&versions);
	wf_definition_log(&log);
	if (!wf_definition_row_is_there(name))
	{
		refuse_bound(name);
		wf_pause_drop(name);
		wf_privilege_drop(name);
		wf_keep_drop(WF_KEEP_DEFINITION, name);
		wf_early_drop(name);
		wf_definition_log_gone(name);
		wf_named_by_warn(name, false);
		(void) wf_owner_role_release(owned.owner);
	}
	return versions.n;
}

/*-------------------------------------------------------------------------
 *
 * bulk_scope.c
 *	  Whose processes or runs a bulk operation may touch.
 *
 * When somebody asks for an operation, it is noted of which definitions or jobs they may do
 * that to all processes or runs; of an administrator: all.  Others are no items.  Before
 * each slice it is asked whether that is still so.  If not, the operation stops, rather than
 * have a million refusals.  And each item is done by a function that asks once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_scope.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "job/job.h"
#include "queue/queue.h"
#include "store/statement.h"
#include "store/tenant.h"

/* Names of definitions or jobs, and who owns them; $1: of these; null: of all. */
#define NAMES(table) \
	"SELECT DISTINCT d.name, (SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) d.owner)" \
	" FROM workflow." table " d WHERE $1 IS NULL OR d.name OPERATOR(pg_catalog.=) ANY ($1)"

static WfStatement definitions_statement = {
	.sql = NAMES("definition"),
	WF_ARGS(TEXTARRAYOID)
};

static WfStatement jobs_statement = {
	.sql = NAMES("job"),
	WF_ARGS(TEXTARRAYOID)
};

#define VERSIONS(table) \
	"SELECT ARRAY(SELECT d.id FROM workflow." table " d WHERE d.name OPERATOR(pg_catalog.=) ANY ($1)" \
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR d.version OPERATOR(pg_catalog.=) $2))"

static WfStatement definition_versions_statement = {
	.sql = VERSIONS("definition"),
	WF_ARGS(TEXTARRAYOID, INT4OID)
};

static WfStatement job_versions_statement = {
	.sql = VERSIONS("job"),
	WF_ARGS(TEXTARRAYOID, INT4OID)
};

/* What those have to have who do it; NULL: they have to own the definition. */
static const char *
privilege_of(WfBulkAct act)
{
	if (wf_bulk_act_is_of_runs(act))
		return "manage";
	return act == WF_BULK_MIGRATE ? NULL : "send";
}

static bool
is_admin(void)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	return superuser() || (OidIsValid(admin) && has_privs_of_role(GetUserId(), admin));
}

/* May the current user do it to all items of the definition or job of this name? */
static bool
may(WfBulkAct act, const char *name, Oid owner)
{
	const char *privilege = privilege_of(act);
	WfPrivilegeKind kind = wf_bulk_act_is_of_runs(act) ? WF_PRIVILEGE_JOB : WF_PRIVILEGE_DEFINITION;

	if (privilege == NULL)
		return is_admin() || (OidIsValid(owner) && has_privs_of_role(GetUserId(), owner));
	return wf_privilege_role_may_on(GetUserId(), kind, name, owner, privilege);
}

static ArrayType *
text_array(Datum *items, int n)
{
	return construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * Of those names, or, NULL, of all: those whose items the current user may touch; *lost
 * becomes one of the others, or NULL.
 */
static ArrayType *
allowed(WfBulkAct act, ArrayType *names, const char **lost)
{
	WfStatement *statement = wf_bulk_act_is_of_runs(act) ? &jobs_statement : &definitions_statement;
	Datum		value = PointerGetDatum(names);
	int			n = (int) wf_statement_execute(statement, &value, names == NULL ? "n" : " ", 0);
	SPITupleTable *found = SPI_tuptable;
	Datum	   *items = palloc(sizeof(Datum) * (n + 1));
	int			nallowed = 0;

	*lost = NULL;
	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		char	   *name = SPI_getvalue(found->vals[i], found->tupdesc, 1);
		Oid			owner = DatumGetObjectId(SPI_getbinval(found->vals[i], found->tupdesc, 2, &isnull));

		if (may(act, name, isnull ? InvalidOid : owner))
			items[nallowed++] = CStringGetTextDatum(name);
		else
			*lost = name;
	}
	return text_array(items, nallowed);
}

/* --- when it is asked for ------------------------------------------------------------ */

static ArrayType *
only(const char *name)
{
	Datum		item = CStringGetTextDatum(name);

	return text_array(&item, 1);
}

static void
take_definition(WfBulk *bulk, const WfBulkFilter *filter)
{
	WfDefinition *definition = wf_definition_by_name(filter->object, filter->version);

	if (bulk->act == WF_BULK_MIGRATE)
		wf_privilege_require_owner(definition);
	else
		wf_privilege_require(definition, "send");
	if (bulk->actor != NULL)
		wf_privilege_require_actor(definition, bulk->actor);
	bulk->scope = only(filter->object);
}

/* Who may not manage a job, but make runs of it, may end those that they have made. */
static void
take_job(WfBulk *bulk, const WfBulkFilter *filter)
{
	const WfJob *job = wf_job_newest(filter->object);

	if (wf_job_may(job, "manage"))
	{
		bulk->scope = only(filter->object);
		return;
	}
	if (bulk->act == WF_BULK_ALTER || !wf_job_may(job, "run"))
		wf_job_require(job, "manage");
	bulk->scope = text_array(NULL, 0);
}

/*
 * Note of which definitions or jobs the current user may touch all items.  Errors: 42501
 * for who may not call the function; WF002; WF006 or WF010 for a name.  SPI must be
 * connected, as for all of these.
 */
void
wf_bulk_scope_take(WfBulk *bulk, const WfBulkFilter *filter)
{
	const char *lost;

	if (!wf_bulk_act_may_call(bulk->act))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s", wf_bulk_act_name(bulk->act))));
	if (filter->queue != NULL)
		(void) wf_queue_number(filter->queue);
	if (filter->object != NULL && wf_bulk_act_is_of_runs(bulk->act))
		take_job(bulk, filter);
	else if (filter->object != NULL)
		take_definition(bulk, filter);
	else if (bulk->act == WF_BULK_MIGRATE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the filter does not say of which definition processes are migrated")));
	else if (!is_admin())
		bulk->scope = allowed(bulk->act, NULL, &lost);
	if (bulk->scope != NULL && !wf_bulk_act_is_of_runs(bulk->act) &&
		ArrayGetNItems(ARR_NDIM(bulk->scope), ARR_DIMS(bulk->scope)) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("there is no definition whose processes the current user may %s", wf_bulk_act_name(bulk->act))));
}

/* --- before each slice --------------------------------------------------------------- */

/*
 * Why the current user, who had asked for it, may not do it any more; NULL: nothing was
 * taken from them.
 */
const char *
wf_bulk_scope_lost(const WfBulk *bulk)
{
	const char *lost;

	if (!wf_bulk_act_may_call(bulk->act))
		return psprintf("role \"%s\" may not %s any more", GetUserNameFromId(GetUserId(), false),
						wf_bulk_act_name(bulk->act));
	if (!wf_tenant_may(bulk->tenant))
		return bulk->tenant == NULL ?
			psprintf("role \"%s\" is confined to tenants by now", GetUserNameFromId(GetUserId(), false)) :
			psprintf("role \"%s\" may not work for tenant \"%s\" any more", GetUserNameFromId(GetUserId(), false),
					 wf_quote(bulk->tenant));
	if (bulk->scope == NULL)
		return is_admin() ? NULL :
			psprintf("role \"%s\" is no administrator any more", GetUserNameFromId(GetUserId(), false));
	(void) allowed(bulk->act, bulk->scope, &lost);
	return lost == NULL ? NULL :
		psprintf("role \"%s\" may not %s %s of \"%s\" any more", GetUserNameFromId(GetUserId(), false),
				 wf_bulk_act_name(bulk->act), wf_bulk_act_is_of_runs(bulk->act) ? "runs" : "processes", wf_quote(lost));
}

/* The versions of these names; version 0: all of them.  In the current memory context. */
static ArrayType *
versions(WfBulkAct act, ArrayType *names, int32 version)
{
	Datum		values[2] = {PointerGetDatum(names), Int32GetDatum(version)};
	bool		isnull;

	(void) wf_statement_execute(wf_bulk_act_is_of_runs(act) ? &job_versions_statement :
								&definition_versions_statement, values, NULL, 1);
	return (ArrayType *) PG_DETOAST_DATUM_COPY(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* What the names stand for now.  Errors WF006, WF010 for one that is gone. */
void
wf_bulk_scope_resolve(const WfBulk *bulk, const WfBulkFilter *filter, WfBulkScope *scope)
{
	memset(scope, 0, sizeof(WfBulkScope));
	if (bulk->scope != NULL)
		scope->managed = versions(bulk->act, bulk->scope, filter->version);
	if (!wf_bulk_act_is_of_runs(bulk->act))
		return;
	if (filter->object != NULL)
		scope->named = versions(bulk->act, only(filter->object), 0);
	if (filter->queue != NULL)
		scope->queue = wf_queue_number(filter->queue);
	if (bulk->act != WF_BULK_ALTER)
		scope->starter = GetUserId();
}

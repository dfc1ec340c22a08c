/*-------------------------------------------------------------------------
 *
 * alert_target.c
 *	  What an alert looks at, as its filter says.
 *
 * Runs wherever alerts are made or looked at, each time anew: what there is, and what the
 * owner of the alert may read of it, may have changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "alert/alert_target.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/privilege.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "store/runtime_row.h"
#include "store/statement.h"

static WfStatement definition_statement = {
	.sql = "SELECT d.owner, o.role FROM workflow.definition d JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner"
	" WHERE d.name OPERATOR(pg_catalog.=) $1 ORDER BY d.version DESC LIMIT 1",
	WF_ARGS(TEXTOID)
};

/* --- the filter -------------------------------------------------------------------- */

/* Where the value of a key belongs. */
static const char **
place_of(WfAlertTarget *target, const char *key)
{
	if (strcmp(key, "queue") == 0)
		return &target->queue;
	if (strcmp(key, "job") == 0)
		return &target->job_name;
	if (strcmp(key, "definition") == 0)
		return &target->definition;
	if (strcmp(key, "state") == 0)
		return &target->state;
	if (strcmp(key, "runtime") == 0)
		return &target->runtime;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown key \"%s\" of an alert's filter", wf_quote(key)),
			 errhint("There are queue, job, definition, state and runtime.")));
}

/* Read the filter; what it does not name is NULL. */
static void
read_filter(Jsonb *filter, WfAlertTarget *target)
{
	JsonbIterator *it = JsonbIteratorInit(&filter->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;
	const char **place;

	if (!JB_ROOT_IS_OBJECT(filter))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the filter of an alert must be an object")));
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		place = place_of(target, key);
		if (value.type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" of an alert's filter must be a string", wf_quote(key))));
		*place = pnstrdup(value.val.string.val, value.val.string.len);
	}
}

static void
check_filter(const WfAlert *alert, const WfAlertTarget *target)
{
	int			named = (target->queue != NULL) + (target->job_name != NULL) + (target->definition != NULL);

	if (named > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the filter of an alert names one of queue, job and definition")));
	if (named == 0 && alert->kind == WF_ALERT_WAITING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an alert of kind \"waiting\" needs a filter"),
				 errhint("Name a queue, a job or a definition: {\"definition\": \"loan\"}.")));
	if (named == 0 && (alert->kind == WF_ALERT_P95 || alert->kind == WF_ALERT_P99))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an alert of kind \"%s\" needs a filter", wf_alert_row_kind_name(alert->kind)),
				 errhint("Name a queue, a job or a definition: {\"definition\": \"loan\"}.")));
	if (target->state != NULL && (target->definition == NULL || alert->kind != WF_ALERT_WAITING))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"state\" goes with a definition, for an alert of kind \"waiting\"")));
	if (alert->kind == WF_ALERT_SILENT ? named > 0 : target->runtime != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an alert of kind \"silent\" is of a runtime, and no other one is")));
}

/* --- what it names ------------------------------------------------------------------ */

/* Is a role one of those who see all runtimes? */
static bool
sees_runtimes(Oid role)
{
	static const char *const who[] = {"workflow_monitor", "workflow_runtime", "workflow_admin"};

	for (int i = 0; i < (int) lengthof(who); i++)
	{
		Oid			group = get_role_oid(who[i], true);

		if (OidIsValid(group) && has_privs_of_role(role, group))
			return true;
	}
	return false;
}

/* Error WF002 unless it sees them; WF018 if there is none of that name. */
static void
require_runtime(const WfAlert *alert, const WfAlertTarget *target)
{
	WfRuntimeRow row;

	if (!sees_runtimes(alert->role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not see runtimes", GetUserNameFromId(alert->role, false)),
				 errhint("Members of workflow_monitor, workflow_runtime and workflow_admin do.")));
	if (target->runtime != NULL && !wf_runtime_row_find(target->runtime, &row))
		ereport(ERROR,
				(errcode(WF_ERR_RUNTIME),
				 errmsg("runtime \"%s\" is not registered", wf_quote(target->runtime))));
}

static void
find_definition(const WfAlert *alert, WfAlertTarget *target)
{
	Datum		name = CStringGetTextDatum(target->definition);
	bool		isnull;
	Oid			role;

	if (wf_statement_execute(&definition_statement, &name, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 errmsg("definition \"%s\" does not exist", wf_quote(target->definition))));
	target->owner = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (!wf_privilege_role_may_on(alert->role, WF_PRIVILEGE_DEFINITION, target->definition, role, "read"))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not read definition \"%s\"",
						GetUserNameFromId(alert->role, false), wf_quote(target->definition)),
				 errhint("Its owner can allow it with workflow.grant_on().")));
}

/*
 * Find what an alert looks at.  Errors: 22023; WF010, WF006 and WF018 for what there is
 * not, WF002 for what its owner may not read.  SPI must be connected.
 */
void
wf_alert_target_find(const WfAlert *alert, WfAlertTarget *target)
{
	memset(target, 0, sizeof(*target));
	target->owner = alert->owner;
	read_filter(alert->filter, target);
	check_filter(alert, target);
	if (target->queue != NULL)
	{
		target->queue_number = wf_queue_number(target->queue);
		wf_queue_right_require_of(alert->role, target->queue_number, WF_QUEUE_READ);
	}
	if (target->job_name != NULL)
	{
		target->job = wf_job_newest(target->job_name);
		wf_job_require_of(alert->role, target->job, "read");
	}
	if (target->definition != NULL)
		find_definition(alert, target);
	if (alert->kind == WF_ALERT_SILENT)
		require_runtime(alert, target);
}

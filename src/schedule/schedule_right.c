/*-------------------------------------------------------------------------
 *
 * schedule_right.c
 *	  Who may do what with schedules.
 *
 * Runs in any backend.  The role that owns a schedule, members of that, and
 * workflow_admin may do everything; others what was granted to them.  Nothing is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/privilege.h"
#include "schedule/schedule_right.h"
#include "store/statement.h"
#include "store/tenant.h"

static WfStatement role_statement = {
	.sql = "SELECT s.name, o.role, s.tenant FROM workflow.schedule s JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) s.owner"
	" WHERE s.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

/*
 * Has the current user this privilege on the schedule with this number?  SPI must be
 * connected, as for all of these.
 */
bool
wf_schedule_right_may(int32 id, const char *privilege)
{
	Datum		value = Int32GetDatum(id);
	bool		isnull;
	Datum		name;
	Datum		role;
	Datum		tenant;

	if (wf_statement_execute(&role_statement, &value, NULL, 1) == 0)
		return false;
	name = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	role = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	tenant = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull);
	return wf_tenant_sees(tenant) &&
		wf_privilege_role_may_on(GetUserId(), WF_PRIVILEGE_SCHEDULE, TextDatumGetCString(name),
								 DatumGetObjectId(role), privilege);
}

static void
require(const WfSchedule *schedule, const char *privilege)
{
	if (!wf_privilege_role_may_on(GetUserId(), WF_PRIVILEGE_SCHEDULE, schedule->name, schedule->role, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to %s schedule \"%s\"", privilege, wf_quote(schedule->name)),
				 errhint("Its owner can allow it with workflow.grant_on('schedule:%s', ..., '%s').",
						 wf_quote(schedule->name), privilege)));
}

pg_noreturn static void
refuse_missing(const char *name)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("schedule \"%s\" does not exist", wf_quote(name)),
			 errhint("Make it with workflow.create_schedule().")));
}

/*
 * Read the schedule of this name.  Errors: WF010 if there is none, WF002 unless the current
 * user has the privilege.
 */
void
wf_schedule_right_find(const char *name, const char *privilege, WfSchedule *schedule)
{
	if (!wf_schedule_row_find(name, schedule) || !wf_tenant_sees(schedule->tenant))
		refuse_missing(name);
	require(schedule, privilege);
}

/* Lock one that the current user manages.  Errors as above. */
void
wf_schedule_right_hold(const char *name, WfSchedule *schedule)
{
	/* who may not have it keeps nobody waiting */
	wf_schedule_right_find(name, WF_SCHEDULE_MANAGE, schedule);
	if (!wf_schedule_row_lock(name, schedule))
		refuse_missing(name);
	require(schedule, WF_SCHEDULE_MANAGE);
}

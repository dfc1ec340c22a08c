/*-------------------------------------------------------------------------
 *
 * api_calendar.c
 *	  Calendars of working time: defining, dropping and counting in them.
 *
 * Runs in client backends.  Changing a calendar locks its row; steps read
 * calendars without lock, from a cache of the session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/zone.h"
#include "chart/diagnostic.h"
#include "definition/owner_role.h"
#include "eval/calendar.h"
#include "eval/working_time.h"
#include "store/origin.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_define_calendar);
PG_FUNCTION_INFO_V1(workflow_drop_calendar);
PG_FUNCTION_INFO_V1(workflow_add_working_time);
PG_FUNCTION_INFO_V1(workflow_working_time_between);

/* Its owner comes as the one who defines it first, and stays. */
static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.calendar (name, owner, calendar, at) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (name) DO NOTHING",
	.nargs = 4,
	.args = {TEXTOID, INT4OID, JSONBOID, TIMESTAMPTZOID}
};

static WfStatement lock_statement = {
	.sql = "SELECT o.role, o.name, o.id FROM workflow.calendar c, workflow.owner o"
	" WHERE c.name OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) c.owner"
	" FOR UPDATE OF c",
	.nargs = 1,
	.args = {TEXTOID}
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.calendar SET calendar = $2, at = $3"
	" WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 3,
	.args = {TEXTOID, JSONBOID, TIMESTAMPTZOID}
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.calendar WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {TEXTOID}
};

/*
 * Lock the row of a calendar until the end of the transaction.  Returns the id of
 * its owner, 0 if there is none.  Error WF002 if the current user may not change it.
 */
static int32
hold(const char *name)
{
	Datum		value = CStringGetTextDatum(name);
	Oid			admin = get_role_oid("workflow_admin", true);
	bool		isnull;
	Oid			role;

	if (wf_statement_execute(&lock_statement, &value, NULL, 1) == 0)
		return 0;
	role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										  1, &isnull));
	if (!(OidIsValid(role) && has_privs_of_role(GetUserId(), role)) &&
		!(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("calendar \"%s\" belongs to role \"%s\"", name,
						SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2))));
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3,
									   &isnull));
}

/* Error WF007, with all faults in the detail, if the calendar has any. */
static void
check_calendar(const char *name, Jsonb *calendar)
{
	WfFaults	faults = {0};
	const WfCalendar *parsed;

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a calendar needs a name")));
	wf_arg_check_length("the name of a calendar is too long", strlen(name));
	parsed = wf_calendar_parse(name, JsonbToCString(NULL, &calendar->root, VARSIZE(calendar)),
							   &faults);
	if (faults.n == 0 && !wf_zone_is_named(pg_get_timezone_name(parsed->zone)))
		wf_diagnostic_fault(&faults, "$.zone", WF_ZONE_HINT, "time zone \"%s\" is no name",
							pg_get_timezone_name(parsed->zone));
	if (faults.n > 0)
		ereport(ERROR,
				(errcode(WF_ERR_FAULTY),
				 errmsg_plural("the calendar has %d fault", "the calendar has %d faults",
							   faults.n, faults.n),
				 errdetail("%s", wf_diagnostic_text(&faults))));
}

/*
 * SQL function workflow.define_calendar(name, calendar) of
 * sql/parts/calendar.sql.  Locks the row of the calendar.
 */
Datum
workflow_define_calendar(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	Datum		insert[4] = {PG_GETARG_DATUM(0), 0, PG_GETARG_DATUM(1), TimestampTzGetDatum(wf_clock_now())};
	Datum		update[3] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), insert[3]};

	check_calendar(name, PG_GETARG_JSONB_P(1));
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_origin_write();
	insert[1] = Int32GetDatum(wf_owner_role_enter(GetUserId()));
	wf_calendar_changing();
	while (wf_statement_execute(&insert_statement, insert, NULL, 0) == 0)
	{
		/* It was there.  If it was dropped before we got it, it is new again. */
		CHECK_FOR_INTERRUPTS();
		if (hold(name) != 0)
		{
			wf_statement_execute(&update_statement, update, NULL, 0);
			break;
		}
	}
	wf_note_object("define_calendar", "calendar", name, DatumGetInt32(insert[1]), NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.drop_calendar(name) of sql/parts/calendar.sql.  Locks
 * the row of the calendar.
 */
Datum
workflow_drop_calendar(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	Datum		value = PG_GETARG_DATUM(0);
	int32		owner;

	wf_api_connect_to_write(fcinfo);
	wf_calendar_changing();
	owner = hold(name);
	if (owner == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("calendar \"%s\" does not exist", wf_quote(name))));
	wf_statement_execute(&delete_statement, &value, NULL, 0);
	wf_note_object("drop_calendar", "calendar", name, owner, NULL, NULL);
	(void) wf_owner_role_release(owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.add_working_time(...) of sql/parts/calendar.sql.  Locks
 * nothing.
 */
Datum
workflow_add_working_time(PG_FUNCTION_ARGS)
{
	const WfCalendar *calendar = wf_calendar(wf_arg_string(fcinfo, 2, "calendar"));

	PG_RETURN_TIMESTAMPTZ(wf_working_time_add(calendar, PG_GETARG_TIMESTAMPTZ(0),
											  PG_GETARG_INTERVAL_P(1)));
}

/*
 * SQL function workflow.working_time_between(...) of sql/parts/calendar.sql.
 * Locks nothing.
 */
Datum
workflow_working_time_between(PG_FUNCTION_ARGS)
{
	const WfCalendar *calendar = wf_calendar(wf_arg_string(fcinfo, 2, "calendar"));
	Interval   *result = palloc0(sizeof(Interval));

	result->time = wf_working_time_between(calendar, PG_GETARG_TIMESTAMPTZ(0),
										   PG_GETARG_TIMESTAMPTZ(1));
	PG_RETURN_INTERVAL_P(result);
}

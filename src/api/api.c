/*-------------------------------------------------------------------------
 *
 * api.c
 *	  What the SQL-callable functions share: arguments, refusals, locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/fmgrprotos.h"

#include "api/api.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "process/process.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/process_row.h"
#include "store/statement.h"

static WfStatement find_statement = {
	.sql = "SELECT process FROM workflow.key"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND key OPERATOR(pg_catalog.=) $2",
	.nargs = 2,
	.args = {TEXTOID, TEXTOID}
};

static WfStatement started_statement = {
	.sql = "SELECT FROM workflow.process WHERE id OPERATOR(pg_catalog.=) $1"
	" AND starter OPERATOR(pg_catalog.=) $2",
	.nargs = 2,
	.args = {UUIDOID, OIDOID}
};

static void
require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* The value of an argument, or an error that names it when it is null. */
text *
wf_arg_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	require_argument(fcinfo, n, name);
	return PG_GETARG_TEXT_PP(n);
}

char *
wf_arg_string(FunctionCallInfo fcinfo, int n, const char *name)
{
	return text_to_cstring(wf_arg_text(fcinfo, n, name));
}

static char *
string_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

Jsonb *
wf_arg_jsonb_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_JSONB_P(n);
}

pg_uuid_t *
wf_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name)
{
	require_argument(fcinfo, n, name);
	return PG_GETARG_UUID_P(n);
}

/* Null is an error: it is neither. */
bool
wf_arg_bool(FunctionCallInfo fcinfo, int n, const char *name)
{
	require_argument(fcinfo, n, name);
	return PG_GETARG_BOOL(n);
}

/* Number of a version; null: 0, which stands for the newest.  Error 22023. */
int32
wf_arg_version(FunctionCallInfo fcinfo, int n)
{
	int32		version = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);

	if (!PG_ARGISNULL(n) && version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a version must be at least 1, not %d", version),
				 errhint("Without one it is the newest.")));
	return version;
}

/*
 * Error 22001 when a key, an id or the name of an event is longer than our
 * indexes take; `what` says which.
 */
void
wf_check_length(const char *what, size_t length)
{
	if (length > WF_MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("%s is too long", what),
				 errdetail("It has %zu bytes, of %d that are allowed.", length,
						   WF_MAX_NAME_LENGTH),
				 errhint("Keep long values in the context or the data of an event, and a hash of them here.")));
}

/* The name of an event: not empty, not too long, not one that only the engine sends. */
void
wf_check_event(const char *event)
{
	const char *prefix = wf_reserved_prefix(event, false);

	if (event[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an event needs a name")));
	wf_check_length("the name of an event", strlen(event));
	if (prefix != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event \"%s\" cannot be sent: names that begin with \"%s\" are the engine's own",
						wf_quoted(event), prefix)));
}

char *
wf_arg_event(FunctionCallInfo fcinfo, int n)
{
	char	   *event = wf_arg_string(fcinfo, n, "event");

	wf_check_event(event);
	return event;
}

/* Error WF002 when one was given whom the current user may not speak for. */
void
wf_check_actor(FunctionCallInfo fcinfo, int n, const WfDefinition *definition)
{
	if (!PG_ARGISNULL(n))
		wf_require_actor(definition, text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/* The id of a command or an event, or NULL; error 22001. */
char *
wf_arg_id_or_null(FunctionCallInfo fcinfo, int n)
{
	char	   *id = string_or_null(fcinfo, n);

	if (id != NULL)
		wf_check_length("the id of an event", strlen(id));
	return id;
}

/* Default: the current user.  Error 22001. */
char *
wf_arg_actor(FunctionCallInfo fcinfo, int n)
{
	char	   *actor = string_or_null(fcinfo, n);

	if (actor == NULL)
		return GetUserNameFromId(GetUserId(), false);
	wf_check_length("the name of an actor", strlen(actor));
	return actor;
}

/* Error WF002 unless the current user is an administrator of workflow. */
void
wf_require_admin(const char *what)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (!superuser() && !(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be superuser or member of workflow_admin to %s", what)));
}

/*
 * The same for functions that write, or lock rows: error 25006 on a standby
 * and in a read-only transaction.
 */
void
wf_connect_to_write(FunctionCallInfo fcinfo)
{
	if (RecoveryInProgress() || XactReadOnly)
	{
		const char *what = psprintf("workflow.%s()",
									get_func_name(fcinfo->flinfo->fn_oid));

		PreventCommandDuringRecovery(what);
		PreventCommandIfReadOnly(what);
	}
	wf_connect();
}

/* The same for functions that are STABLE. */
void
wf_connect_to_look(void)
{
	wf_connect();
	(void) wf_look_only(true);
}

/* The same after the row was locked. */
WfProcess *
wf_hold_row(WfStepper *stepper, const WfRow *row)
{
	WfProcess  *process;

	wf_require(wf_definition(row->definition), "send");
	process = wf_stepper_add(stepper, row);
	wf_wake_released(wf_process_definition(process)->owner);
	if (wf_row_is_over(row))
		wf_is_over(&row->id);
	return process;
}

/*
 * Lock a process for a change by the current user: WF001, WF002, WF004,
 * WF005 as they apply.  Registers the release of the lock with the wake room.
 */
WfProcess *
wf_hold(WfStepper *stepper, const pg_uuid_t *id, bool nowait)
{
	WfRow		row;

	if (!wf_lock_process(id, nowait, &row))
		wf_no_process(id);
	return wf_hold_row(stepper, &row);
}

/*
 * Error WF002 unless the current user has any right on the definition.  (Who
 * may start a process learns the id of the one that has a key, anyway.)
 */
void
wf_require_any(const WfDefinition *definition)
{
	/* In the words of send(), which refuses where there is such a process. */
	if (!wf_may(definition, "start") && !wf_may(definition, "read"))
		wf_require(definition, "send");
}

/*
 * The process with a business key; error WF001, or WF002 for those who have
 * no right on the definition.
 */
void
wf_find(const char *definition, const char *key, pg_uuid_t *id)
{
	Datum		values[2] = {CStringGetTextDatum(definition), CStringGetTextDatum(key)};
	bool		isnull;

	if (wf_execute(&find_statement, values, NULL, 1) == 0)
	{
		/* Which keys are taken is nothing for those who may do nothing here. */
		wf_require_any(wf_definition_by_name(definition, 0));
		ereport(ERROR,
				(errcode(WF_ERR_NO_PROCESS),
				 errmsg("no process of \"%s\" has the key \"%s\"", definition,
						wf_quoted(key))));
	}
	*id = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * Error WF002 unless the current user may read the definition, or started
 * the process itself.
 */
void
wf_require_sight(const pg_uuid_t *process, const WfDefinition *definition)
{
	Datum		values[2] = {UUIDPGetDatum(process),
	ObjectIdGetDatum(GetUserId())};

	if (!wf_may(definition, "read") &&
		wf_execute(&started_statement, values, NULL, 1) == 0)
		wf_require(definition, "read");
}

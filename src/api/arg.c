/*-------------------------------------------------------------------------
 *
 * arg.c
 *	  Arguments of SQL-callable functions, or the error that names them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arg.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"

static void
require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

static char *
string_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
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
				 errhint("Omit the version for the newest one.")));
	return version;
}

/*
 * Error 22001 with this message if a key, an id or a name is longer than the
 * columns of our indexes may be.
 */
void
wf_arg_check_length(const char *message, size_t length)
{
	if (length > WF_MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg_internal("%s", message),
				 errdetail("It has %zu bytes, of %d that are allowed.", length,
						   WF_MAX_NAME_LENGTH),
				 errhint("Keep long values in the context or the data of an event, and a hash of them here.")));
}

/* The name of an event: not empty, not too long, not one that only the engine sends. */
void
wf_arg_check_event(const char *event)
{
	const char *prefix = wf_chart_reserved_prefix(event, false);

	if (event[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an event needs a name")));
	wf_arg_check_length("the name of an event is too long", strlen(event));
	if (prefix != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event \"%s\" cannot be sent: names that begin with \"%s\" are the engine's own",
						wf_quote(event), prefix)));
}

char *
wf_arg_event(FunctionCallInfo fcinfo, int n)
{
	char	   *event = wf_arg_string(fcinfo, n, "event");

	wf_arg_check_event(event);
	return event;
}

/* Error WF002 when one was given whom the current user may not speak for. */
void
wf_arg_check_actor(FunctionCallInfo fcinfo, int n, const WfDefinition *definition)
{
	if (!PG_ARGISNULL(n))
		wf_privilege_require_actor(definition, text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/* The id of a command or an event, or NULL; error 22001. */
char *
wf_arg_id_or_null(FunctionCallInfo fcinfo, int n)
{
	char	   *id = string_or_null(fcinfo, n);

	if (id != NULL)
		wf_arg_check_length("the id of an event is too long", strlen(id));
	return id;
}

/* Default: the current user.  Error 22001. */
char *
wf_arg_actor(FunctionCallInfo fcinfo, int n)
{
	char	   *actor = string_or_null(fcinfo, n);

	if (actor == NULL)
		return GetUserNameFromId(GetUserId(), false);
	wf_arg_check_length("the name of an actor is too long", strlen(actor));
	return actor;
}

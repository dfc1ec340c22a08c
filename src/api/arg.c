/*-------------------------------------------------------------------------
 *
 * arg.c
 *	  Reading and checking arguments of SQL-callable functions.
 *
 * Runs in client backends.  Arguments are numbered from 0.  Only the functions
 * that say so read tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/arg.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/span.h"
#include "base/version.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"

/* Longest name of a partition, in bytes. */
#define PARTITION_MAX	1000

/* Longest name of a language. */
#define MAX_LANGUAGE	100

/* Error 22004 if an argument is null. */
void
wf_arg_require(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* A text argument as a string; NULL if it is null. */
char *
wf_arg_string_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* A text argument, detoasted.  Error 22004, which names it, if it is null. */
text *
wf_arg_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
	return PG_GETARG_TEXT_PP(n);
}

/* An interval as an argument; NULL if it is null. */
Interval *
wf_arg_interval_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_INTERVAL_P(n);
}

/* A time as an argument; `otherwise` if it is null. */
TimestampTz
wf_arg_time_or(FunctionCallInfo fcinfo, int n, TimestampTz otherwise)
{
	return PG_ARGISNULL(n) ? otherwise : PG_GETARG_TIMESTAMPTZ(n);
}

/* A text argument as a string.  Error 22004, which names it, if it is null. */
char *
wf_arg_string(FunctionCallInfo fcinfo, int n, const char *name)
{
	return text_to_cstring(wf_arg_text(fcinfo, n, name));
}

/* A jsonb argument, detoasted; NULL if it is null. */
Jsonb *
wf_arg_jsonb_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_JSONB_P(n);
}

/* A uuid argument.  Error 22004, which names it, if it is null. */
pg_uuid_t *
wf_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
	return PG_GETARG_UUID_P(n);
}

/* A boolean argument.  Error 22004, which names it, if it is null. */
bool
wf_arg_bool(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
	return PG_GETARG_BOOL(n);
}

/*
 * A text[] argument as a list of strings, NIL if it is null.  Error 22004, which
 * names it, for a null element.
 */
List *
wf_arg_strings(FunctionCallInfo fcinfo, int n, const char *name)
{
	List	   *strings = NIL;
	Datum	   *items;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(n))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT,
					  &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"%s\" is null", i + 1, name)));
		strings = lappend(strings, TextDatumGetCString(items[i]));
	}
	return strings;
}

/* The elements of an array of ids, none of which is null; NULL, and none: no array. */
pg_uuid_t *
wf_arg_uuids(FunctionCallInfo fcinfo, int n, const char *name, int *count)
{
	Datum	   *items;
	bool	   *nulls;
	pg_uuid_t  *ids;

	*count = 0;
	if (PG_ARGISNULL(n))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
					  &items, &nulls, count);
	ids = palloc(sizeof(pg_uuid_t) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"%s\" is null", i + 1, name)));
		ids[i] = *DatumGetUUIDP(items[i]);
	}
	return ids;
}

/*
 * An argument that is the number of a version; 0, which stands for the newest
 * one, if it is null.  Error 22023 if it is less than 1.
 */
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

/*
 * Check the length of a business key.  Error 22001 if it is too long for its index;
 * 22023 if it is empty, unless it may be: an application that means "no key" would
 * get one process for all.
 */
void
wf_arg_check_key(size_t length, bool may_be_empty)
{
	wf_arg_check_length("the key of a process is too long", length);
	if (length == 0 && !may_be_empty)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of a process must not be empty"),
				 errhint("A process without a key has the key null.")));
}

/* The same for the key of a run. */
void
wf_arg_check_run_key(const char *key)
{
	wf_arg_check_length("the key of a run is too long", strlen(key));
	if (*key == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of a run must not be empty"),
				 errhint("A run without a key has the key null.")));
}

/*
 * Check a partition of runs; NULL is none.  Error 22023 if it is empty, 22001 if it is
 * too long.
 */
void
wf_arg_check_partition(const char *partition)
{
	if (partition == NULL)
		return;
	if (*partition == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partition must not be empty")));
	if (strlen(partition) > PARTITION_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("partition is too long"),
				 errdetail("It has %zu bytes; %d are allowed.", strlen(partition), PARTITION_MAX)));
}

/*
 * Check the name of an event that a user sends.  Error 22023 if it is empty, or
 * one that only the engine sends; 22001 if it is too long.
 */
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

/*
 * The argument "event": the name of an event that a user sends.  Error 22004 if
 * it is null; others as wf_arg_check_event().
 */
char *
wf_arg_event(FunctionCallInfo fcinfo, int n)
{
	char	   *event = wf_arg_string(fcinfo, n, "event");

	wf_arg_check_event(event);
	return event;
}

/*
 * Error WF002 if argument n, an actor, is not null and the current user may not
 * act for that one in processes of the definition.  Reads workflow.permission.
 */
void
wf_arg_check_actor(FunctionCallInfo fcinfo, int n, const WfDefinition *definition)
{
	if (!PG_ARGISNULL(n))
		wf_privilege_require_actor(definition, text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/*
 * Check the id of a command or of an event.  Error 22001 if it is too long; 22023
 * if it is empty: an application that means "no id" would have all but its first
 * command taken for repetitions.  SQL of versions before 0.3.0 takes an empty one.
 */
void
wf_arg_check_id(const char *id)
{
	wf_arg_check_length("the id of an event is too long", strlen(id));
	if (id[0] == '\0' && wf_version_has_column("early", "until"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the id of an event must not be empty"),
				 errhint("An event without an id has the id null.")));
}

/*
 * An argument that is the id of a command or of an event; NULL if it is null.
 * Errors as of wf_arg_check_id().
 */
char *
wf_arg_id_or_null(FunctionCallInfo fcinfo, int n)
{
	char	   *id = wf_arg_string_or_null(fcinfo, n);

	if (id != NULL)
		wf_arg_check_id(id);
	return id;
}

/*
 * An argument that is an actor; the name of the current user if it is null.
 * Error 22001 if it is too long.  wf_arg_check_actor() comes later, when the
 * definition is known.
 */
char *
wf_arg_actor(FunctionCallInfo fcinfo, int n)
{
	char	   *actor = wf_arg_string_or_null(fcinfo, n);

	if (actor == NULL)
		return GetUserNameFromId(GetUserId(), false);
	wf_arg_check_length("the name of an actor is too long", strlen(actor));
	return actor;
}

/*
 * An argument that says in which language texts are wanted; NULL: in none, or the SQL is of a
 * version that does not ask.  Error 22023.
 */
char *
wf_arg_language(FunctionCallInfo fcinfo, int n)
{
	char	   *language = PG_NARGS() > n ? wf_arg_string_or_null(fcinfo, n) : NULL;

	if (language != NULL && strlen(language) > MAX_LANGUAGE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"language\" is too long"),
				 errhint("Write a language tag: \"de\", \"pt-BR\".")));
	return language;
}

/*
 * An argument "traceparent", which versions before 0.3.0 do not have; without one, the
 * context of the session.  NULL: none.  Error 22023 if it is not what the W3C says.
 */
const char *
wf_arg_trace(FunctionCallInfo fcinfo, int n)
{
	char	   *given = PG_NARGS() > n ? wf_arg_string_or_null(fcinfo, n) : NULL;
	char	   *context;

	if (likely(given == NULL))
		return wf_guc_traceparent();
	context = palloc(WF_SPAN_LENGTH + 1);
	if (!wf_span_read(given, context))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no trace context", wf_quote(given)),
				 errhint(WF_SPAN_HINT)));
	return context;
}

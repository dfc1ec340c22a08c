/*-------------------------------------------------------------------------
 *
 * script.c
 *	  The scripts of workflow.simulate(): arrays of what comes, and when.
 *
 * Reads them, and checks one element after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/script.h"
#include "base/compat.h"

/* Error 22023 with this message, and a hint that may be NULL. */
void
wf_script_wrong(const WfScriptLine *line, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errdetail("The error is in element %d of the script.", line->number),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* A member of an element, or NULL. */
static JsonbValue *
find(const WfScriptLine *line, const char *key)
{
	return getKeyJsonValueFromContainer(line->object, key, strlen(key), NULL);
}

/* A member of an element as jsonb, or NULL. */
Jsonb *
wf_script_jsonb(const WfScriptLine *line, const char *key)
{
	JsonbValue *value = find(line, key);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* A member that must be a string which is not empty; NULL if there is none. */
char *
wf_script_string(const WfScriptLine *line, const char *key)
{
	JsonbValue *value = find(line, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString || value->val.string.len == 0)
		wf_script_wrong(line, psprintf("\"%s\" is not a string", key), NULL);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A member that must be a boolean; false if there is none. */
bool
wf_script_is(const WfScriptLine *line, const char *key)
{
	JsonbValue *value = find(line, key);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		wf_script_wrong(line, psprintf("\"%s\" is neither true nor false", key), NULL);
	return value->val.boolean;
}

/* Check the keys of an element, and those that exclude each other. */
void
wf_script_check(const WfScriptLine *line)
{
	static const char *const known[] = {"after", "at", "event", "data", "actor",
	"done", "output", "error", "until_idle", "guards"};
	JsonbIterator *it = JsonbIteratorInit(line->object);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool		found = token != WJB_KEY;

		for (int i = 0; i < (int) lengthof(known) && !found; i++)
			found = value.val.string.len == (int) strlen(known[i]) &&
				memcmp(value.val.string.val, known[i], value.val.string.len) == 0;
		if (!found)
			wf_script_wrong(line, psprintf("unknown key \"%.*s\"", value.val.string.len,
									  value.val.string.val),
					   "Keys are after, at, event, data, actor, done, output, error, until_idle and guards.");
	}
	if ((find(line, "event") != NULL) + (find(line, "done") != NULL) +
		(find(line, "error") != NULL) > 1)
		wf_script_wrong(line, "\"event\", \"done\" and \"error\" exclude each other", NULL);
	if (find(line, "after") != NULL && find(line, "at") != NULL)
		wf_script_wrong(line, "\"after\" and \"at\" exclude each other", NULL);
}

static TimestampTz
read_time(const WfScriptLine *line, TimestampTz now)
{
	JsonbValue *after = find(line, "after");
	char	   *at = wf_script_string(line, "at");
	Datum		then = TimestampTzGetDatum(now);

	if (at != NULL)
		then = DirectFunctionCall3(timestamptz_in, CStringGetDatum(at),
								   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	else if (after != NULL && after->type == jbvNumeric)
	{
		double		ms = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
															NumericGetDatum(after->val.numeric)));

		if (!(ms >= 0 && ms <= 1e14))
			wf_script_wrong(line, "\"after\" is out of range", NULL);
		return now + (TimestampTz) (ms * 1000);
	}
	else if (after != NULL)
	{
		Datum		interval = DirectFunctionCall3(interval_in,
												   CStringGetDatum(wf_script_string(line, "after")),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

		then = DirectFunctionCall2(timestamptz_pl_interval, then, interval);
	}
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(then)))
		wf_script_wrong(line, "the time is not finite", NULL);
	if (DatumGetTimestampTz(then) < now)
		wf_script_wrong(line, "time does not go backwards", NULL);
	return DatumGetTimestampTz(then);
}

/* Tells which element it is whose time cannot be read. */
static void
tell_element(void *arg)
{
	errcontext("element %d of the script", ((const WfScriptLine *) arg)->number);
}

/* The instant to which an element of the script moves the clock, at least now. */
TimestampTz
wf_script_time(const WfScriptLine *line, TimestampTz now)
{
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = tell_element,
		.arg = unconstify(WfScriptLine *, line)
	};
	TimestampTz then;

	error_context_stack = &context;
	then = read_time(line, now);
	error_context_stack = context.previous;
	return then;
}

/* The n-th element of the script, from 0. */
WfScriptLine
wf_script_line(Jsonb *script, int n)
{
	WfScriptLine line = {.number = n + 1};
	JsonbValue *value = getIthJsonbValueFromContainer(&script->root, n);

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		wf_script_wrong(&line, "an element of a script must be an object", NULL);
	line.object = value->val.binary.data;
	return line;
}

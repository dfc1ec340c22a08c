/*-------------------------------------------------------------------------
 *
 * run_said.c
 *	  What the code of a run has said of it, on its way to the server whose run it is.
 *
 * Runs in executors of placed runs, which write it, and in the session of the runtime on the
 * server that reads it.  It is one value, so that it is kept and told with what has become of
 * the run:
 *
 *		{"progress": {...}, "lines": [[at, severity, message, data], ...],
 *		 "park": [until, event]}
 *
 * of which each may be missing, and data, until and event may be null.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "run/run_failure.h"
#include "run/run_inside.h"
#include "run/run_said.h"

/* Each has that many elements. */
#define LINE_PARTS	4
#define PARK_PARTS	2

/* --- to be sent --------------------------------------------------------------------------- */

static Jsonb *
null_value(void)
{
	return wf_jsonb_string_or_null(NULL);
}

static Jsonb *
write_line(const WfRunLogLine *line)
{
	Jsonb	   *parts[LINE_PARTS] = {
		wf_run_failure_time(line->at), wf_jsonb_string(line->severity), wf_jsonb_string(line->message),
		line->data == NULL ? null_value() : line->data
	};

	return wf_jsonb_array(LINE_PARTS, parts);
}

static Jsonb *
write_lines(const WfRunSaid *said)
{
	Jsonb	  **lines = palloc(sizeof(Jsonb *) * said->nlines);

	for (int i = 0; i < said->nlines; i++)
		lines[i] = write_line(&said->lines[i]);
	return wf_jsonb_array(said->nlines, lines);
}

static Jsonb *
write_park(const WfRunPark *park)
{
	Jsonb	   *parts[PARK_PARTS] = {
		TIMESTAMP_NOT_FINITE(park->until) ? null_value() : wf_run_failure_time(park->until),
		wf_jsonb_string_or_null(park->event)
	};

	return wf_jsonb_array(PARK_PARTS, parts);
}

/* It as one value, in the current memory context; NULL: nothing was said. */
Jsonb *
wf_run_said_write(const WfRunSaid *said)
{
	const char *keys[3];
	Jsonb	   *values[3];
	int			n = 0;

	if (said->progress != NULL)
	{
		keys[n] = "progress";
		values[n++] = said->progress;
	}
	if (said->nlines > 0)
	{
		keys[n] = "lines";
		values[n++] = write_lines(said);
	}
	if (said->park != NULL)
	{
		keys[n] = "park";
		values[n++] = write_park(said->park);
	}
	return n == 0 ? NULL : wf_jsonb_object(n, keys, values);
}

/* --- as it was received -------------------------------------------------------------------- */

/* Error 22023: no server of ours has written that. */
static void
refuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("what the run has said makes no sense")));
}

/* A member of an object, which is an array, or an object; NULL: there is none. */
static JsonbValue *
find(Jsonb *value, const char *key, bool array)
{
	JsonbValue *found;

	if (!JB_ROOT_IS_OBJECT(value))
		refuse();
	found = getKeyJsonValueFromContainer(&value->root, key, strlen(key), NULL);
	if (found != NULL && (found->type != jbvBinary || JsonContainerIsArray(found->val.binary.data) != array))
		refuse();
	return found;
}

static JsonbValue *
part(JsonbContainer *array, uint32 n, uint32 of)
{
	if (JsonContainerSize(array) != of)
		refuse();
	return getIthJsonbValueFromContainer(array, n);
}

/* A string; NULL: null. */
static char *
text_of(const JsonbValue *value)
{
	if (value->type == jbvNull)
		return NULL;
	if (value->type != jbvString)
		refuse();
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A time; `without`: null. */
static TimestampTz
time_of(const JsonbValue *value, TimestampTz without)
{
	char	   *text = text_of(value);

	return text == NULL ? without :
		DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static WfRunLogLine
read_line(const JsonbValue *value)
{
	WfRunLogLine line = {0};
	JsonbContainer *parts;
	const char *severity;
	JsonbValue *data;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse();
	parts = value->val.binary.data;
	line.at = time_of(part(parts, 0, LINE_PARTS), DT_NOBEGIN);
	severity = text_of(part(parts, 1, LINE_PARTS));
	line.severity = severity == NULL ? NULL : wf_run_log_severity(severity);
	line.message = text_of(part(parts, 2, LINE_PARTS));
	data = part(parts, 3, LINE_PARTS);
	if (data->type != jbvNull)
		line.data = JsonbValueToJsonb(data);
	if (TIMESTAMP_NOT_FINITE(line.at) || line.message == NULL || line.severity == NULL)
		refuse();
	return line;
}

static void
read_lines(JsonbContainer *lines, WfRunSaid *said)
{
	int			n = (int) JsonContainerSize(lines);

	if (n > WF_RUN_INSIDE_LINES)
		refuse();
	said->lines = palloc(sizeof(WfRunLogLine) * Max(n, 1));
	for (; said->nlines < n; said->nlines++)
		said->lines[said->nlines] = read_line(getIthJsonbValueFromContainer(lines, said->nlines));
}

static WfRunPark *
read_park(JsonbContainer *parts)
{
	WfRunPark  *park = palloc0(sizeof(WfRunPark));

	park->until = time_of(part(parts, 0, PARK_PARTS), DT_NOEND);
	park->event = text_of(part(parts, 1, PARK_PARTS));
	if (TIMESTAMP_NOT_FINITE(park->until) && park->event == NULL)
		refuse();
	return park;
}

/* Read what another server has written.  Errors 22023, 22007, 22008. */
void
wf_run_said_read(Jsonb *value, WfRunSaid *said)
{
	JsonbValue *progress = find(value, "progress", false);
	JsonbValue *lines = find(value, "lines", true);
	JsonbValue *park = find(value, "park", true);

	if ((int) JB_ROOT_COUNT(value) != (progress != NULL) + (lines != NULL) + (park != NULL))
		refuse();
	*said = (WfRunSaid) {0};
	if (progress != NULL)
		said->progress = JsonbValueToJsonb(progress);
	if (lines != NULL)
		read_lines(lines->val.binary.data, said);
	if (park != NULL)
		said->park = read_park(park->val.binary.data);
}

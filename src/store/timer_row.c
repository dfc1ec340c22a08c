/*-------------------------------------------------------------------------
 *
 * timer_row.c
 *	  A row of the table workflow.timer, in memory.
 *
 * Runs in any backend.  Statements list its columns with WF_TIMER_COLUMNS, and what
 * they return is read here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "store/timer_row.h"

static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* In the column child: the event is a command with an id, which is in its data. */
static const pg_uuid_t once_marker = {{
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
}};

/*
 * What is stored of an event that is to come once, in the tables timer and failure
 * alike: *child is a marker, and the result, for the column data, has the id beside
 * the data.  Of any other event the data, and *child as it is.
 */
Jsonb *
wf_timer_row_pack(const WfTimerRow *timer, const pg_uuid_t **child)
{
	static const char *keys[] = {"once", "data"};
	Jsonb	   *values[2];

	*child = timer->from_child ? &timer->child : NULL;
	if (likely(timer->once == NULL))
		return timer->data;
	*child = &once_marker;
	values[0] = wf_jsonb_string(timer->once);
	values[1] = timer->data;
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* A member of what wf_timer_row_pack() has made, or NULL. */
static Jsonb *
packed(Jsonb *data, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&data->root, key, strlen(key), &buffer);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* The reverse of wf_timer_row_pack(). */
static void
unpack(WfTimerRow *timer)
{
	if (likely(!timer->from_child || memcmp(&timer->child, &once_marker, UUID_LEN) != 0))
		return;
	timer->from_child = false;
	timer->once = wf_jsonb_text(packed(timer->data, "once"));
	timer->data = packed(timer->data, "data");
}

/* What was selected as WF_TIMER_COLUMNS, in the current memory context. */
void
wf_timer_row_read(WfTimerRow *timer, const pg_uuid_t *process, Datum *values, bool *nulls)
{
	timer->process = *process;
	timer->seq = DatumGetInt64(values[WF_TIMER_seq]);
	timer->due = DatumGetTimestampTz(values[WF_TIMER_due]);
	timer->attempts = DatumGetInt16(values[WF_TIMER_attempts]);
	timer->event = TextDatumGetCString(values[WF_TIMER_event]);
	timer->name = text_or_null(values[WF_TIMER_name], nulls[WF_TIMER_name]);
	timer->state = text_or_null(values[WF_TIMER_state], nulls[WF_TIMER_state]);
	timer->actor = text_or_null(values[WF_TIMER_actor], nulls[WF_TIMER_actor]);
	timer->data = nulls[WF_TIMER_data] ? NULL : DatumGetJsonbPCopy(values[WF_TIMER_data]);
	timer->trace = text_or_null(values[WF_TIMER_traceparent], nulls[WF_TIMER_traceparent]);
	timer->from_child = !nulls[WF_TIMER_child];
	timer->once = NULL;
	if (timer->from_child)
	{
		timer->child = *DatumGetUUIDP(values[WF_TIMER_child]);
		unpack(timer);
	}
}

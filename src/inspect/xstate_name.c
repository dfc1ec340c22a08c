/*-------------------------------------------------------------------------
 *
 * xstate_name.c
 *	  Names in a machine of XState: targets, events, delays.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "chart/chart.h"
#include "chart/duration.h"
#include "compiler/deparse_value.h"
#include "compiler/list.h"
#include "compiler/writer.h"
#include "inspect/xstate_name.h"

/* In milliseconds.  A JavaScript timer that is set longer is due at once. */
#define LONGEST_TIMEOUT		2147483647.0

/* ----------------------------------------------------------------
 *						States
 * ----------------------------------------------------------------
 */

/*
 * Append a key as part of a path, in which dots separate and backslashes
 * quote.
 */
static void
put_key(StringInfo buf, const char *key)
{
	for (; *key; key++)
	{
		if (*key == '.' || *key == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *key);
	}
}

/* Append the path from a state to one inside of it. */
static void
put_path(StringInfo buf, const WfExporter *e, WfStateId from, WfStateId to)
{
	const WfState *state = &e->chart->states[to];

	if (state->parent != from)
	{
		put_path(buf, e, from, state->parent);
		appendStringInfoChar(buf, '.');
	}
	put_key(buf, state->key);
}

/* Return the path from a state to one inside of it. */
const char *
wf_xstate_name_path(const WfExporter *e, WfStateId from, WfStateId to)
{
	StringInfoData buf;

	initStringInfo(&buf);
	put_path(&buf, e, from, to);
	return buf.data;
}

/* Return "#machine.path", by which a state is found from anywhere. */
const char *
wf_xstate_name_id(const WfExporter *e, WfStateId id)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '#');
	put_key(&buf, e->chart->name);
	if (id > 0)
	{
		appendStringInfoChar(&buf, '.');
		put_path(&buf, e, 0, id);
	}
	return buf.data;
}

/* Return a target as a transition of `source` names it. */
const char *
wf_xstate_name_target(const WfExporter *e, WfStateId source, WfStateId target)
{
	const WfState *states = e->chart->states;

	if (wf_is_descendant(e->chart, target, source))
		return psprintf(".%s", wf_xstate_name_path(e, source, target));
	if (target > 0 && states[target].parent == states[source].parent)
		return wf_xstate_name_path(e, states[target].parent, target);
	return wf_xstate_name_id(e, target);
}

/*
 * Has a state an id of the author's that can be exported?  One that begins
 * like the machine's own id could be taken for the default id of another
 * state.
 */
bool
wf_xstate_name_keeps_id(const WfExporter *e, const WfState *state)
{
	const char *root = e->chart->name;
	size_t		len = strlen(root);

	return state->custom_id != NULL &&
		(strncmp(state->custom_id, root, len) != 0 ||
		 strchr(".", state->custom_id[len]) == NULL);
}

/* Return the id by which XState knows a state. */
static const char *
state_id(const WfExporter *e, WfStateId id)
{
	const WfState *state = &e->chart->states[id];

	if (id == 0)
		return e->chart->name;
	return wf_xstate_name_keeps_id(e, state) ? state->custom_id :
		psprintf("%s.%s", e->chart->name, state->name);
}

/* ----------------------------------------------------------------
 *						Events
 * ----------------------------------------------------------------
 */

/*
 * Return the key under `on` for an event descriptor of a state.  If XState
 * has no such event, that is reported as lost, at `path`.
 */
const char *
wf_xstate_name_event(WfExporter *e, const WfState *state, const char *event,
					 const char *path)
{
	static const char *const prefixes[][2] = {
		{"done.invoke.", "xstate.done.actor."},
		{"error.invoke.", "xstate.error.actor."},
		{"done.", "xstate.done."},
		{"after.", "xstate.after."}
	};

	if (strncmp(event, "done.state.", 11) == 0)
	{
		WfStateId	id = wf_chart_find(e->chart, event + 11,
									   strlen(event + 11));

		return psprintf("xstate.done.state.%s",
						id == WF_NO_STATE ? event + 11 : state_id(e, id));
	}
	for (int i = 0; i < (int) lengthof(prefixes); i++)
	{
		size_t		len = strlen(prefixes[i][0]);

		if (strncmp(event, prefixes[i][0], len) == 0)
			return psprintf("%s%s", prefixes[i][1], event + len);
	}
	if (strncmp(event, "error.", 6) == 0 ||
		strncmp(event, "workflow.", 9) == 0)
		wf_xstate_name_loss(e, path, "event", "XState has no such event");
	return event;
}

/* ----------------------------------------------------------------
 *						Delays
 * ----------------------------------------------------------------
 */

/*
 * Compute the milliseconds of a delay, and report at `path` what that loses.
 * Returns false if the delay has to be implemented.
 */
bool
wf_xstate_name_ms(WfExporter *e, const WfDelay *delay, const char *path, int64 *ms)
{
	WfDuration	duration;

	if (!wf_duration(delay, &duration))
		return false;
	*ms = (int64) ceil(duration.usual);
	if (duration.shortest < duration.longest)
		wf_xstate_name_loss(e, path, "delay", "days, months and years of the "
							"calendar become milliseconds: a day has 24 hours, a "
							"month 30 days, a year 365");
	if (duration.usual > LONGEST_TIMEOUT)
		wf_xstate_name_loss(e, path, "delay", "XState's own clock cannot wait "
							"longer than 24.8 days");
	return true;
}

/* Would JavaScript take a name for a number? */
static bool
looks_like_number(const char *name)
{
	name += strspn(name, " \t\r\n\f\v");
	return *name == '\0' || isdigit((unsigned char) *name) ||
		strchr("+-.", *name) != NULL || strncmp(name, "Infinity", 8) == 0;
}

/*
 * Return the name of a delay that has to be implemented, which is `name`
 * unless that looks like a number, and add it to the list of those.
 */
const char *
wf_xstate_name_of_delay(WfExporter *e, const WfDelay *delay, const char *name)
{
	if (looks_like_number(name))
		name = psprintf("delay %s", name);
	if (wf_list_number(&e->delay_numbers, name, e->delays.n) < e->delays.n)
		return name;
	wf_list_add(&e->delays, unconstify(WfDelay *, delay));
	wf_list_add(&e->delay_names, unconstify(char *, name));
	return name;
}

/* Write the delay of an action, as the value of a parameter. */
void
wf_xstate_name_delay(WfExporter *e, const WfDelay *delay)
{
	int64		ms;

	if (wf_xstate_name_ms(e, delay, delay->path, &ms))
		wf_writer_raw(&e->w, psprintf(INT64_FORMAT, ms));
	else if (delay->name != NULL)
		wf_writer_text(&e->w, wf_xstate_name_of_delay(e, delay, delay->name));
	else
		wf_deparse_value_delay(&e->w, delay);
}

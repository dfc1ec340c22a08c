/*-------------------------------------------------------------------------
 *
 * compile_event.c
 *	  Events that the root declares.
 *
 * Pure C.  What data an event has is declared in the words of parameters of jobs, of
 * which nothing is known here: see definition/event_data.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/event_type.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_event.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_read.h"
#include "compiler/compiler.h"

/*
 * Read the titles and descriptions of an event, and report the keys that are none and not
 * in a NULL-terminated list.
 */
static void
read_texts(WfCompiler *c, WfEventType *type, const WfJson *json, const WfPath *path,
		   const char *const *known)
{
	WfJson		rest = *json;

	rest.n = 0;
	rest.keys = palloc(sizeof(char *) * (json->n + 1));
	rest.items = palloc(sizeof(WfJson *) * (json->n + 1));
	for (int i = 0; i < json->n; i++)
	{
		if (!wf_texts_is_key(json->keys[i]))
		{
			rest.keys[rest.n] = json->keys[i];
			rest.items[rest.n++] = json->items[i];
		}
		else if (json->items[i]->kind != WF_JSON_NULL &&
				 wf_compile_read_expect(c, json->items[i], WF_AT_KEY(path, json->keys[i]),
										WF_JSON_STRING))
			wf_texts_add(&type->texts, json->keys[i], json->items[i]->text);
	}
	wf_compile_read_keys(c, &rest, path, known);
}

/* Compile what is declared of one event: an object, or false if it is not accepted. */
static void
compile_one(WfCompiler *c, WfEventType *type, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"data", "title", "description", "meta", NULL};
	const WfJson *value;

	if (json->kind == WF_JSON_BOOL)
	{
		type->refused = !json->boolean;
		return;
	}
	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	read_texts(c, type, json, path, known);
	value = wf_compile_read_get(json, "data");
	if (value != NULL && value->kind != WF_JSON_OBJECT && value->kind != WF_JSON_ARRAY)
		wf_compile_fault(c, WF_AT_KEY(path, "data"), "Write {\"amount\": {\"type\": \"numeric\"}}.",
						 "must be of type object, not %s", wf_json_kind_name(value->kind));
	else if (value != NULL)
		type->data = wf_json_text(value);
	value = wf_compile_read_get(json, "meta");
	if (value != NULL)
		type->meta = wf_json_text(value);
}

static int
compare_types(const void *a, const void *b)
{
	return strcmp(((const WfEventType *) a)->descriptor, ((const WfEventType *) b)->descriptor);
}

/*
 * Compile the root's `events`: {"pay": {"data": ..., "title": ...}, "*": false}.  The keys
 * are descriptors, as those of `on`.
 */
void
wf_compile_events(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfChart    *chart = c->chart;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	chart->events = palloc0((json->n + 1) * sizeof(WfEventType));
	for (int i = 0; i < json->n; i++)
	{
		const WfPath *at = WF_AT_KEY(path, json->keys[i]);
		WfEventType *type = &chart->events[chart->nevents++];

		type->descriptor = json->keys[i];
		type->path = wf_path_text(at);
		if (json->keys[i][0] == '\0')
			wf_compile_fault(c, at, NULL, "the name of the event is empty");
		else if (strlen(json->keys[i]) > WF_MAX_NAME_LENGTH)
			wf_compile_fault(c, at, NULL, "the name of the event is longer than %d bytes",
							 WF_MAX_NAME_LENGTH);
		else if (wf_chart_reserved_prefix(json->keys[i], false) != NULL)
			wf_compile_fault(c, at, "Declare what others send.",
							 "event \"%s\" is one that only the engine sends", json->keys[i]);
		compile_one(c, type, json->items[i], at);
	}
	if (chart->nevents > 0)
	{
		qsort(chart->events, chart->nevents, sizeof(WfEventType), compare_types);
		c->features[WF_HAS_EVENTS] = true;
	}
	for (int i = 0; i < chart->nevents; i++)
		chart->events[i].id = i;
}

/*
 * json.h
 *	  JSON text as a small tree that keeps the order of keys.
 *
 * Pure, like chart.h.  Used while a definition is compiled, never at run time.
 */
#ifndef WF_JSON_H
#define WF_JSON_H

#include "chart/diagnostic.h"
#include "chart/json_string.h"

/* Deepest nesting of objects and arrays; more is a fault. */
#define WF_JSON_MAX_DEPTH	320

typedef enum WfJsonKind
{
	WF_JSON_NULL,
	WF_JSON_BOOL,
	WF_JSON_NUMBER,
	WF_JSON_STRING,
	WF_JSON_ARRAY,
	WF_JSON_OBJECT
} WfJsonKind;

typedef struct WfJson
{
	WfJsonKind	kind;
	bool		boolean;		/* BOOL */
	const char *text;			/* STRING: unescaped; NUMBER: as written */
	int			n;				/* ARRAY, OBJECT */
	const char **keys;			/* OBJECT, in the order of the text */
	struct WfJson **items;		/* ARRAY, OBJECT */
} WfJson;

/*
 * Parse; text is in the server's encoding and need not be terminated.
 * Returns NULL after adding a fault when it is no JSON; duplicate keys are
 * faults too, but the tree (with all of them) is returned then.
 */
extern WfJson *wf_json_parse(const char *text, int len, WfFaults *faults);

/* The value of a key, or NULL when absent (or no object at all). */
extern const WfJson *wf_json_get(const WfJson *json, const char *key);

/* "an object", "a string" ..., for messages. */
extern const char *wf_json_kind_name(WfJsonKind kind);

/* Write compactly: no white space, key order kept, numbers as written. */
extern void wf_json_write(StringInfo buf, const WfJson *json);
extern char *wf_json_text(const WfJson *json);

#endif							/* WF_JSON_H */

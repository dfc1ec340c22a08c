/*
 * json.h
 *	  JSON text as a tree that keeps the order of keys.
 *
 * Pure, like chart.h.  It is used while a definition or a calendar is
 * compiled, never in a step.
 */
#ifndef WF_JSON_H
#define WF_JSON_H

#include "lib/stringinfo.h"

#include "chart/diagnostic.h"

/* Maximum nesting of objects and arrays. */
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

extern WfJson *wf_json_parse(const char *text, int len, WfFaults *faults);
extern char *wf_json_syntax_error(const char *text, int len);
extern const WfJson *wf_json_get(const WfJson *json, const char *key);
extern const char *wf_json_kind_name(WfJsonKind kind);
extern void wf_json_write(StringInfo buf, const WfJson *json);
extern char *wf_json_text(const WfJson *json);

#endif							/* WF_JSON_H */

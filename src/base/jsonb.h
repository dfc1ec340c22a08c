/*
 * jsonb.h
 *	  Operations on jsonb values that the server has no function for.
 */
#ifndef WF_JSONB_H
#define WF_JSONB_H

#include "utils/jsonb.h"

extern Jsonb *wf_jsonb_array(int n, Jsonb **values);
extern Jsonb *wf_jsonb_scalar(Datum value, Oid type);
extern Jsonb *wf_jsonb_parse(const char *json);
extern char *wf_jsonb_text(Jsonb *value);
extern Jsonb *wf_jsonb_merge(Jsonb *base, Jsonb *overlay);
extern Jsonb *wf_jsonb_patch(Jsonb *base, Jsonb *patch);
extern Jsonb *wf_jsonb_object(int n, const char **keys, Jsonb **values);
extern Jsonb *wf_jsonb_string(const char *text);
extern Jsonb *wf_jsonb_string_or_null(const char *text);

#endif							/* WF_JSONB_H */

/*
 * jsonb_object.h
 *	  Strings, and objects put together from the members of others.
 */
#ifndef WF_JSONB_OBJECT_H
#define WF_JSONB_OBJECT_H

#include "utils/jsonb.h"

extern Jsonb *wf_jsonb_merge(Jsonb *base, Jsonb *overlay);
extern Jsonb *wf_jsonb_object(int n, const char **keys, Jsonb **values);
extern Jsonb *wf_jsonb_string(const char *text);

#endif							/* WF_JSONB_OBJECT_H */

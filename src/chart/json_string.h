/*
 * json_string.h
 *	  Strings as JSON text.
 *
 * Pure, like chart.h.
 */
#ifndef WF_JSON_STRING_H
#define WF_JSON_STRING_H

#include "lib/stringinfo.h"

extern void wf_json_string_write(StringInfo buf, const char *string);

#endif							/* WF_JSON_STRING_H */

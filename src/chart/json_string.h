/*
 * json_string.h
 *	  A string as JSON text.
 */
#ifndef WF_JSON_STRING_H
#define WF_JSON_STRING_H

#include "lib/stringinfo.h"

extern void wf_json_string_write(StringInfo buf, const char *string);

#endif							/* WF_JSON_STRING_H */

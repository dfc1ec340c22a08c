/*
 * bulk_json.h
 *	  Filters and changes: members of JSON objects that callers give.
 */
#ifndef WF_BULK_JSON_H
#define WF_BULK_JSON_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "base/compat.h"

extern void wf_bulk_json_check_keys(Jsonb *object, const char *name, const char *const *known);
extern bool wf_bulk_json_member(Jsonb *object, const char *key, bool may_be_null, JsonbValue *value);
pg_noreturn extern void wf_bulk_json_refuse(const char *key, const char *what);
extern char *wf_bulk_json_string(Jsonb *object, const char *key);
extern ArrayType *wf_bulk_json_strings(Jsonb *object, const char *key);
extern Jsonb *wf_bulk_json_object(Jsonb *object, const char *key);
extern TimestampTz wf_bulk_json_time(Jsonb *object, const char *key, TimestampTz without);
extern Jsonb *wf_bulk_json_of_time(TimestampTz time);
extern bool wf_bulk_json_is_number(const JsonbValue *value, int number);
extern int32 wf_bulk_json_int(Jsonb *object, const char *key);
extern int	wf_bulk_json_bool(Jsonb *object, const char *key);
extern Datum *wf_bulk_json_ids(Jsonb *object, const char *key, const char *of, int *n);
extern int	wf_bulk_json_length(Jsonb *object, const char *key, const char *of);
extern void wf_bulk_json_id(Jsonb *object, const char *key, int i, const char *of, pg_uuid_t *id);

#endif							/* WF_BULK_JSON_H */

/*
 * arg.h
 *	  Reading and checking arguments of SQL-callable functions.
 */
#ifndef WF_ARG_H
#define WF_ARG_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"

extern void wf_arg_require(FunctionCallInfo fcinfo, int n, const char *name);
extern text *wf_arg_text(FunctionCallInfo fcinfo, int n, const char *name);
extern char *wf_arg_string(FunctionCallInfo fcinfo, int n, const char *name);
extern char *wf_arg_string_or_null(FunctionCallInfo fcinfo, int n);
extern Interval *wf_arg_interval_or_null(FunctionCallInfo fcinfo, int n);
extern TimestampTz wf_arg_time_or(FunctionCallInfo fcinfo, int n, TimestampTz otherwise);
extern Jsonb *wf_arg_jsonb_or_null(FunctionCallInfo fcinfo, int n);
extern pg_uuid_t *wf_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name);
extern bool wf_arg_bool(FunctionCallInfo fcinfo, int n, const char *name);
extern List *wf_arg_strings(FunctionCallInfo fcinfo, int n, const char *name);
extern pg_uuid_t *wf_arg_uuids(FunctionCallInfo fcinfo, int n, const char *name, int *count);
extern int32 wf_arg_version(FunctionCallInfo fcinfo, int n);
extern char *wf_arg_language(FunctionCallInfo fcinfo, int n);
extern void wf_arg_check_length(const char *message, size_t length);
extern void wf_arg_check_key(size_t length, bool may_be_empty);
extern void wf_arg_check_run_key(const char *key);
extern void wf_arg_check_partition(const char *partition);
extern void wf_arg_check_event(const char *event);
extern char *wf_arg_event(FunctionCallInfo fcinfo, int n);
extern void wf_arg_check_actor(FunctionCallInfo fcinfo, int n, const WfDefinition *definition);
extern void wf_arg_check_id(const char *id);
extern char *wf_arg_id_or_null(FunctionCallInfo fcinfo, int n);
extern char *wf_arg_actor(FunctionCallInfo fcinfo, int n);
extern const char *wf_arg_trace(FunctionCallInfo fcinfo, int n);

#endif							/* WF_ARG_H */

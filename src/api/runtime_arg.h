/*
 * runtime_arg.h
 *	  Arguments of the functions that runtimes call.
 */
#ifndef WF_RUNTIME_ARG_H
#define WF_RUNTIME_ARG_H

#include "fmgr.h"

extern char *wf_runtime_arg_id(FunctionCallInfo fcinfo, int n);
extern char *wf_runtime_arg_named(FunctionCallInfo fcinfo, int n, const char *name);
extern int64 wf_runtime_arg_epoch(FunctionCallInfo fcinfo, int n);

#endif							/* WF_RUNTIME_ARG_H */

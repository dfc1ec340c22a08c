/*
 * hidden.h
 *	  Errors and lines of a process without what is hidden of it.
 */
#ifndef WF_HIDDEN_H
#define WF_HIDDEN_H

#include "utils/jsonb.h"

#include "base/compat.h"
#include "process/process.h"

extern char *wf_hidden_line(WfProcess *process, const char *text);
pg_noreturn extern void wf_hidden_rethrow(WfProcess *process, Jsonb *data, MemoryContext context);

#endif							/* WF_HIDDEN_H */

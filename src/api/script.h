/*
 * script.h
 *	  The scripts of workflow.simulate(): arrays of what comes, and when.
 */
#ifndef WF_SCRIPT_H
#define WF_SCRIPT_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "base/compat.h"

/* An element of a script. */
typedef struct WfScriptLine
{
	int			number;			/* from 1 */
	JsonbContainer *object;
} WfScriptLine;

extern WfScriptLine wf_script_line(Jsonb *script, int n);
pg_noreturn extern void wf_script_wrong(const WfScriptLine *line, const char *message, const char *hint);
extern Jsonb *wf_script_jsonb(const WfScriptLine *line, const char *key);
extern char *wf_script_string(const WfScriptLine *line, const char *key);
extern bool wf_script_is(const WfScriptLine *line, const char *key);
extern void wf_script_check(const WfScriptLine *line);
extern TimestampTz wf_script_time(const WfScriptLine *line, TimestampTz now);

#endif							/* WF_SCRIPT_H */

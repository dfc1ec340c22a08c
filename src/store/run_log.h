/*
 * run_log.h
 *	  The table workflow.run_log: what runs have said.
 */
#ifndef WF_RUN_LOG_H
#define WF_RUN_LOG_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* A line. */
typedef struct WfRunLogLine
{
	TimestampTz at;
	const char *severity;
	const char *message;
	Jsonb	   *data;			/* or NULL */
} WfRunLogLine;

extern const char *wf_run_log_severity(const char *word);
extern void wf_run_log_add(const pg_uuid_t *run, int attempt, int n, const WfRunLogLine *lines);

#endif							/* WF_RUN_LOG_H */

/*
 * run_alter.h
 *	  Runs that wait are changed.
 */
#ifndef WF_RUN_ALTER_H
#define WF_RUN_ALTER_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* Which runs; of what is not given, any. */
typedef struct WfRunFilter
{
	const char *job;
	const char *queue;
	const char *partition;
	const char *key;
	TimestampTz since;			/* due then or later */
	TimestampTz until;			/* and before */
	ArrayType  *ids;
	bool		others;			/* of a state in which nothing can be changed */
} WfRunFilter;

/* What becomes of them; what is not given stays. */
typedef struct WfRunChanges
{
	bool		has_priority;
	int			priority;
	bool		has_due;
	TimestampTz due;
	const char *queue;
	bool		has_partition;
	const char *partition;		/* NULL: none */
	Jsonb	   *params;
} WfRunChanges;

extern int64 wf_run_alter(const WfRunFilter *filter, const WfRunChanges *changes);

#endif							/* WF_RUN_ALTER_H */

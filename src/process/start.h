/*
 * start.h
 *	  Processes that begin.
 */
#ifndef WF_START_H
#define WF_START_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"

/* What is the same for all processes that are started at once. */
typedef struct WfStart
{
	WfDefinition *definition;
	bool		later;			/* start at `at`, by a timer */
	TimestampTz at;
	const char *actor;
	bool		refuse;			/* on_key: a key that is taken, */
	bool		renew;			/* or only one of a process that is not over */
	const char *trace;			/* the trace context; NULL: that of the session */
	bool		looks_for_early;	/* the SQL has events that came early */
} WfStart;

/* The processes, and what becomes of them. */
typedef struct WfStartMany
{
	int			n;
	Datum	   *inputs;
	bool	   *input_nulls;
	Datum	   *keys;			/* NULL: no key at all */
	bool	   *key_nulls;
	pg_uuid_t  *ids;
	bool	   *created;
} WfStartMany;

extern void wf_start_many(const WfStart *start, const WfStartMany *many, const int *at, int n);
extern bool wf_start_one(const WfStart *start, const char *key, Jsonb *input, pg_uuid_t *id);

#endif							/* WF_START_H */

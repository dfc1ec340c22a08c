/*
 * published.h
 *	  The tables workflow.awaited and workflow.published: events for whoever waits for
 *	  them.
 */
#ifndef WF_PUBLISHED_H
#define WF_PUBLISHED_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* A state waits for an event with this correlation. */
typedef struct WfAwaited
{
	const char *state;
	const char *event;
	const char *correlation;
} WfAwaited;

/* An event that was published. */
typedef struct WfPublished
{
	int64		id;				/* 0: it is not kept */
	const char *event;
	const char *correlation;
	const char *role;			/* that has published it */
	const char *actor;			/* or NULL */
	Jsonb	   *data;			/* or NULL */
	Datum		tenant;			/* whose processes get it, a text; 0: all */
	const char *trace;			/* the trace context in which it was published, or NULL */
	Datum		looked;			/* pg_snapshot: who waited by then has it; 0: nobody has */
	Datum		now;			/* pg_snapshot, of when this was read */
} WfPublished;

/* A definition some of whose processes wait for an event. */
typedef struct WfAwaiter
{
	char	   *definition;
	Oid			role;			/* its owner */
} WfAwaiter;

extern void wf_published_await(const pg_uuid_t *process, int n, const WfAwaited *awaited);
extern void wf_published_leave(const pg_uuid_t *process, const char *state);
extern int	wf_published_awaiters(const WfPublished *published, WfAwaiter **awaiters);
extern int	wf_published_kept(const WfAwaited *awaited, Datum tenant, TimestampTz now, WfPublished **kept);
extern char *wf_published_once(int64 id);
extern bool wf_published_is_kept(const char *once);
extern int64 wf_published_keep(const WfPublished *published, TimestampTz until);
extern int	wf_published_unsettled(WfPublished **published);
extern bool wf_published_looked(const WfPublished *published);
extern bool wf_published_expire(void);

#endif							/* WF_PUBLISHED_H */

/*
 * queue.h
 *	  A session's cache of queues and named limits.
 */
#ifndef WF_QUEUE_H
#define WF_QUEUE_H

#include "datatype/timestamp.h"

#include "base/compat.h"
#include "queue/placement.h"

/* No limit. */
#define WF_QUEUE_UNLIMITED	(-1)

/* What becomes of a run that would be one more than max_waiting. */
typedef enum WfQueueFull
{
	WF_FULL_WAIT,				/* it waits nevertheless */
	WF_FULL_REFUSE,				/* it is refused */
	WF_FULL_REPLACE,			/* it takes the place of the newest one that waits */
	WF_FULL_CANCEL				/* it waits, and what runs is to stop */
} WfQueueFull;

/* What share a partition has, if not that of the others. */
typedef struct WfQueueWeight
{
	int64		part;
	double		weight;			/* of others it is 1 */
} WfQueueWeight;

/* A queue as its row says; one that has no row is not controlled. */
typedef struct WfQueue
{
	int32		number;			/* queue.id; below 0: of one job */
	const char *name;			/* NULL: it has no row */
	int32		owner;			/* workflow.owner.id; 0: no row */
	int			max_parallel;	/* or WF_QUEUE_UNLIMITED */
	int			partition_limit;	/* or WF_QUEUE_UNLIMITED */
	int64		min_gap;		/* us */
	int			rate;			/* or WF_QUEUE_UNLIMITED */
	int64		rate_interval;	/* us */
	int			max_waiting;	/* or WF_QUEUE_UNLIMITED */
	int64		ageing;			/* us; 0: none */
	bool		ordered;
	bool		blocks;			/* a head that failed keeps the others waiting */
	bool		paused;
	bool		fair;			/* partitions take turns */
	WfQueueFull on_full;
	int			nweights;
	const WfQueueWeight *weights;
	bool		notifies;		/* outside workers, by NOTIFY */
	bool		per_runtime;	/* slots, gap and rate are those of each runtime */
	WfPlacement placement;
} WfQueue;

/* A named limit. */
typedef struct WfNamedLimit
{
	int32		id;
	int32		owner;			/* workflow.owner.id */
	int			max;			/* or WF_QUEUE_UNLIMITED */
	int			rate;			/* or WF_QUEUE_UNLIMITED */
	int64		rate_interval;	/* us */
} WfNamedLimit;

/* Names of the queues of single jobs begin with this. */
#define WF_QUEUE_OF_JOB		"job:"

extern const WfQueue *wf_queue(int32 number);
extern double wf_queue_weight(const WfQueue *queue, int64 part);
extern int32 wf_queue_number(const char *name);
extern const char *wf_queue_name(int32 number);
extern const WfNamedLimit *wf_queue_limit(const char *name);
extern void wf_queue_changing(void);
extern void wf_queue_changing_limits(void);
pg_noreturn extern void wf_queue_refuse_gone(int32 number);
extern void wf_queue_keep(int32 number);
extern void wf_queue_lock_for_drop(int32 number);

#endif							/* WF_QUEUE_H */

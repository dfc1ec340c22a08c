/*
 * queue_row.h
 *	  The tables workflow.queue and workflow.rate_limit: what is written to them.
 */
#ifndef WF_QUEUE_ROW_H
#define WF_QUEUE_ROW_H

#include "queue/queue_setting.h"

/* A row of either; the texts are those of the statement that read it. */
typedef struct WfQueueRow
{
	int32		id;
	const char *name;
	int32		owner;			/* workflow.owner.id */
	WfQueueValues settings;
	bool		paused;			/* of a queue */
	const char *note;			/* of a queue, or NULL */
} WfQueueRow;

extern bool wf_queue_row_insert(WfQueueRow *row);
extern bool wf_queue_row_lock(const char *name, WfQueueRow *row);
extern void wf_queue_row_update(const WfQueueRow *row);
extern void wf_queue_row_delete(int32 id);
extern bool wf_queue_row_insert_limit(WfQueueRow *row);
extern bool wf_queue_row_lock_limit(const char *name, WfQueueRow *row);
extern void wf_queue_row_update_limit(const WfQueueRow *row);
extern void wf_queue_row_delete_limit(int32 id);

#endif							/* WF_QUEUE_ROW_H */

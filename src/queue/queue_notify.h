/*
 * queue_notify.h
 *	  Queues whose workers hear by NOTIFY that there is work.
 */
#ifndef WF_QUEUE_NOTIFY_H
#define WF_QUEUE_NOTIFY_H

#include "datatype/timestamp.h"

extern bool wf_queue_notify_any(void);
extern TimestampTz wf_queue_notify(TimestampTz now);

#endif							/* WF_QUEUE_NOTIFY_H */

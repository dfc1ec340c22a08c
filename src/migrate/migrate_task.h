/*
 * migrate_task.h
 *	  Tasks of a process that goes to another version.
 */
#ifndef WF_MIGRATE_TASK_H
#define WF_MIGRATE_TASK_H

#include "migrate/migrate_pending.h"

extern void wf_migrate_task_move(WfMove *move);

#endif							/* WF_MIGRATE_TASK_H */

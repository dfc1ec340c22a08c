/*
 * child_list.h
 *	  The children of a process: in memory, and in its row.
 */
#ifndef WF_CHILD_LIST_H
#define WF_CHILD_LIST_H

#include "utils/uuid.h"

#include "process/process.h"
#include "store/timer.h"

extern WfChild *wf_child_list_add(WfProcess *process, const char *invoke, const pg_uuid_t *id);
extern void wf_child_list_forget(WfProcess *process, WfChild *child);
extern WfChild *wf_child_list_find(WfProcess *process, const char *invoke);
extern bool wf_child_list_counts(WfProcess *process, const WfTimerRow *timer);
extern void wf_child_list_write(WfProcess *process);

#endif							/* WF_CHILD_LIST_H */

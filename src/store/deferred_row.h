/*
 * deferred_row.h
 *	  The table workflow.deferred: events that processes keep for later.
 */
#ifndef WF_DEFERRED_ROW_H
#define WF_DEFERRED_ROW_H

#include "utils/array.h"
#include "utils/uuid.h"

#include "store/timer.h"

extern int64 wf_deferred_row_count(const pg_uuid_t *process, int64 *last);
extern int	wf_deferred_row_load(const pg_uuid_t *process, WfTimerRow **events);
extern int	wf_deferred_row_without(ArrayType *processes, pg_uuid_t **without);
extern uint64 wf_deferred_row_forget(const pg_uuid_t *process, const char *name);

#endif							/* WF_DEFERRED_ROW_H */

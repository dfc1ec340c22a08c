/*
 * stepper.h
 *	  The processes that are stepped in one transaction, and what is written.
 */
#ifndef WF_STEPPER_H
#define WF_STEPPER_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "process/observer.h"
#include "process/process.h"
#include "store/change_sets.h"
#include "store/process_row.h"

struct WfStepper
{
	uint64		made_after;		/* writes of this session's steppers before it */
	WfObserver *observer;		/* or NULL */
	WfChanges  *changes;
	List	   *processes;		/* of WfProcess, in the order they were added */
	struct WfLentMachine *machines; /* see restore.c */
	bool		deferred_known; /* whether a process has deferred events has
								 * been looked up for all of them */
	bool		is_batch;		/* of timers that were claimed together */
	bool		refusing;		/* an event is being refused, before it has changed
								 * anything */
	WfProcess  *stepping;		/* the process stepped now or last, or NULL */
};

extern WfStepper *wf_stepper_new(int32 claimed);
extern void wf_stepper_end(WfStepper *stepper);
extern void wf_stepper_observe(WfStepper *stepper, WfObserver *observer);
extern void wf_stepper_is_batch(WfStepper *stepper);
extern bool wf_stepper_refuses(WfStepper *stepper);
extern WfChanges *wf_stepper_changes(WfStepper *stepper);
extern WfProcess *wf_stepper_process_of(const pg_uuid_t *id);
extern void wf_stepper_disown(WfStepper *stepper, const pg_uuid_t *id);
extern WfProcess *wf_stepper_add_row(WfStepper *stepper, const WfRow *row,
									 WfDefinition *definition);
extern WfProcess *wf_stepper_add(WfStepper *stepper, const WfRow *row);
extern WfProcess *wf_stepper_add_new(WfStepper *stepper, WfDefinition *definition,
									 const pg_uuid_t *id, Jsonb *context,
									 const char *key);
extern void wf_stepper_drop(WfStepper *stepper, WfProcess *process);
extern bool wf_stepper_is_late(const WfStepper *stepper);
extern void wf_stepper_written(void);

#endif							/* WF_STEPPER_H */

/*
 * stepper.h
 *	  One transaction's worth of steps: which processes, and what is written.
 */
#ifndef WF_STEPPER_H
#define WF_STEPPER_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "process/observer.h"
#include "process/process.h"
#include "store/change_sets.h"
#include "store/process_row.h"

extern void wf_stepper_watch(WfStepper *stepper, WfObserver *onlooker);
extern WfProcess *wf_stepper_add_row(WfStepper *stepper, const WfRow *row,
									 WfDefinition *definition);
extern void wf_stepper_written(void);
extern void wf_stepper_disown(WfStepper *stepper, const pg_uuid_t *id);
extern WfStepper *wf_stepper_new(int32 claimed);
extern void wf_stepper_is_batch(WfStepper *stepper);
extern bool wf_stepper_is_late(const WfStepper *stepper);
extern WfChanges *wf_stepper_changes(WfStepper *stepper);
extern WfProcess *wf_stepper_add(WfStepper *stepper, const WfRow *row);
extern WfProcess *wf_stepper_add_new(WfStepper *stepper, WfDefinition *definition,
									 const pg_uuid_t *id, Jsonb *context,
									 const char *key);
extern void wf_stepper_end(WfStepper *stepper);
extern WfDefinition *wf_stepper_definition_of(const pg_uuid_t *id);

#endif							/* WF_STEPPER_H */

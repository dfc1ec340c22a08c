/*
 * step_load.h
 *	  What the steps of a stepper come to, for the measures of load.
 */
#ifndef WF_STEP_LOAD_H
#define WF_STEP_LOAD_H

#include "datatype/timestamp.h"

#include "process/process.h"
#include "process/stepper.h"

extern void wf_step_load_erased(const WfProcess *process);
extern void wf_step_load_write(const WfStepper *stepper, TimestampTz now);

#endif							/* WF_STEP_LOAD_H */

/*
 * step_write.h
 *	  Writing the changes of all processes of a stepper.
 */
#ifndef WF_STEP_WRITE_H
#define WF_STEP_WRITE_H

#include "datatype/timestamp.h"

#include "process/process.h"

extern TimestampTz wf_step_write(WfStepper *stepper);

#endif							/* WF_STEP_WRITE_H */

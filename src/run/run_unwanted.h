/*
 * run_unwanted.h
 *	  Runs that the process which has invoked them does not want any more.
 */
#ifndef WF_RUN_UNWANTED_H
#define WF_RUN_UNWANTED_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

extern void wf_run_unwanted(const pg_uuid_t *run);
extern TimestampTz wf_run_unwanted_settle(bool *more);

#endif							/* WF_RUN_UNWANTED_H */

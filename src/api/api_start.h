/*
 * api_start.h
 *	  Processes that other functions of SQL start.
 */
#ifndef WF_API_START_H
#define WF_API_START_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "api/command.h"

extern void wf_api_start_keyed(const char *name, const char *key, Jsonb *input,
							   const WfCommand *cmd, pg_uuid_t *id);

#endif							/* WF_API_START_H */

/*
 * api_start.h
 *	  Processes that other functions of SQL start.
 */
#ifndef WF_API_START_H
#define WF_API_START_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

extern void wf_api_start_keyed(const char *name, const char *key, Jsonb *input, const char *actor,
							   bool claimed, pg_uuid_t *id);

#endif							/* WF_API_START_H */

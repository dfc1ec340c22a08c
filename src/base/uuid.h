/*
 * uuid.h
 *	  UUIDs, the ids of processes: make, read and write them.
 */
#ifndef WF_UUID_H
#define WF_UUID_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/uuid.h"

extern void wf_uuid_make(pg_uuid_t *id);
extern TimestampTz wf_uuid_time(const pg_uuid_t *id);
extern bool wf_uuid_parse(const char *text, pg_uuid_t *id);
extern char *wf_uuid_text(const pg_uuid_t *id);
extern ArrayType *wf_uuid_array(Datum *ids, int n);

#endif							/* WF_UUID_H */

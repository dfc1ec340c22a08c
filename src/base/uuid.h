/*
 * uuid.h
 *	  UUIDs, the ids of processes: make, read and write them.
 */
#ifndef WF_UUID_H
#define WF_UUID_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/uuid.h"

/* The ids of processes carry one of so many slots. */
#define WF_UUID_SLOTS		4096
#define WF_UUID_ANY_SLOT	(-1)
#define WF_UUID_NO_SLOT		(-2)	/* as versions before 0.3.0 made them */

extern void wf_uuid_make(pg_uuid_t *id, int slot);
extern int	wf_uuid_slot(const pg_uuid_t *id);
extern int	wf_uuid_slot_of_key(const char *key, int len);
extern TimestampTz wf_uuid_time(const pg_uuid_t *id);
extern bool wf_uuid_parse(const char *text, pg_uuid_t *id);
extern char *wf_uuid_text(const pg_uuid_t *id);
extern ArrayType *wf_uuid_array(Datum *ids, int n);

#endif							/* WF_UUID_H */

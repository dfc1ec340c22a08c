/*
 * uuid.h
 *	  Ids of processes: made, read and written.
 */
#ifndef WF_UUID_H
#define WF_UUID_H

#include "utils/uuid.h"

/* An uuid of version 7 (RFC 9562): sorts by the time it was made. */
extern void wf_uuid_make(pg_uuid_t *id);

/* From text in the usual form; false, not an error, when it is none. */
extern bool wf_uuid_parse(const char *text, pg_uuid_t *id);

extern char *wf_uuid_text(const pg_uuid_t *id);

#endif							/* WF_UUID_H */

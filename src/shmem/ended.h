/*
 * ended.h
 *	  Runs that have ended, for the runtime to look who waits for them.
 */
#ifndef WF_ENDED_H
#define WF_ENDED_H

#include "utils/uuid.h"

/* So many are remembered, of all databases; of more, that there are. */
#define WF_ENDED_MAX	4096

extern Size wf_ended_shmem_size(void);
extern void wf_ended_shmem_attach(void *segment, bool created);
extern void wf_ended_note(Oid dbid, int n, const pg_uuid_t *runs);
extern int	wf_ended_take(Oid dbid, pg_uuid_t *runs);

#endif							/* WF_ENDED_H */

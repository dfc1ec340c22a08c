/*
 * under_way.h
 *	  Which runs executors are at, as a crash of the server does not lose it.
 */
#ifndef WF_UNDER_WAY_H
#define WF_UNDER_WAY_H

#include "utils/uuid.h"

extern Size wf_under_way_shmem_size(void);
extern void wf_under_way_shmem_attach(void *segment, bool created);
extern void wf_under_way_begin(const pg_uuid_t *run);
extern void wf_under_way_end(void);
extern bool wf_under_way_lost(void);
extern int	wf_under_way_suspects(Oid dbid, int32 owner, pg_uuid_t **runs);
extern void wf_under_way_cleared(Oid dbid, int32 owner, int n, const pg_uuid_t *runs);

#endif							/* WF_UNDER_WAY_H */

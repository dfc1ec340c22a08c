/*
 * checkpoint.h
 *	  The table workflow.checkpoint: what runs keep for their next attempts.
 */
#ifndef WF_CHECKPOINT_H
#define WF_CHECKPOINT_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

extern void wf_checkpoint_save(const pg_uuid_t *run, const char *name, Jsonb *value, bool placed);
extern bool wf_checkpoint_add(const pg_uuid_t *run, const char *name, Jsonb *value);
extern Jsonb *wf_checkpoint_all(const pg_uuid_t *run);
extern Jsonb *wf_checkpoint_find(const pg_uuid_t *run, const char *name);
extern void wf_checkpoint_forget(int n, const pg_uuid_t *const *runs);
extern void wf_checkpoint_sweep(void);

#endif							/* WF_CHECKPOINT_H */

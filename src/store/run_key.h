/*
 * run_key.h
 *	  The table workflow.run_key: runs by the keys that users gave them.
 */
#ifndef WF_RUN_KEY_H
#define WF_RUN_KEY_H

#include "utils/uuid.h"

extern bool wf_run_key_take(int32 root, const char *key, const pg_uuid_t *run, pg_uuid_t *holder);
extern void wf_run_key_give(int32 root, const char *key, const pg_uuid_t *run);
extern bool wf_run_key_take_back(const pg_uuid_t *run);

#endif							/* WF_RUN_KEY_H */

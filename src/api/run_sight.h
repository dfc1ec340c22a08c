/*
 * run_sight.h
 *	  Who may see a run, or decide about it.
 */
#ifndef WF_RUN_SIGHT_H
#define WF_RUN_SIGHT_H

#include "utils/uuid.h"

#include "base/compat.h"
#include "job/job.h"

extern const WfJob *wf_run_sight_look(const pg_uuid_t *id, bool *may_read);
extern void wf_run_sight_require(const pg_uuid_t *id);
extern void wf_run_sight_require_manager(const pg_uuid_t *id);
pg_noreturn extern void wf_run_sight_refuse_missing(const pg_uuid_t *id);

#endif							/* WF_RUN_SIGHT_H */

/*
 * handover_job.h
 *	  Jobs, queues and limits of a role become another role's.
 */
#ifndef WF_HANDOVER_JOB_H
#define WF_HANDOVER_JOB_H

#include "definition/handover.h"
#include "definition/privilege.h"

extern const char *wf_handover_job_kind(WfPrivilegeKind kind);
extern void wf_handover_job_find(WfPrivilegeKind kind, const char *name, WfOwned *owned);
extern bool wf_handover_job(WfPrivilegeKind kind, const char *name, const WfOwned *owned, int32 to);
extern void wf_handover_job_all(int32 from, int32 to);

#endif							/* WF_HANDOVER_JOB_H */

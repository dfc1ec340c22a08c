/*
 * status.h
 *	  The values of the type workflow.status.
 */
#ifndef WF_STATUS_H
#define WF_STATUS_H

typedef enum WfStatus
{
	WF_INITIALIZED,
	WF_RUNNING,
	WF_IDLED,
	WF_FINALIZED,
	WF_TERMINATED,
	WF_ERROR
} WfStatus;

extern void wf_status_load(void);
extern Oid	wf_status_oid(WfStatus status);
extern const char *wf_status_name(WfStatus status);
extern WfStatus wf_status_of_oid(Oid oid);

#endif							/* WF_STATUS_H */

/*
 * permit_audit.h
 *	  Counters of permits are compared with the runs that hold them.
 */
#ifndef WF_PERMIT_AUDIT_H
#define WF_PERMIT_AUDIT_H

extern void wf_permit_audit(void);

#endif							/* WF_PERMIT_AUDIT_H */

/*
 * origin.h
 *	  Is this database the one its rows were written in?
 *
 * A dump restored elsewhere, a copy made with TEMPLATE and an upgraded
 * cluster carry all definitions, processes and timers, and the OIDs of roles
 * of another server.  Until somebody says with workflow.adopt() that work
 * goes on here, nothing runs and procedures refuse.
 */
#ifndef WF_ORIGIN_H
#define WF_ORIGIN_H

extern bool wf_origin_is_ours(void);
extern void wf_origin_require(void);
extern void wf_origin_write(void);
extern void wf_origin_renew(void);

#endif							/* WF_ORIGIN_H */

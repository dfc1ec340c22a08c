/*
 * stamp.h
 *	  Is this database the one its rows were written in?
 *
 * A dump restored elsewhere, a copy made with TEMPLATE and an upgraded
 * cluster carry all definitions, processes and timers, and the OIDs of roles
 * of another server.  Until somebody says with workflow.adopt() that work
 * goes on here, nothing runs and procedures refuse.
 */
#ifndef WF_STAMP_H
#define WF_STAMP_H

/* No stamp yet, or ours; SPI must be connected. */
extern bool wf_stamp_is_ours(void);

/* Error 55000 with a hint when not. */
extern void wf_stamp_require(void);

/* Written by the first define(); does nothing when there is one. */
extern void wf_stamp_write(void);

#endif							/* WF_STAMP_H */

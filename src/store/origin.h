/*
 * origin.h
 *	  Is this database the one its rows were written in?
 *
 * A dump restored elsewhere, a copy made with TEMPLATE and an upgraded
 * cluster carry all definitions, processes and timers, and the OIDs of roles
 * of another server.  Until somebody says with workflow.adopt() that work
 * goes on here, nothing runs and procedures refuse.
 */
#ifndef WF_STAMP_H
#define WF_STAMP_H

/*
 * Ours, or nothing is stored here yet.  Where something is stored and no
 * stamp, a restore is under way.  SPI must be connected, in all of these.
 */
extern bool wf_stamp_is_ours(void);

/* Error 55000 with a hint when not. */
extern void wf_stamp_require(void);

/*
 * Written by the first define(); does nothing when there is one.  Error as
 * wf_stamp_require().
 */
extern void wf_stamp_write(void);

/* From now on this is the place, wherever it was. */
extern void wf_stamp_renew(void);

#endif							/* WF_STAMP_H */

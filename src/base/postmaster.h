/*
 * postmaster.h
 *	  What the postmaster is about to do.
 */
#ifndef WF_POSTMASTER_H
#define WF_POSTMASTER_H

extern void wf_postmaster_init(void);
extern bool wf_postmaster_is_stopping(void);

#endif							/* WF_POSTMASTER_H */

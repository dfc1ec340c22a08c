/*
 * sync_standby.h
 *	  Does a synchronous standby confirm what is committed now?
 */
#ifndef WF_SYNC_STANDBY_H
#define WF_SYNC_STANDBY_H

extern bool wf_sync_standby_confirms(void);
extern void wf_sync_standby_require(void);

#endif							/* WF_SYNC_STANDBY_H */

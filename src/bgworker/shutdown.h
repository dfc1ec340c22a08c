/*
 * shutdown.h
 *	  A shutdown of the server does not wait for ever for code that does not answer.
 */
#ifndef WF_SHUTDOWN_H
#define WF_SHUTDOWN_H

extern void wf_shutdown_check(void);

#endif							/* WF_SHUTDOWN_H */

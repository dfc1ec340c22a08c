/*
 * try.h
 *	  What may fail, and leave nothing behind then.
 */
#ifndef WF_TRY_H
#define WF_TRY_H

extern ErrorData *wf_try(void (*call) (void *arg), void *arg);

#endif							/* WF_TRY_H */

/*
 * watch_attempt.h
 *	  Transactions of a watcher, and what fails in them.
 */
#ifndef WF_WATCH_ATTEMPT_H
#define WF_WATCH_ATTEMPT_H

extern void wf_watch_attempt_in(Oid extension);
extern bool wf_watch_attempt_begin(const char *activity);
extern ErrorData *wf_watch_attempt(void (*function) (void *arg), void *arg);
extern bool wf_watch_attempt_is_final(int code);

#endif							/* WF_WATCH_ATTEMPT_H */

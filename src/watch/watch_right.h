/*
 * watch_right.h
 *	  Who may look into which directories.
 */
#ifndef WF_WATCH_RIGHT_H
#define WF_WATCH_RIGHT_H

extern bool wf_watch_right_may(Oid role, const char *directory);
extern void wf_watch_right_require(const char *directory);
extern void wf_watch_right_require_grantor(const char *directory);

#endif							/* WF_WATCH_RIGHT_H */

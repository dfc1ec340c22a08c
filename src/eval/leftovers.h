/*
 * leftovers.h
 *	  What the author's code leaves behind in the session of an executor.
 */
#ifndef WF_LEFTOVERS_H
#define WF_LEFTOVERS_H

extern void wf_leftovers_init(void);
extern void wf_leftovers_begin(void);
extern bool wf_leftovers_any(void);
extern bool wf_leftovers_stay(void);
extern void wf_leftovers_clean(void);

#endif							/* WF_LEFTOVERS_H */

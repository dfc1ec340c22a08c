/*
 * restricted_function.h
 *	  Functions that work on the session as a whole.
 */
#ifndef WF_RESTRICTED_FUNCTION_H
#define WF_RESTRICTED_FUNCTION_H

extern bool wf_restricted_function_locks(Oid function);
extern bool wf_restricted_function_is(Oid function);
extern void wf_restricted_function_refuse(Oid function);

#endif							/* WF_RESTRICTED_FUNCTION_H */

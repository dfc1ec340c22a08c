/*
 * run_suspects.h
 *	  Runs that the server, or an executor, may have ended over.
 */
#ifndef WF_RUN_SUSPECTS_H
#define WF_RUN_SUSPECTS_H

extern bool wf_run_suspects(void);
extern void wf_run_suspects_clear(int32 owner, Oid extension);

#endif							/* WF_RUN_SUSPECTS_H */

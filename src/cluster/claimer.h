/*
 * claimer.h
 *	  Workers that are runtimes.
 */
#ifndef WF_CLAIMER_H
#define WF_CLAIMER_H

#include "shmem/member.h"

extern void wf_claimer_init(void);
extern void wf_claimer_require(const char *id, int64 epoch, WfMemberRow *member);
extern bool wf_claimer_check(const char *worker, const int64 *epoch, WfMemberRow *member);

#endif							/* WF_CLAIMER_H */

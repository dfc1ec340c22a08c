/*
 * run_placed.h
 *	  Runs that are claimed by a runtime because they are placed on it.
 */
#ifndef WF_RUN_PLACED_H
#define WF_RUN_PLACED_H

#include "utils/array.h"

#include "shmem/member.h"
#include "store/run_row.h"

extern int	wf_run_placed_claim(const WfMemberRow *member, ArrayType *known, int n, WfRunRow ***rows);
extern bool wf_run_placed_is_ready(const WfMemberRow *member, TimestampTz *next);

#endif							/* WF_RUN_PLACED_H */

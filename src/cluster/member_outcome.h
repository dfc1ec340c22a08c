/*
 * member_outcome.h
 *	  Which outcomes of runs another server has told, and whether it has them still.
 */
#ifndef WF_MEMBER_OUTCOME_H
#define WF_MEMBER_OUTCOME_H

#include "utils/array.h"

extern bool wf_member_outcome_told(const char *id, int64 epoch, int64 number);
extern bool wf_member_outcome_kept(const char *id, int64 epoch, int64 number, ArrayType *runs);

#endif							/* WF_MEMBER_OUTCOME_H */

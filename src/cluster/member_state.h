/*
 * member_state.h
 *	  Which states of a runtime may follow each other.
 */
#ifndef WF_MEMBER_STATE_H
#define WF_MEMBER_STATE_H

#include "store/runtime_row.h"

extern bool wf_member_state_lives(WfRuntimeState state);
extern void wf_member_state_change(WfRuntimeRow *row, WfRuntimeState to);

#endif							/* WF_MEMBER_STATE_H */

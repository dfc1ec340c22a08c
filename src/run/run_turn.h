/*
 * run_turn.h
 *	  Whose turn it is in a partition of an ordered queue.
 */
#ifndef WF_RUN_TURN_H
#define WF_RUN_TURN_H

#include "store/run_scan.h"

typedef struct WfRunTurn WfRunTurn;

extern bool wf_run_turn_first(int32 queue, int64 part, WfRunRow *row);
extern bool wf_run_turn_is(const WfRunRow *row);
extern WfRunTurn *wf_run_turn_begin(int32 queue, int64 part);
extern bool wf_run_turn_next(WfRunTurn *turn, WfRunRow *row);
extern void wf_run_turn_end(WfRunTurn *turn);
extern bool wf_run_turn_may_begin(const WfRunRow *row, TimestampTz until);
extern void wf_run_turn_enter(const WfRunRow *row);

#endif							/* WF_RUN_TURN_H */

/*
 * tell.h
 *	  A process is told that one of its events was given up (`on_error`).
 */
#ifndef WF_TELL_H
#define WF_TELL_H

#include "chart/chart.h"
#include "process/process.h"
#include "store/failure.h"
#include "store/process_row.h"

extern bool wf_tell(int32 owner, const WfRow *row, WfProcess *process, const WfPolicy *policy,
					const WfTimerRow *timer, const WfFailure *failure);
extern bool wf_tell_is_told(const WfTimerRow *timer);

#endif							/* WF_TELL_H */

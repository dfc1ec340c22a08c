/*
 * report.h
 *	  What the server's log is told of events that fail.
 */
#ifndef WF_REPORT_H
#define WF_REPORT_H

#include "job/job.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/run_row.h"
#include "store/timer.h"

extern void wf_report_note(const WfRow *row, const WfTimerRow *timer, int attempts,
						   bool given_up, const WfFailure *failure);
extern void wf_report_note_run(const WfRunRow *row, const WfJob *job, WfRunState state,
							   const ErrorData *error);
extern void wf_report_write(void);
extern void wf_report_forget(void);
extern void wf_report_numbers(bool all);

#endif							/* WF_REPORT_H */

/*
 * report.h
 *	  What the server's log is told of events that fail.
 */
#ifndef WF_REPORT_H
#define WF_REPORT_H

#include "store/failure.h"
#include "store/process_row.h"
#include "store/timer.h"

extern void wf_report_note(const WfRow *row, const WfTimerRow *timer, int attempts,
						   bool given_up, const WfFailure *failure);
extern void wf_report_write(void);
extern void wf_report_forget(void);
extern void wf_report_numbers(bool all);

#endif							/* WF_REPORT_H */

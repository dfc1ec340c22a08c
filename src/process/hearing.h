/*
 * hearing.h
 *	  Who would take the event that tells a process of a failure.
 */
#ifndef WF_HEARING_H
#define WF_HEARING_H

#include "process/process.h"
#include "store/timer.h"

extern const char *wf_hearing_handler(WfProcess *process, const WfTimerRow *told);

#endif							/* WF_HEARING_H */

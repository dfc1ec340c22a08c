/*
 * error_event.h
 *	  Errors of the author's code that become events of the process.
 */
#ifndef WF_ERROR_EVENT_H
#define WF_ERROR_EVENT_H

#include "interpreter/machine.h"
#include "process/call.h"
#include "process/process.h"

extern bool wf_error_event_catch(WfProcess *process, const WfEvent *event, const WfCode *code,
								 void (*call) (void *arg), void *arg);
extern ErrorData *wf_error_event_try(WfProcess *process, bool keep,
									 void (*call) (void *arg), void *arg);
extern void wf_error_event_not_caught(const WfEvent *event);

#endif							/* WF_ERROR_EVENT_H */

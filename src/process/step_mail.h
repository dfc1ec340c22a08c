/*
 * step_mail.h
 *	  The mailbox of a process: events that its claimed timers bring.
 */
#ifndef WF_STEP_MAIL_H
#define WF_STEP_MAIL_H

#include "process/process.h"
#include "store/timer.h"

extern void wf_step_mail(WfProcess *process, const WfTimerRow *timer);
extern bool wf_step_mail_any(const WfProcess *process);
extern void wf_step_mail_parked(WfProcess *process);
extern int	wf_step_mail_deliver(WfStepper *stepper, WfProcess *process,
								 bool (*stop) (void *arg), void *arg);

#endif							/* WF_STEP_MAIL_H */

/*
 * process_timer.h
 *	  The timers and the mailbox of a process in memory.
 */
#ifndef WF_PROCESS_TIMER_H
#define WF_PROCESS_TIMER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"
#include "store/change_sets.h"
#include "store/timer.h"

/* An event in the mailbox of a process. */
typedef struct WfMail
{
	WfTimerRow	timer;			/* seq is 0 if the process sent it to itself */
	bool		dead;			/* cancelled, or its state was left */
} WfMail;

/* A timer that a step of this transaction armed. */
typedef struct WfArmed
{
	WfTimerRow	timer;
	bool		dead;			/* disarmed again */
	bool		if_absent;		/* insert it only if the table has no timer of
								 * this state and name */
} WfArmed;

/* A timer that a step of this transaction disarmed. */
typedef struct WfDisarmed
{
	const char *state;			/* NULL: an event that was sent with an id */
	const char *name;			/* of the timer, or that id */
	bool		keep;			/* its due time is kept when the state is entered
								 * again */
	bool		known_absent;	/* it was claimed or never inserted, so there is
								 * no row to delete */
	TimestampTz due;			/* with known_absent and keep: when it was due;
								 * DT_NOBEGIN if not known */
} WfDisarmed;

extern void wf_process_timer_arm(WfProcess *process, const WfState *state,
								 const WfEvent *event);
extern void wf_process_timer_disarm(WfProcess *process, const WfState *state);
extern void wf_process_timer_cancel(WfProcess *process, const char *id);
extern void wf_process_timer_replace(WfProcess *process, const char *id);
extern void wf_process_timer_send(WfProcess *process, const char *event, Jsonb *data,
								  const char *id, TimestampTz due, const char *actor);
extern void wf_process_timer_mail_self(WfProcess *process, const char *event, Jsonb *data,
									   const char *actor);
extern TimestampTz wf_process_timer_reset(WfProcess *process, const WfState *state,
										  const WfTimer *timer, TimestampTz due);
extern TimestampTz wf_process_timer_due(const WfProcess *process, const WfState *state,
										const char *name);
extern void wf_process_timer_write(WfProcess *process, WfChanges *changes);

#endif							/* WF_PROCESS_TIMER_H */

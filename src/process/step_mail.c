/*-------------------------------------------------------------------------
 *
 * step_mail.c
 *	  The mailbox of a process: events that its claimed timers bring.
 *
 * Runs in executors, and in simulations.  Each event is a step of step.c, unless it is an
 * order of the engine, was delivered before, or comes from a child that counts no more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/array.h"
#include "base/guc.h"
#include "definition/definition.h"
#include "process/child.h"
#include "process/child_list.h"
#include "process/child_map.h"
#include "process/correlation.h"
#include "process/deferred.h"
#include "process/host.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/restore.h"
#include "process/send.h"
#include "process/step.h"
#include "process/step_mail.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "shmem/slot.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/receipt.h"
#include "store/status.h"
#include "store/timer.h"

/* An event of it was parked, because it has not started. */
void
wf_step_mail_parked(WfProcess *process)
{
	process->parked = true;
}

/* Is there an event in the mailbox that has not been delivered? */
bool
wf_step_mail_any(const WfProcess *process)
{
	return process->mailbox_head < process->nmailbox;
}

/*
 * Put a claimed timer into the mailbox of its process, for wf_step_mail_deliver().  What
 * it points to must live as long as the stepper.
 */
void
wf_step_mail(WfProcess *process, const WfTimerRow *timer)
{
	wf_array_grow(process->mailbox, process->nmailbox, process->mailbox_size)->timer = *timer;
}

/*
 * Deliver an event that only the engine sends, and that no state handles.
 * Returns false if it is any other.
 */
static bool
deliver_ours(WfProcess *process, const WfTimerRow *timer)
{
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
	{
		process->disowned = true;
		wf_step_cancel(process->stepper, process, timer->actor);
	}
	else if (strcmp(timer->event, WF_FORWARD_EVENT) == 0)
		wf_send_forward(process, timer);
	else
		return false;
	return true;
}

/*
 * No transition took the event that told the process of a failure (it has moved
 * on since): the failure counts as given up, as if nobody had been told.
 */
static void
not_heard(WfProcess *process, const WfTimerRow *timer)
{
	if (wf_process_row_is_over(&process->row))
		return;
	wf_changes_reopen(process->stepper->changes, timer);
	process->row.status = WF_ERROR;
}

/*
 * Was an event delivered before that came with the same id?  Asked under the lock
 * on the process, so that of two only the first one is delivered.
 */
static bool
is_repeated(const WfProcess *process, const WfTimerRow *timer)
{
	WfReceipt	receipt;

	return timer->once != NULL && wf_receipt_find(&process->row.id, timer->once, &receipt);
}

/* Keep the verdict on an event that came with an id. */
static void
keep_verdict(const WfProcess *process, const char *once, WfVerdict verdict)
{
	WfReceipt	receipt = {
		.taken = verdict == WF_TAKEN,
		.deferred = verdict == WF_DEFERRED,
		.status = wf_status_oid(process->row.status),
		.states = process->row.states,
		.context = process->row.context
	};

	wf_receipt_keep(&process->row.id, once, &receipt);
}

/*
 * An event that was posted under an id replaces those before it.  That was done
 * when it was posted, unless a step was under way then, which may have kept one
 * for later.  The engine's own names are no ids.
 */
static void
replace_deferred(WfProcess *process, const WfTimerRow *timer)
{
	if (process->definition->chart->has_defer &&
		strncmp(timer->name, "workflow.", strlen("workflow.")) != 0)
		wf_deferred_cancel(process, timer->name);
}

/*
 * Deliver an event of a child that is none of the list.  Of one that is at an element of
 * a map, the process hears when the map ends; of any other it is only noted as ignored.
 */
static void
deliver_of_element(WfProcess *process, WfTimerRow *timer)
{
	wf_step_trace_follow(process, NULL);
	switch (wf_child_map_hear(process, timer))
	{
		case WF_HEARD_NOTHING:
			wf_step_trace_begin(process, timer->trace);
			wf_step_finish(process, timer->event, timer->due, false, timer->actor, timer->data);
			break;
		case WF_HEARD_EVENT:
			wf_step_deliver(process, timer, timer->due, false);
			break;
		case WF_HEARD_END:
			break;
	}
	process->failures = NULL;
}

/* One step; or, if the data of the event do not fit, only a row in the history. */
static WfVerdict
step_if_fits(WfProcess *process, WfTimerRow *timer)
{
	if (likely(timer->once == NULL) || wf_correlation_fits(process, timer))
		return wf_step_deliver(process, timer, timer->due, false);
	process->reason = "refused";
	wf_step_trace_begin(process, timer->trace);
	wf_step_finish(process, timer->event, timer->due, false, timer->actor, timer->data);
	return WF_REFUSED;
}

/*
 * Deliver one event of the mailbox: an order of the engine, the start of the
 * process, or an event for its states.  One from a child that the process has
 * let go of is only noted as ignored.
 */
static void
deliver(WfProcess *process, WfTimerRow *timer)
{
	process->current = timer;
	wf_slot_event(process->definition->id, &process->row.id, timer->event);
	if (strncmp(timer->event, "workflow.", strlen("workflow.")) == 0 &&
		deliver_ours(process, timer))
		;
	else if (process->row.status == WF_INITIALIZED)
	{
		wf_step_enter(process, timer->data, timer->actor);
		process->unpark = true;
	}
	else if (timer->from_child && !wf_child_list_counts(process, timer))
		deliver_of_element(process, timer);
	else if (!is_repeated(process, timer))
	{
		WfVerdict	verdict;

		if (unlikely(timer->name != NULL) && timer->state == NULL)
			replace_deferred(process, timer);
		verdict = step_if_fits(process, timer);

		if (unlikely(timer->name != NULL) && verdict != WF_TAKEN && verdict != WF_DEFERRED &&
			strcmp(timer->name, WF_TOLD_ID) == 0)
			not_heard(process, timer);
		if (timer->once != NULL && process->stepper->observer == NULL)
			keep_verdict(process, timer->once, verdict);
	}
	process->current = NULL;
	wf_changes_settled(process->stepper->changes, timer);
}

/*
 * Deliver the mailbox of a process: its claimed timers in order, then what it
 * sends to itself.  stop, if not NULL, is called with arg between events; once
 * it returns true, the rest stays in the mailbox and is written back as timers.
 * Returns the number of events delivered.  Throws what guards and actions
 * throw.
 */
int
wf_step_mail_deliver(WfStepper *stepper, WfProcess *process,
					 bool (*stop) (void *arg), void *arg)
{
	int			done = 0;

	wf_restore(process);
	while (process->mailbox_head < process->nmailbox)
	{
		WfTimerRow	timer;

		if (done > 0 && stop != NULL && stop(arg))
			break;
		timer = process->mailbox[process->mailbox_head].timer;
		if (process->mailbox[process->mailbox_head++].dead)
			continue;
		if (wf_process_row_is_over(&process->row))
		{
			wf_changes_settled(process->stepper->changes, &timer);
			continue;
		}
		if (timer.seq != 0)
			process->self_left += wf_max_microsteps;
		else if (process->self_left-- <= 0)
			wf_process_host.too_many_microsteps(process, wf_max_microsteps);
		deliver(process, &timer);
		done++;
	}
	return done;
}

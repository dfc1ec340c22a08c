/*-------------------------------------------------------------------------
 *
 * setback.c
 *	  What becomes of a simulated process when one of its events fails.
 *
 * Runs in the caller's session.  An executor would try the event again, then
 * tell the process, or stop it (work/attempt.c), and keep books about it in
 * tables; here the same is decided, in memory.  Only the retries that the
 * definition names itself are played: those of the settings, which come at
 * random times, would make each failure a dozen rows, and end as it does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/retry.h"
#include "process/hearing.h"
#include "process/policy.h"
#include "process/process.h"
#include "process/stepper.h"
#include "simulate/setback.h"
#include "simulate/simulate.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* The id of events that tell of a failure: they are not told of themselves. */
#define TOLD "workflow.on_error"

/* Does the definition say that it is tried again?  Then *due is when. */
static bool
is_tried_again(const WfPolicy *policy, const char *sqlstate, int attempts,
			   TimestampTz *due)
{
	return policy != NULL && policy->has_retry &&
		wf_retry_plan(policy, sqlstate, attempts, due);
}

/* Is this an event that tells of a failure? */
static bool
is_telling(const WfTimerRow *timer)
{
	return timer->name != NULL && timer->state == NULL && strcmp(timer->name, TOLD) == 0;
}

/*
 * Does the failure of this timer come of what the handler did about an earlier one?
 * Then what it does about failures fails, and would for ever.
 */
static bool
is_in_vain(const WfSimulation *sim, const WfTimerRow *timer, const char *handler)
{
	ListCell   *cell;

	if (timer->state == NULL && !(sim->definition->sends_later && timer->actor == NULL))
		return false;
	foreach(cell, sim->told)
	{
		const WfSimulatedTelling *telling = lfirst(cell);

		if (telling->seq < timer->seq && strcmp(telling->handler, handler) == 0)
			return true;
	}
	return false;
}

/*
 * Is the process told of the failure by the event `told`, and goes on?  Not of the
 * failure of an event that tells of one.  If so, that is noted.
 */
static bool
is_told(WfSimulation *sim, WfProcess *process, const WfPolicy *policy,
		const WfTimerRow *timer, const WfTimerRow *told)
{
	const char *handler;
	WfSimulatedTelling *telling;
	MemoryContext old;

	if (policy == NULL || policy->then != WF_THEN_EVENT || process->row.step == 0 || is_telling(timer))
		return false;
	handler = wf_hearing_handler(process, told);
	if (handler == NULL || is_in_vain(sim, timer, handler))
		return false;
	old = MemoryContextSwitchTo(sim->context);
	telling = palloc(sizeof(WfSimulatedTelling));
	telling->handler = pstrdup(handler);
	telling->seq = told->seq;
	sim->told = lappend(sim->told, telling);
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * Has the process got on by an event that it has taken: by one from outside, or by a
 * timer for which it had to wait?  What follows at once from the step before does not
 * count, nor what tells of failures.
 */
bool
wf_setback_is_over(const WfSimulation *sim, const WfStimulus *stimulus)
{
	const WfSimulatedStep *step = sim->steps == NIL ? NULL : linitial(sim->steps);

	if (stimulus->kind != WF_STIMULUS_TIMER)
		return stimulus->kind != WF_STIMULUS_START;
	return step != NULL && step->taken && !is_telling(stimulus->timer) &&
		stimulus->timer->due > sim->at;
}

/* The event that tells the process, due now. */
static WfTimerRow *
tell(WfSimulation *sim, const WfPolicy *policy, const WfTimerRow *timer, int attempts)
{
	static const char *keys[] = {"event", "data", "attempts", "sqlstate", "message", "detail", "hint"};
	const ErrorData *error = sim->error;
	Jsonb	   *values[] = {
		wf_jsonb_string(timer->event), timer->data,
		wf_jsonb_parse(psprintf("%d", attempts)),
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		wf_jsonb_string_or_null(error->message), wf_jsonb_string_or_null(error->detail),
		wf_jsonb_string_or_null(error->hint)
	};
	WfTimerRow *told = palloc0(sizeof(WfTimerRow));

	told->process = sim->row.id;
	told->due = wf_clock_now();
	told->event = policy->event;
	told->name = TOLD;
	told->actor = timer->actor;
	told->data = wf_jsonb_object(lengthof(keys), keys, values);
	told->seq = ++sim->last_seq;
	return told;
}

/* The status of a process that stops. */
static WfStatus
stopped(WfProcess *process, const WfPolicy *policy)
{
	if (policy != NULL && policy->then == WF_THEN_TERMINATE)
		return WF_TERMINATED;
	if (policy != NULL && policy->then == WF_THEN_ERROR)
		return WF_ERROR;
	return wf_process_has_exit(process) ? WF_ERROR : WF_TERMINATED;
}

/*
 * The event of a timer has failed with sim->error and is undone: what would an
 * executor leave?  Returns the timers that the process has, in the current memory
 * context, and its row in *row.  Sets sim->again to the time of the next attempt,
 * DT_NOEND if there is none.  The timer need not be one of the process's.
 */
List *
wf_setback(WfSimulation *sim, const WfTimerRow *timer, WfRow *row)
{
	WfStepper  *stepper = wf_stepper_new(0);
	WfProcess  *process;
	List	   *timers = list_delete_ptr(list_copy(sim->timers), unconstify(WfTimerRow *, timer));
	const WfPolicy *policy;
	WfTimerRow *told;
	int			attempts = timer->attempts + 1;

	wf_stepper_observe(stepper, &sim->observer);
	process = wf_stepper_add_row(stepper, &sim->row, sim->definition);
	policy = wf_policy_of(process, timer);
	if (is_tried_again(policy, unpack_sql_state(sim->error->sqlerrcode), attempts, &sim->again))
	{
		WfTimerRow *again = palloc(sizeof(WfTimerRow));

		*again = *timer;
		again->due = sim->again;
		again->attempts = attempts;
		if (again->seq == 0)
			again->seq = ++sim->last_seq;
		timers = lappend(timers, again);
	}
	else
	{
		sim->again = DT_NOEND;
		told = policy != NULL && policy->then == WF_THEN_EVENT ? tell(sim, policy, timer, attempts) : NULL;
		if (is_told(sim, process, policy, timer, told))
			timers = lappend(timers, told);
		else
			process->row.status = stopped(process, policy);
	}
	wf_stepper_end(stepper);
	*row = process->row;
	return timers;
}

/*-------------------------------------------------------------------------
 *
 * simulate.c
 *	  Steps of a process in memory that leave nothing behind.
 *
 * Runs in the caller's session and takes no lock on a process.  The process is
 * stepped by the same code as any other, but its stepper has an observer, which
 * receives what would be written.  Between events it is kept in memory, so that
 * the simulation of a year writes nothing itself, gets no transaction id and
 * leaves no dead row.
 *
 * The author's code is really run.  Each event has a subtransaction, so that
 * one that fails is undone alone; all of them are inside the subtransaction that
 * wf_simulate_forgotten() rolls back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "process/context.h"
#include "process/deferred.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_mail.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "simulate/setback.h"
#include "simulate/simulate.h"
#include "simulate/trace.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* --- the process between events ------------------------------------------ */

static char *
copy_text(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

/* Copy a timer, with all that it points to, into the current memory context. */
static WfTimerRow *
copy_timer(const WfTimerRow *timer)
{
	WfTimerRow *copy = palloc(sizeof(WfTimerRow));

	*copy = *timer;
	copy->event = copy_text(timer->event);
	copy->name = copy_text(timer->name);
	copy->state = copy_text(timer->state);
	copy->actor = copy_text(timer->actor);
	if (timer->data != NULL)
		copy->data = (Jsonb *) DatumGetPointer(datumCopy(JsonbPGetDatum(timer->data),
														 false, -1));
	return copy;
}

/*
 * Copy a value of varying length.  It is detoasted, because a row out of line
 * may be deleted before the value is read again.
 */
static Datum
copy_flat(Datum value)
{
	return value == (Datum) 0 ? value : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

/*
 * Copy what of the process outlives the event: its row, its timers and the ids of
 * its simulated children.  The copy before it is freed with the next event,
 * because the steps of this one point to where they began.
 */
static void
keep(WfSimulation *sim, const WfRow *row, List *timers, List *children)
{
	MemoryContext kept = AllocSetContextCreate(sim->context, "simulated process",
											   ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(kept);
	ListCell   *cell;
	List	   *timer_copies = NIL;
	List	   *child_copies = NIL;
	WfRow		copy = *row;

	copy.process = NULL;
	copy.states = copy_flat(row->states);
	copy.context = copy_flat(row->context);
	copy.history = copy_flat(row->history);
	copy.children = copy_flat(row->children);
	copy.key = copy_flat(row->key);
	copy.output = (Datum) 0;
	copy.invoke = row->has_parent ? copy_text(row->invoke) : NULL;
	foreach(cell, timers)
		timer_copies = lappend(timer_copies, copy_timer(lfirst(cell)));
	foreach(cell, children)
		child_copies = lappend(child_copies, pstrdup(lfirst(cell)));
	MemoryContextSwitchTo(old);

	if (sim->passed != NULL)
		MemoryContextDelete(sim->passed);
	sim->passed = sim->kept;
	sim->kept = kept;
	sim->row = copy;
	sim->timers = timer_copies;
	sim->children = child_copies;
}

/*
 * Simulate a process that has still to start, in the current memory context.
 * SPI must be connected.
 */
WfSimulation *
wf_simulate_new(WfDefinition *definition)
{
	WfSimulation *sim = palloc0(sizeof(WfSimulation));

	sim->context = CurrentMemoryContext;
	sim->definition = definition;
	sim->names_only = !wf_privilege_may(definition, "read");
	sim->now = AllocSetContextCreate(sim->context, "simulated event",
									 ALLOCSET_DEFAULT_SIZES);
	wf_uuid_make(&sim->row.id, WF_UUID_ANY_SLOT);
	sim->row.definition = definition->id;
	sim->at = DT_NOBEGIN;
	wf_trace_init(sim);
	return sim;
}

/*
 * Simulate a process that is in the table, with its timers, as the row says;
 * takes no lock.  In the current memory context; SPI must be connected.
 */
WfSimulation *
wf_simulate_of(WfDefinition *definition, const WfRow *row)
{
	WfSimulation *sim = wf_simulate_new(definition);
	List	   *timers = wf_timer_list(&row->id);

	sim->stored = true;
	sim->exists = true;
	keep(sim, row, timers, NIL);
	return sim;
}

/* The timer that is due first, or NULL if there is none that the process takes. */
const WfTimerRow *
wf_simulate_next(const WfSimulation *sim)
{
	const WfTimerRow *next = NULL;
	ListCell   *cell;

	if (!sim->exists || wf_process_row_is_over(&sim->row) ||
		sim->row.status == WF_TERMINATED)
		return NULL;
	foreach(cell, sim->timers)
	{
		const WfTimerRow *timer = lfirst(cell);

		if (next == NULL || timer->due < next->due ||
			(timer->due == next->due && timer->seq < next->seq))
			next = timer;
	}
	return next;
}

/* --- one event ------------------------------------------------------------ */

/* Is this a timer that `gone` deletes? */
static bool
is_gone(const WfTimerRow *timer, const WfForgottenTimer *gone)
{
	if (gone->name == NULL)
		return true;
	if (timer->name == NULL || strcmp(timer->name, gone->name) != 0)
		return false;
	return gone->state == NULL ? timer->state == NULL :
		timer->state != NULL && strcmp(timer->state, gone->state) == 0;
}

/* Delete from a list what `gone` deletes. */
static List *
without(List *timers, const WfForgottenTimer *gone)
{
	ListCell   *cell;

	foreach(cell, timers)
		if (is_gone(lfirst(cell), gone))
			timers = foreach_delete_current(timers, cell);
	return timers;
}

/*
 * The timers after an event, in the order of changes_write.c: what was disarmed
 * is deleted first, then what was armed is inserted.
 */
static List *
apply_timers(WfSimulation *sim, List *timers)
{
	ListCell   *cell;

	foreach(cell, sim->gone)
		timers = without(timers, lfirst(cell));
	foreach(cell, sim->armed)
	{
		WfNewTimer *armed = lfirst(cell);
		ListCell   *other;
		bool		there = false;
		WfForgottenTimer like = {armed->timer.state, armed->timer.name};

		if (armed->if_absent)
			foreach(other, timers)
				there = there || is_gone(lfirst(other), &like);
		if (there)
			continue;
		armed->timer.seq = ++sim->last_seq;
		timers = lappend(timers, &armed->timer);
	}
	return timers;
}

/*
 * Add the events that the author's code has posted to the simulated process by
 * workflow.post(), which are in workflow.timer.  There are none if the
 * transaction has no id, so that nothing was written.
 */
static List *
take_posted(WfSimulation *sim, List *timers)
{
	ListCell   *cell;
	List	   *posted;

	if (sim->stored || !TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
		return timers;
	posted = wf_timer_take_all(&sim->row.id);
	foreach(cell, posted)
	{
		WfTimerRow *timer = lfirst(cell);
		WfForgottenTimer like = {NULL, timer->name};

		if (timer->name != NULL)
			timers = without(timers, &like);
		timer->seq = ++sim->last_seq;
		timers = lappend(timers, timer);
	}
	return timers;
}

/* Add the simulated process to a stepper as a new one. */
static WfProcess *
add_new(WfSimulation *sim, WfStepper *stepper, const WfStimulus *stimulus)
{
	Jsonb	   *context = wf_context_initial(sim->definition, stimulus->data,
											 stimulus->actor, NULL, NULL);

	return wf_stepper_add_new(stepper, sim->definition, &sim->row.id, context, NULL);
}

/*
 * Give the process the events that it has deferred before, as if they had been
 * loaded from the table: each has a number, so that none is taken for a new one
 * and written again.  Those of a stored process are in the table.
 */
static void
give_deferred(WfSimulation *sim, WfProcess *process)
{
	ListCell   *cell;

	if (sim->stored)
		return;
	process->deferred_loaded = true;
	foreach(cell, sim->deferred)
		wf_array_grow(process->deferred, process->ndeferred,
				process->deferred_size)->timer = *(WfTimerRow *) lfirst(cell);
}

/* Take from the process the events that it has deferred. */
static void
take_deferred(WfSimulation *sim, WfProcess *process)
{
	List	   *before = sim->deferred;
	MemoryContext old;

	if (sim->stored || process->ndeferred == 0)
		return;
	old = MemoryContextSwitchTo(sim->context);
	sim->deferred = NIL;
	for (int i = 0; i < process->ndeferred; i++)
	{
		WfTimerRow *kept;

		if (process->deferred[i].gone)
			continue;
		if (i < list_length(before))
			kept = list_nth(before, i);
		else
		{
			kept = copy_timer(&process->deferred[i].timer);
			kept->seq = ++sim->last_seq;
		}
		sim->deferred = lappend(sim->deferred, kept);
	}
	list_free(before);
	MemoryContextSwitchTo(old);
}

/*
 * Deliver an event, in its memory context and subtransaction.  Returns the
 * timers that the process has after it.
 */
static List *
step(WfSimulation *sim, const WfStimulus *stimulus)
{
	WfStepper  *stepper = wf_stepper_new(0);
	WfProcess  *process;
	List	   *timers = list_copy(sim->timers);
	Jsonb	   *data = stimulus->data;

	wf_stepper_observe(stepper, &sim->observer);
	if (stimulus->kind == WF_STIMULUS_COMMAND)
	{
		wf_process_refuse_command(&sim->row);
		/* A process of its own is nobody's work: it can be tried in a pause. */
		if (sim->stored)
			wf_pause_refuse(sim->definition);
		data = wf_event_data_check(sim->definition, stimulus->event, data);
	}
	if (stimulus->kind == WF_STIMULUS_START)
		process = add_new(sim, stepper, stimulus);
	else
		process = wf_stepper_add_row(stepper, &sim->row, sim->definition);
	sim->process = process;
	sim->refusing = false;
	give_deferred(sim, process);

	switch (stimulus->kind)
	{
		case WF_STIMULUS_START:
			wf_step_start(stepper, process, stimulus->data, stimulus->actor);
			break;
		case WF_STIMULUS_TIMER:
			timers = list_delete_ptr(timers, unconstify(WfTimerRow *, stimulus->timer));
			sim->timers = timers;
			wf_step_mail(process, stimulus->timer);
			(void) wf_step_mail_deliver(stepper, process, NULL, NULL);
			break;
		case WF_STIMULUS_REPLY:
		case WF_STIMULUS_COMMAND:
			(void) wf_step_send(stepper, process, stimulus->event, data, stimulus->actor, NULL);
			break;
	}
	(void) wf_step_write(stepper);
	wf_stepper_end(stepper);
	take_deferred(sim, process);

	process->row.context = JsonbPGetDatum(wf_context_of(process));
	return take_posted(sim, apply_timers(sim, timers));
}

/*
 * Does an error say nothing about the event?  Conflicts with other sessions,
 * shortages and interruptions do not.
 */
static bool
is_of_the_moment(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
			return true;
		default:
			return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	}
}

/*
 * The timer that an executor would deliver this event as, or NULL if it comes
 * from a client.
 */
static const WfTimerRow *
timer_of(const WfSimulation *sim, const WfStimulus *stimulus)
{
	WfTimerRow *timer;

	if (stimulus->kind != WF_STIMULUS_REPLY)
		return stimulus->timer;
	timer = palloc0(sizeof(WfTimerRow));
	timer->process = sim->row.id;
	timer->due = wf_clock_now();
	timer->event = stimulus->event;
	timer->data = stimulus->data;
	timer->actor = stimulus->actor;
	return timer;
}

/*
 * Deliver an event to the process, in a subtransaction of its own.  Returns
 * whether it succeeded.  Until the next call sim->steps has its steps, or
 * sim->error the error and sim->effects what happened before it; then the
 * process is as before, but, if the event was a timer or the reply of a child,
 * as an executor leaves it, see setback.c.  Throws only errors that say nothing
 * about the event: cancellation, deadlock, out of memory and the like.
 */
bool
wf_simulate(WfSimulation *sim, const WfStimulus *stimulus)
{
	MemoryContext outer = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	List	   *before = sim->timers;
	List	   *volatile after = NIL;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(sim->now);
	MemoryContextSwitchTo(sim->now);
	sim->effects = sim->steps = sim->gone = sim->armed = NIL;
	sim->living = list_copy(sim->children);
	sim->path = NULL;
	sim->error = NULL;
	sim->refusing = true;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(sim->now);
		after = step(sim, stimulus);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(sim->now);
		sim->error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(outer);
	CurrentResourceOwner = owner;

	if (sim->error == NULL)
	{
		keep(sim, &sim->process->row, after, sim->living);
		sim->exists = true;
		if (wf_setback_is_over(sim, stimulus))
			sim->told = NIL;
		sim->at = wf_clock_now();
		return true;
	}
	if (is_of_the_moment(sim->error))
		ReThrowError(sim->error);
	sim->refused = sim->refusing;
	sim->timers = before;
	sim->again = DT_NOEND;
	if (stimulus->kind == WF_STIMULUS_TIMER || stimulus->kind == WF_STIMULUS_REPLY)
	{
		WfRow		row;
		List	   *timers;

		MemoryContextSwitchTo(sim->now);
		timers = wf_setback(sim, timer_of(sim, stimulus), &row);
		keep(sim, &row, timers, sim->children);
		MemoryContextSwitchTo(outer);
	}
	return false;
}

/* --- nothing is kept ------------------------------------------------------ */

/*
 * Call code(arg) and undo all that it does: its subtransaction is rolled back
 * however it ends, the clock is set back, nothing is woken at commit, and the
 * definitions that it has loaded are forgotten.  Errors are thrown on.  what is
 * the name of the procedure, for error 25006 in read-only transactions and on
 * standbys.
 */
void
wf_simulate_forgotten(const char *what, void (*code) (void *arg), void *arg)
{
	MemoryContext outer = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	TimestampTz clock = wf_clock_simulated();
	uint64		known = wf_definition_mark();
	WfWakeupSilence silence;

	PreventCommandDuringRecovery(what);
	PreventCommandIfReadOnly(what);

	wf_wakeup_silence_begin(&silence);
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(outer);
		code(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(outer);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(outer);
	CurrentResourceOwner = owner;
	wf_wakeup_silence_end(&silence);
	(void) wf_clock_simulate(clock);
	wf_definition_forget(known);

	if (error != NULL)
		ReThrowError(error);
}

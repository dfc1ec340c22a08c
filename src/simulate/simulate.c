/*-------------------------------------------------------------------------
 *
 * simulate.c
 *	  Steps that are looked at and forgotten.
 *
 * Runs in the caller's session and takes no lock on a process.  The process
 * itself is kept in memory between events, so that a simulation of a year
 * writes nothing of its own, gets no transaction id and leaves no dead row.
 *
 * Each event has a subtransaction: one that fails is undone alone.  All of
 * them are inside the one that wf_simulate_forgotten() rolls back.
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
#include "definition/privilege.h"
#include "process/context.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
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

/* With all it points to, in the current memory context. */
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

/* Out of line it could be gone before we look again. */
static Datum
copy_flat(Datum value)
{
	return value == (Datum) 0 ? value : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

/*
 * What of the process outlives the event: a copy.  The old one goes with the
 * next event, for the steps of this one show where it began.
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

/* A process that has still to start; memory in the current context.  SPI is connected. */
WfSimulation *
wf_simulate_new(WfDefinition *definition)
{
	WfSimulation *sim = palloc0(sizeof(WfSimulation));

	sim->context = CurrentMemoryContext;
	sim->definition = definition;
	sim->names_only = !wf_privilege_may(definition, "read");
	sim->now = AllocSetContextCreate(sim->context, "simulated event",
									 ALLOCSET_DEFAULT_SIZES);
	wf_uuid_make(&sim->row.id);
	sim->row.definition = definition->id;
	wf_trace_init(sim);
	return sim;
}

/* A process that exists, its timers with it.  Takes no lock.  SPI is connected. */
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

/* The timer that is due first, or NULL; none for a process that takes none. */
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

static List *
without(List *timers, const WfForgottenTimer *gone)
{
	ListCell   *cell;

	foreach(cell, timers)
		if (is_gone(lfirst(cell), gone))
			timers = foreach_delete_current(timers, cell);
	return timers;
}

/* As changes.c writes them: first what goes, then what comes. */
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
 * What the author's code posted to its own process lies in the real table.  It
 * cannot have written there without a transaction id.
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

static WfProcess *
add_new(WfSimulation *sim, WfStepper *stepper, const WfStimulus *stimulus)
{
	Jsonb	   *context = wf_context_initial(sim->definition, stimulus->data,
											 stimulus->actor);

	return wf_stepper_add_new(stepper, sim->definition, &sim->row.id, context, NULL);
}

/* What earlier events left for later; of a stored process the table has it. */
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
		if (process->deferred[i].gone)
			continue;
		sim->deferred = lappend(sim->deferred, i < list_length(before) ?
								list_nth(before, i) :
								copy_timer(&process->deferred[i].timer));
	}
	list_free(before);
	MemoryContextSwitchTo(old);
}

/*
 * In the event's memory and subtransaction.  Returns the timers that the
 * process has after it.
 */
static List *
step(WfSimulation *sim, const WfStimulus *stimulus)
{
	WfStepper  *stepper = wf_stepper_new(0);
	WfProcess  *process;
	List	   *timers = list_copy(sim->timers);

	wf_stepper_watch(stepper, &sim->onlooker);
	if (stimulus->kind == WF_STIMULUS_COMMAND)
		wf_process_refuse_command(&sim->row);
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
			wf_step_queue(process, stimulus->timer);
			(void) wf_step_run(stepper, process, NULL, NULL);
			break;
		case WF_STIMULUS_REPLY:
		case WF_STIMULUS_COMMAND:
			(void) wf_step_send(stepper, process, stimulus->event,
								stimulus->data, stimulus->actor);
			break;
	}
	(void) wf_step_write(stepper);
	wf_stepper_end(stepper);
	take_deferred(sim, process);

	process->row.context = JsonbPGetDatum(wf_context_of(process));
	return take_posted(sim, apply_timers(sim, timers));
}

/* Errors that say nothing about the event, but something about the moment. */
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

/* As an executor leaves a process whose event it gave up. */
static void
give_up(WfSimulation *sim, const WfTimerRow *timer)
{
	WfStepper  *stepper = wf_stepper_new(0);
	WfProcess  *process;
	List	   *timers = list_copy(sim->timers);

	wf_stepper_watch(stepper, &sim->onlooker);
	process = wf_stepper_add_row(stepper, &sim->row, sim->definition);
	process->row.status = wf_process_has_exit(process) ? WF_ERROR : WF_TERMINATED;
	wf_stepper_end(stepper);
	keep(sim, &process->row,
		 list_delete_ptr(timers, unconstify(WfTimerRow *, timer)), sim->children);
}

/*
 * Let something reach the process, in a subtransaction of its own.  Returns
 * whether it went well; sim->steps tells what it came to, sim->error and
 * sim->effects what went wrong and what came before it, until the next call.
 * Only what would be an error of anything at all is thrown: cancelled,
 * deadlock, out of memory and the like.
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
		return true;
	}
	if (is_of_the_moment(sim->error))
		ReThrowError(sim->error);
	sim->refused = sim->refusing;
	sim->timers = before;
	if (stimulus->kind == WF_STIMULUS_TIMER)
	{
		MemoryContextSwitchTo(sim->now);
		give_up(sim, stimulus->timer);
		MemoryContextSwitchTo(outer);
	}
	return false;
}

/* --- nothing is kept ------------------------------------------------------ */

/*
 * Run code that leaves nothing: its subtransaction is rolled back however it
 * ends, the clock is set back, nobody is woken.  Errors are thrown on.
 * Refuses read-only transactions and standbys, naming `what`.
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

/*-------------------------------------------------------------------------
 *
 * trace.c
 *	  The observer of a simulation: what a step does, as a list of effects.
 *
 * Runs in the caller's session.  Its callbacks stand between the interpreter and
 * wf_process_host: they add an effect to the list and have it done.  Effects are
 * jsonb, in the form that workflow.dry_run() and simulate() show.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <stdarg.h>

#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_input.h"
#include "process/child_list.h"
#include "process/child_map.h"
#include "process/context.h"
#include "process/event_scope.h"
#include "process/host.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/stepper.h"
#include "simulate/simulate.h"
#include "simulate/trace.h"
#include "store/change_sets.h"
#include "store/timer.h"

/* Members of an effect. */
#define MAX_KEYS 12

/* wf_process_host with some of the callbacks below; set up at the first use. */
static WfHost traced_host;

/* --- effects ------------------------------------------------------------ */

/*
 * An effect: {"effect": kind, key: value, ...}.  The arguments are pairs of
 * const char * and Jsonb *, and a NULL at the end; members whose value is NULL
 * are left out.
 */
Jsonb *
wf_trace_effect(const char *kind,...)
{
	const char *keys[MAX_KEYS] = {"effect"};
	Jsonb	   *values[MAX_KEYS] = {wf_jsonb_string(kind)};
	int			n = 1;
	const char *key;
	va_list		args;

	va_start(args, kind);
	while ((key = va_arg(args, const char *)) != NULL)
	{
		Assert(n < MAX_KEYS);
		keys[n] = key;
		values[n++] = va_arg(args, Jsonb *);
	}
	va_end(args);
	return wf_jsonb_object(n, keys, values);
}

/* A string as jsonb, or NULL. */
static Jsonb *
string_or_null(const char *text)
{
	return text == NULL ? NULL : wf_jsonb_string(text);
}

/* A due time in the form of to_jsonb(). */
static Jsonb *
jsonb_time(TimestampTz time)
{
	char		buffer[MAXDATELEN + 1];

	JsonEncodeDateTime(buffer, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL);
	return wf_jsonb_string(buffer);
}

/*
 * An error as jsonb: sqlstate, message, detail, hint and context.  kind: of the
 * effect that it is, or NULL if it is none.  again: when its event is tried again,
 * or an infinite time.
 */
Jsonb *
wf_trace_error(const char *kind, const ErrorData *error, TimestampTz again)
{
	const char *keys[] = {"sqlstate", "message", "detail", "hint", "context", "effect", "retry_at"};
	Jsonb	   *values[] = {
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		string_or_null(error->message), string_or_null(error->detail),
		string_or_null(error->hint), string_or_null(error->context),
		string_or_null(kind), TIMESTAMP_NOT_FINITE(again) ? NULL : jsonb_time(again)
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* The simulation of the process that calls the host. */
static WfSimulation *
simulation_of(void *host)
{
	return (WfSimulation *) ((WfProcess *) host)->stepper->observer;
}

/* Add an effect, in memory that lives as long as the event. */
#define NOTE(sim, what) \
	do { \
		WfSimulation *noted_by = (sim); \
		MemoryContext old = MemoryContextSwitchTo(noted_by->now); \
		noted_by->effects = lappend(noted_by->effects, (what)); \
		MemoryContextSwitchTo(old); \
	} while (0)

/* --- the machine -------------------------------------------------------- */

/* The names of states, as a jsonb array. */
static Jsonb *
state_names(const WfChart *chart, const WfStateId *states, int n)
{
	Jsonb	  **names = palloc(sizeof(Jsonb *) * (n + 1));

	for (int i = 0; i < n; i++)
		names[i] = wf_jsonb_string(chart->states[states[i]].name);
	return wf_jsonb_array(n, names);
}

static void
trace_taking(void *self, const WfTransition *transition)
{
	WfSimulation *sim = simulation_of(self);
	const WfChart *chart = sim->definition->chart;

	NOTE(sim, wf_trace_effect("transition",
							  "source", wf_jsonb_string(chart->states[transition->source].name),
							  "targets", transition->targetless ? NULL :
							  state_names(chart, transition->targets, transition->ntargets),
							  "path", string_or_null(transition->path), NULL));
}

static void
trace_leaving(void *self, const WfState *state)
{
	NOTE(simulation_of(self), wf_trace_effect("exited", "state", wf_jsonb_string(state->name), NULL));
}

static void
trace_entering(void *self, const WfState *state)
{
	NOTE(simulation_of(self), wf_trace_effect("entered", "state", wf_jsonb_string(state->name), NULL));
}

static void
trace_raising(void *self, const WfEvent *event)
{
	WfSimulation *sim = simulation_of(self);
	const WfPayload *payload = event->payload;

	NOTE(sim, wf_trace_effect("raised", "event", wf_jsonb_string(event->name),
							  "data", payload != NULL ? payload->data : NULL,
							  "output", payload != NULL ? payload->output : NULL,
							  "path", string_or_null(sim->path), NULL));
}

static const WfMachineObserver machine_observer = {
	.taking = trace_taking,
	.leaving = trace_leaving,
	.entering = trace_entering,
	.raising = trace_raising,
};

/* --- actions ------------------------------------------------------------ */

static void
note_assign(WfSimulation *sim, const WfAction *action)
{
	Jsonb	  **keys = palloc(sizeof(Jsonb *) * (action->nkeys + 1));

	for (int i = 0; i < action->nkeys; i++)
		keys[i] = wf_jsonb_string(action->keys[i]);
	NOTE(sim, wf_trace_effect("action", "action", wf_jsonb_string("assign"),
							  "keys", action->expr == NULL ? wf_jsonb_array(action->nkeys, keys) : NULL,
							  "expression", action->expr != NULL && !sim->names_only ?
							  wf_jsonb_string(action->expr->text) : NULL,
							  "path", wf_jsonb_string(action->path), NULL));
}

static void
on_logged(WfObserver *self, const WfAction *action, Jsonb *value)
{
	NOTE((WfSimulation *) self, wf_trace_effect("action", "action", wf_jsonb_string("log"),
								   "label", string_or_null(action->label), "value", value,
								   "path", wf_jsonb_string(action->path), NULL));
}

/* Functions and expressions are shown only to users who may read the definition. */
static void
trace_action(void *self, const WfAction *action, const WfEvent *event)
{
	WfSimulation *sim = simulation_of(self);
	const char *outer = sim->path;

	sim->path = action->path;
	if (action->kind == WF_ACTION_CALL)
		NOTE(sim, wf_trace_effect("action", "action", sim->names_only ? NULL :
								  wf_jsonb_string(action->expr->text),
								  "params", action->expr->params != NULL && !sim->names_only ?
								  wf_jsonb_parse(action->expr->params) : NULL,
								  "path", wf_jsonb_string(action->path), NULL));
	else if (action->kind == WF_ACTION_ASSIGN)
		note_assign(sim, action);

	wf_process_host.action(self, action, event);
	sim->path = outer;
}

/* --- timers ------------------------------------------------------------- */

/* Are two strings equal, or both NULL? */
static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The timer of this state and name that the process had before, or NULL. */
static const WfTimerRow *
simulated_timer(const WfSimulation *sim, const char *state, const char *name)
{
	ListCell   *cell;

	foreach(cell, sim->timers)
	{
		const WfTimerRow *timer = lfirst(cell);

		if (same(timer->state, state) && same(timer->name, name))
			return timer;
	}
	return NULL;
}

/*
 * The timer of this state and name that was armed by this event and not disarmed
 * again, or NULL.  Only entries from number `from` on are searched.
 */
static const WfArmed *
find_armed(const WfProcess *process, const WfState *state, const char *name,
		   int from)
{
	for (int i = process->narmed - 1; i >= from; i--)
	{
		const WfArmed *armed = &process->armed[i];

		if (!armed->dead && same(armed->timer.state, state->name) &&
			same(armed->timer.name, name))
			return armed;
	}
	return NULL;
}

/* A task was made: whom it is for, and its title. */
static void
trace_task(WfSimulation *sim, const WfTaskRow *task)
{
	Jsonb	  **names = palloc(sizeof(Jsonb *) * list_length(task->names));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, task->names)
		names[n++] = wf_jsonb_string(lfirst(cell));
	NOTE(sim, wf_trace_effect("asked", "state", wf_jsonb_string(task->state),
							  "names", wf_jsonb_array(n, names),
							  "title", wf_jsonb_string_or_null(task->title), NULL));
}

static void
trace_arm(void *self, const WfState *state, const WfEvent *event)
{
	WfSimulation *sim = simulation_of(self);
	WfProcess  *process = self;
	int			before = process->narmed;
	int			ntasks = list_length(process->tasks);

	wf_process_host.arm(self, state, event);
	for (int i = 0; i < state->ntimers; i++)
	{
		const WfTimer *timer = &state->timers[i];
		const WfArmed *armed = find_armed(process, state, timer->name, before);
		const WfTimerRow *kept = armed != NULL && armed->if_absent ?
			simulated_timer(sim, state->name, timer->name) : NULL;

		NOTE(sim, wf_trace_effect("armed", "state", wf_jsonb_string(state->name),
								  "timer", wf_jsonb_string(timer->name),
								  "event", wf_jsonb_string(timer->event),
								  "due", armed == NULL ? wf_jsonb_parse("null") :
								  jsonb_time(kept != NULL ? kept->due : armed->timer.due),
								  NULL));
	}
	if (list_length(process->tasks) > ntasks)
		trace_task(sim, llast(process->tasks));
}

static void
trace_disarm(void *self, const WfState *state)
{
	WfSimulation *sim = simulation_of(self);

	for (int i = 0; i < state->ntimers; i++)
	{
		const char *name = state->timers[i].name;
		const WfArmed *armed = find_armed(self, state, name, 0);
		const WfTimerRow *timer = armed != NULL && !armed->if_absent ? &armed->timer :
			simulated_timer(sim, state->name, name);

		/* It was never armed, or it is the one that is being delivered. */
		if (timer == NULL)
			continue;
		NOTE(sim, wf_trace_effect("disarmed", "state", wf_jsonb_string(state->name),
								  "timer", wf_jsonb_string(name),
								  "due", jsonb_time(timer->due), NULL));
	}
	wf_process_host.disarm(self, state);
}

/* --- children ----------------------------------------------------------- */

/*
 * A copy of a stored process has the children of that process: they are looked
 * up as in any step, and only what would be written of them is not.  In other
 * simulations there are no children, but names, for which the script answers:
 * sim->living.  This finds such a name, or returns NULL.
 */
static char *
find_simulated(const WfSimulation *sim, const char *invoke)
{
	ListCell   *cell;

	foreach(cell, sim->living)
		if (strcmp(lfirst(cell), invoke) == 0)
			return lfirst(cell);
	return NULL;
}

/* Add the effect of an invoke; array: of a map, or NULL. */
static void
note_invoked(WfSimulation *sim, const WfInvoke *invoke, Jsonb *input, Jsonb *array)
{
	NOTE(sim, wf_trace_effect("invoked", "id", wf_jsonb_string(invoke->id),
							  invoke->is_job ? "job" : "src", wf_jsonb_string(invoke->src),
							  "input", input, "over", array,
							  "path", string_or_null(invoke->path), NULL));
}

/* Those that the script answers for; a map without elements is done at once. */
static void
invoke_simulated(WfSimulation *sim, WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	Jsonb	   *array = NULL;
	Jsonb	   *input;
	MemoryContext old;

	if ((invoke->map != NULL && !wf_child_map_array(process, invoke, event, &array)) ||
		!wf_child_input(process, invoke, event, &input))
		return;
	note_invoked(sim, invoke, input, array);
	if (array != NULL && JB_ROOT_COUNT(array) == 0)
	{
		wf_child_map_empty(process, invoke);
		return;
	}
	old = MemoryContextSwitchTo(sim->now);
	sim->living = lappend(sim->living, pstrdup(invoke->id));
	MemoryContextSwitchTo(old);
}

static void
trace_invoke(void *self, const WfState *state, const WfEvent *event)
{
	WfSimulation *sim = simulation_of(self);

	if (sim->stored)
		wf_process_host.invoke(self, state, event);
	for (int i = 0; i < state->ninvokes; i++)
	{
		const WfInvoke *invoke = &state->invokes[i];
		WfChild    *child = sim->stored ? wf_child_list_find(self, invoke->id) : NULL;

		if (child != NULL)
			note_invoked(sim, invoke, child->input, child->array);
		if (!sim->stored)
			invoke_simulated(sim, self, invoke, event);
	}
}

static void
trace_invoke_start(void *self, const WfState *state)
{
	if (simulation_of(self)->stored)
		wf_process_host.invoke_start(self, state);
}

static void
trace_uninvoke(void *self, const WfState *state)
{
	WfSimulation *sim = simulation_of(self);

	for (int i = 0; i < state->ninvokes; i++)
	{
		const WfInvoke *invoke = &state->invokes[i];
		char	   *simulated = find_simulated(sim, invoke->id);

		if (!invoke->detached &&
			(simulated != NULL || (sim->stored && wf_child_list_find(self, invoke->id) != NULL)))
			NOTE(sim, wf_trace_effect("stopped", "id", wf_jsonb_string(invoke->id), NULL));
		if (simulated != NULL)
			sim->living = list_delete_ptr(sim->living, simulated);
	}
	if (sim->stored)
		wf_process_host.uninvoke(self, state);
}

/* --- the end ------------------------------------------------------------- */

static void
trace_done(void *self, const WfState *final, const WfEvent *event)
{
	WfProcess  *process = self;

	wf_process_host.done(self, final, event);
	NOTE(simulation_of(self),
		 wf_trace_effect("done", "state", wf_jsonb_string(final->name),
						 "output", process->row.output == (Datum) 0 ? NULL :
						 DatumGetJsonbP(process->row.output),
						 "outcome", wf_host_failed(process) ? wf_jsonb_string("failure") : NULL, NULL));
}

/* --- callbacks of WfObserver --------------------------------------------- */

static void
on_sent(WfObserver *self, const char *target, const char *event, Jsonb *data,
		const char *id, TimestampTz due)
{
	WfSimulation *sim = (WfSimulation *) self;

	/* The event that the timer will send is reported with its target. */
	if (strcmp(event, WF_FORWARD_EVENT) == 0)
		return;
	NOTE(sim, wf_trace_effect("sent", "event", wf_jsonb_string(event),
							  "target", string_or_null(target), "id", string_or_null(id),
							  "due", jsonb_time(due == DT_NOBEGIN ? wf_clock_now() : due),
							  "data", data, "path", string_or_null(sim->path), NULL));
}

static bool
on_simulates_child(WfObserver *self, const char *invoke)
{
	return find_simulated((WfSimulation *) self, invoke) != NULL;
}

static void
on_cancelled(WfObserver *self, const char *id)
{
	WfSimulation *sim = (WfSimulation *) self;

	NOTE(sim, wf_trace_effect("cancelled", "id", wf_jsonb_string(id),
							  "path", string_or_null(sim->path), NULL));
}

static void
on_stepped(WfObserver *self, const char *event, TimestampTz due, bool taken,
		   Datum from_states)
{
	WfSimulation *sim = (WfSimulation *) self;
	MemoryContext old = MemoryContextSwitchTo(sim->now);
	WfSimulatedStep *step = palloc(sizeof(WfSimulatedStep));

	step->event = pstrdup(event);
	step->taken = taken;
	step->deferred = sim->process->reason != NULL &&
		strcmp(sim->process->reason, "deferred") == 0;
	step->from_states = from_states;
	step->to_states = sim->process->row.states;
	step->status = sim->process->row.status;
	/* The next step of the event may free the context that it replaces. */
	step->context = (Jsonb *) DatumGetPointer(datumCopy(JsonbPGetDatum(wf_context_of(sim->process)),
														false, -1));
	step->effects = sim->effects;
	sim->effects = NIL;
	sim->steps = lappend(sim->steps, step);
	MemoryContextSwitchTo(old);
}

/* --- callbacks of WfChangesObserver --------------------------------------- */

/* The simulation whose observer of changes this is. */
static WfSimulation *
simulation_of_changes(WfChangesObserver *self)
{
	return (WfSimulation *) ((char *) self - offsetof(WfSimulation, observer.changes));
}

static void
on_disarm(WfChangesObserver *self, const pg_uuid_t *process, const char *state,
		  const char *name)
{
	WfSimulation *sim = simulation_of_changes(self);
	MemoryContext old = MemoryContextSwitchTo(sim->now);
	WfForgottenTimer *gone = palloc(sizeof(WfForgottenTimer));

	gone->state = state;
	gone->name = name;
	sim->gone = lappend(sim->gone, gone);
	MemoryContextSwitchTo(old);
}

static void
on_arm(WfChangesObserver *self, const WfTimerRow *timer, bool parked, bool if_absent)
{
	WfSimulation *sim = simulation_of_changes(self);
	MemoryContext old = MemoryContextSwitchTo(sim->now);
	WfNewTimer *armed = palloc(sizeof(WfNewTimer));

	armed->timer = *timer;
	armed->if_absent = if_absent;

	/* Timers of other processes are effects already, and are not delivered. */
	if (memcmp(&timer->process, &sim->row.id, UUID_LEN) == 0)
		sim->armed = lappend(sim->armed, armed);
	MemoryContextSwitchTo(old);
}

/* Set up the observer of a simulation. */
void
wf_trace_init(WfSimulation *sim)
{
	if (traced_host.watch == NULL)
	{
		traced_host = wf_process_host;
		traced_host.action = trace_action;
		traced_host.arm = trace_arm;
		traced_host.disarm = trace_disarm;
		traced_host.invoke = trace_invoke;
		traced_host.invoke_start = trace_invoke_start;
		traced_host.uninvoke = trace_uninvoke;
		traced_host.done = trace_done;
		traced_host.watch = &machine_observer;
	}
	sim->observer.host = &traced_host;
	sim->observer.changes.arm = on_arm;
	sim->observer.changes.disarm = on_disarm;
	sim->observer.sent = on_sent;
	sim->observer.simulates_child = on_simulates_child;
	sim->observer.logged = on_logged;
	sim->observer.cancelled = on_cancelled;
	sim->observer.stepped = on_stepped;
}

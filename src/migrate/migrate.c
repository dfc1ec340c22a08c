/*-------------------------------------------------------------------------
 *
 * migrate.c
 *	  Processes from one version of their definition to another.
 *
 * Runs in client backends.  The caller has locked the process rows, in the order
 * of their ids, and so owns their timers, deferred events and failures; for a
 * dry run nothing is locked, and what is collected goes nowhere.  No action is run: a process stays where it is and
 * follows the new version from then on.  Of the author's code only expressions
 * are evaluated: delays of new timers, inputs of new children and attributes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/user_context.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "migrate/migrate.h"
#include "migrate/migrate_pending.h"
#include "migrate/migrate_task.h"
#include "migrate/route.h"
#include "process/attribute.h"
#include "process/child.h"
#include "process/child_list.h"
#include "process/correlation.h"
#include "process/context.h"
#include "process/deferred.h"
#include "process/error_event.h"
#include "process/host.h"
#include "process/process.h"
#include "process/restore.h"
#include "process/step.h"
#include "process/step_trace.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"

/* --- a migration ------------------------------------------------------- */

/*
 * Begin a migration to version `to`.  mapping: jsonb as given by the caller, or
 * NULL.  In the current memory context.  Errors as wf_route_mapping_read().
 */
WfMigration *
wf_migrate_new(WfDefinition *to, Jsonb *mapping, bool dry_run, const char *actor)
{
	WfMigration *migration = palloc0(sizeof(WfMigration));

	migration->to = to;
	migration->mapping = wf_route_mapping_read(mapping, to);
	migration->mapping_json = mapping;
	migration->dry_run = dry_run;
	migration->actor = actor;
	return migration;
}

/* Add a version to migrate from, in the current memory context. */
void
wf_migrate_add(WfMigration *migration, WfDefinition *from)
{
	migration->routes = lappend(migration->routes,
								wf_route(from, migration->to, migration->mapping));
}

/* The route from the definition with this id, or NULL if it was not added. */
WfRoute *
wf_migrate_route(const WfMigration *migration, int32 from)
{
	ListCell   *cell;

	foreach(cell, migration->routes)
	{
		WfRoute    *route = lfirst(cell);

		if (route->from->id == from)
			return route;
	}
	return NULL;
}

/* --- states ------------------------------------------------------------ */

/* Add a problem because of which the process cannot be migrated. */
static void
refuse(WfMove *move, const char *problem, const char *name, const char *message)
{
	wf_migrate_pending_problem(move, problem, name, message);
	move->result->possible = false;
}

static char *
no_state_message(const WfMove *move)
{
	return psprintf("version %d has no state of this name, and the mapping does not say where it goes",
					move->route->to->version);
}

/*
 * Find the active states of the old version, and the states of the new version
 * that the leaves among them become.
 */
static void
collect_targets(WfMove *move)
{
	const WfChart *from = move->route->from->chart;
	Datum	   *names;
	int			n;
	int			size = 0;

	move->was_active = palloc0(sizeof(bool) * from->nstates);
	deconstruct_array(DatumGetArrayTypeP(wf_process_as_row(move->process)->states),
					  TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name = TextDatumGetCString(names[i]);
		WfStateId	state = wf_chart_find(from, name, strlen(name));
		const WfMapped *mapped;

		if (state == WF_NO_STATE)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("definition \"%s\" version %d has no state \"%s\"",
							from->name, move->route->from->version, name)));
		mapped = &move->route->states[state];
		if (mapped->n == 0)
			refuse(move, "state", name, no_state_message(move));
		size += mapped->n;
		move->targets = move->targets == NULL ?
			palloc(sizeof(WfStateId) * (size + 1)) :
			repalloc(move->targets, sizeof(WfStateId) * (size + 1));
		for (int t = 0; t < mapped->n; t++)
			move->targets[move->ntargets++] = mapped->targets[t];
		for (WfStateId above = state; above != WF_NO_STATE; above = from->states[above].parent)
			move->was_active[above] = true;
	}
}

/*
 * Translate what one history state remembers.  Returns false if it has no place
 * in the new version.
 */
static bool
map_memory(WfMove *move, WfHistoryValue *value, const WfHistoryValue *old)
{
	const WfChart *to = move->route->to->chart;
	const WfMapped *states = move->route->states;
	WfStateId	parent;
	WfStateId	a,
				b;

	if (states[old->history].n == 0)
		return false;
	value->history = states[old->history].targets[0];
	value->states = palloc(sizeof(WfStateId) * to->nstates);
	value->n = 0;
	parent = to->states[value->history].parent;
	for (int i = 0; i < old->n; i++)
	{
		const WfMapped *mapped = &states[old->states[i]];

		if (mapped->n == 0)
			return false;
		for (int t = 0; t < mapped->n; t++)
		{
			if (!wf_is_descendant(to, mapped->targets[t], parent) || value->n == to->nstates)
				return false;
			value->states[value->n++] = mapped->targets[t];
		}
	}
	return value->n > 0 && wf_chart_settle(to, value->states, &value->n, &a, &b);
}

/* Has an old history state become this one before?  Two may become the same. */
static bool
is_remembered(const WfMachine *machine, WfStateId history)
{
	for (int i = 0; i < machine->nhistory; i++)
		if (machine->history[i].history == history)
			return true;
	return false;
}

/*
 * Translate what the machine of the old version remembers, as wf_restore() has read
 * and checked it, and add a problem for each history state whose memory is lost.
 */
static void
map_history(WfMove *move)
{
	const WfMachine *old = move->process->machine;
	WfMachine  *machine = move->batch->machine;

	if (old->nhistory == 0)
		return;
	machine->history = palloc0(sizeof(WfHistoryValue) * old->nhistory);
	for (int i = 0; i < old->nhistory; i++)
	{
		WfHistoryValue *slot = &machine->history[machine->nhistory];

		if (map_memory(move, slot, &old->history[i]) && !is_remembered(machine, slot->history))
			machine->nhistory++;
		else
			wf_migrate_pending_problem(move, "history",
									   move->route->from->chart->states[old->history[i].history].name,
									   "what this history state remembers is forgotten: it has no place in the new version");
	}
}

/*
 * Set the machine to the new configuration.  If there is none, or if it would
 * end the process, result->possible becomes false.
 */
static void
configure(WfMove *move)
{
	WfMachine  *machine = move->batch->machine;
	const WfChart *to = move->route->to->chart;
	WfStateId	a = WF_NO_STATE;
	WfStateId	b = WF_NO_STATE;

	wf_machine_reset(machine, move->process);
	map_history(move);
	if (move->ntargets == 0)
		return;					/* it has not started, and is in no state */
	if (!wf_chart_settle(to, move->targets, &move->ntargets, &a, &b))
		refuse(move, "states", to->states[a].name,
			   psprintf("it cannot be active together with \"%s\"", to->states[b].name));
	else if (!wf_interpret_configure(machine, move->targets, move->ntargets))
		refuse(move, "end", to->states[move->targets[0]].name,
			   "the process would be over: that takes a transition, or workflow.set_states()");
}

/* --- children ---------------------------------------------------------- */

/* The invoke of a state with the id of this one, and of its kind, or NULL. */
static const WfInvoke *
find_invoke(const WfState *state, const WfInvoke *invoke)
{
	for (int i = 0; i < state->ninvokes; i++)
		if (strcmp(state->invokes[i].id, invoke->id) == 0 &&
			state->invokes[i].is_job == invoke->is_job &&
			(state->invokes[i].map == NULL) == (invoke->map == NULL))
			return &state->invokes[i];
	return NULL;
}

/* Does an old state with this invoke become an active state that has it, too? */
static bool
goes_on(WfMove *move, WfStateId old, const WfInvoke *invoke)
{
	const WfMapped *mapped = &move->route->states[old];
	const WfState *states = move->route->to->chart->states;

	for (int i = 0; i < mapped->n; i++)
		if (wf_machine_is_active(move->batch->machine, mapped->targets[i]) &&
			find_invoke(&states[mapped->targets[i]], invoke) != NULL)
			return true;
	return false;
}

/*
 * Did an active state of the old version have this invoke, too?  Then its child
 * is running, or has ended.
 */
static bool
had_invoked(WfMove *move, const WfInvoke *invoke)
{
	const WfChart *from = move->route->from->chart;

	for (int s = 0; s < from->nstates; s++)
		if (move->was_active[s] &&
			wf_route_goes_to(&move->route->states[s], invoke->state) &&
			find_invoke(&from->states[s], invoke) != NULL)
			return true;
	return false;
}

/* Let go of children that the new version does not invoke here. */
static void
let_children_go(WfMove *move)
{
	const WfChart *from = move->route->from->chart;

	for (int s = 0; s < from->nstates; s++)
		for (int i = 0; move->was_active[s] && i < from->states[s].ninvokes; i++)
		{
			const WfInvoke *invoke = &from->states[s].invokes[i];
			WfChild    *child = wf_child_list_find(move->process, invoke->id);

			if (child == NULL || goes_on(move, s, invoke))
				continue;
			wf_migrate_pending_problem(move, "child", invoke->id,
									   invoke->detached ?
									   "what was invoked by this id is let go: the new version does not invoke it here" :
									   "what was invoked by this id is cancelled: the new version does not invoke it here");
			wf_child_let_go(move->process, child, invoke->detached);
		}
}

/* Make children that the old version did not invoke here. */
static void
invoke_children(WfMove *move)
{
	const WfChart *to = move->route->to->chart;

	for (int s = 0; s < to->nstates; s++)
	{
		if (to->states[s].ninvokes == 0 || !wf_machine_is_active(move->batch->machine, s))
			continue;
		for (int i = 0; i < to->states[s].ninvokes; i++)
		{
			const WfInvoke *invoke = &to->states[s].invokes[i];

			if (had_invoked(move, invoke))
				continue;
			wf_migrate_pending_problem(move, "invoke", invoke->id,
									   "it is invoked: the old version did not invoke it here");
			move->stage = WF_MOVE_INVOKES;
			move->name = invoke->id;
			wf_child_invoke(move->process, invoke, &move->event);
		}
		wf_children_start(move->process, &to->states[s]);
	}
}

/*
 * Children go on if the state and the invoke id exist in the new version; the
 * others are let go of, and new ones are made.  What is published is awaited as the new
 * version says, and tasks are its.  No event can be worked here, so
 * an invoke that is impossible throws (machine->quiet), and so does an error of
 * the author's code that was caught (wf_interpret_drop_raised()).
 */
static void
move_children(WfMove *move)
{
	WfMachine  *machine = move->batch->machine;

	move->process->machine = machine;
	machine->quiet = true;
	let_children_go(move);
	invoke_children(move);
	move->stage = WF_MOVE_OTHER;
	if (move->route->from->chart->correlates || move->route->to->chart->correlates)
		wf_correlation_again(move->process, &move->event);
	wf_migrate_task_move(move);
	wf_user_context_leave(&move->process->user_context);
	wf_interpret_drop_raised(machine);
}

/* --- one process ------------------------------------------------------- */

/* The data of the migration's row in the history. */
static Jsonb *
note(const WfMove *move)
{
	static const char *keys[] = {"from_version", "to_version", "mapping", "patch"};
	Jsonb	   *values[] = {
		wf_jsonb_scalar(DirectFunctionCall1(int4_numeric,
											Int32GetDatum(move->route->from->version)), NUMERICOID),
		wf_jsonb_scalar(DirectFunctionCall1(int4_numeric,
											Int32GetDatum(move->route->to->version)), NUMERICOID),
		move->batch->migration->mapping_json,
		move->batch->migration->patch
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* Collect the new row of the process, and a row of the history. */
static void
write_move(WfMove *move)
{
	WfProcess  *process = move->process;
	WfChanges  *changes = wf_stepper_changes(move->batch->stepper);
	Datum		from_states = process->row.states;

	process->row.definition = move->route->to->id;
	process->row.states = move->result->states;
	if (process->row.history != (Datum) 0)
		process->row.history = JsonbPGetDatum(wf_restore_history_jsonb(move->batch->machine));

	/* A process that has not started stays at step 0, without history. */
	if (process->row.step > 0)
	{
		process->row.step++;
		wf_changes_history(changes, &process->row, WF_MIGRATE_EVENT, move->batch->now,
						   DT_NOBEGIN, true, from_states, process->row.states,
						   move->batch->migration->actor,
						   wf_step_with_note(move->payload.data, move->batch->migration->note), NULL,
						   &process->traced);
	}
	wf_child_list_write(process);
	if (move->route->from->chart->nattributes > 0 ||
		move->route->to->chart->nattributes > 0)
	{
		process->definition = move->route->to;
		process->search_anew = true;
		wf_attribute_write(process, changes);
	}
	process->changed = false;	/* wf_changes_migrate() writes the row */
	wf_changes_migrate(changes, &process->row, move->batch->now);
}

static void
migrate_context(void *arg)
{
	WfMove	   *move = arg;

	errcontext("migration of process %s to version %d of workflow \"%s\"",
			   wf_uuid_text(&move->result->id), move->route->to->version,
			   move->route->to->name);
}

/*
 * Find out what becomes of a process, and collect what is to be written.  Throws what
 * expressions throw, and error XX001 for a row that the engine cannot have stored.
 */
static void
work_out(void *arg)
{
	WfMove	   *move = arg;
	const WfMigration *migration = move->batch->migration;
	const WfStateId *leaves;
	int			n;

	wf_step_trace_begin(move->process, wf_guc_traceparent());
	wf_restore(move->process);
	collect_targets(move);
	if (move->result->possible)
		configure(move);
	if (!move->result->possible)
		return;
	n = wf_machine_leaves(move->batch->machine, &leaves);
	move->result->states = PointerGetDatum(wf_definition_states_array(move->route->to, leaves, n));
	wf_deferred_load(move->process);
	move->process->definition = move->route->to;
	if (migration->patch != NULL)
		wf_context_patch(move->process, migration->patch);
	wf_migrate_pending_move(move);
	move_children(move);
	move->stage = WF_MOVE_SEARCH;
	move->name = NULL;
	write_move(move);
}

/*
 * A process could not be migrated: nothing of what was collected for it is written,
 * and it has a problem.
 */
static void
give_up(WfMove *move, const WfChangesMark *mark, const ErrorData *error)
{
	static const struct
	{
		const char *problem;
		const char *message;
	}			words[] = {
		[WF_MOVE_OTHER] = {"error", "%s"},
		[WF_MOVE_TIMER] = {"timer", "the delay of this timer cannot be computed: %s"},
		[WF_MOVE_INVOKES] = {"invoke", "this process cannot be invoked: %s"},
		[WF_MOVE_SEARCH] = {"search", "a value under \"search\" cannot be computed: %s"}
	};

	wf_changes_back_to(wf_stepper_changes(move->batch->stepper), mark);
	wf_stepper_drop(move->batch->stepper, move->process);
	move->result->states = (Datum) 0;
	move->result->kept = move->result->armed = move->result->dropped = NIL;
	refuse(move, words[move->stage].problem, move->name,
		   psprintf(words[move->stage].message, error->message));
}

/*
 * Migrate one process.  Where problems are reported, an error that says something
 * about the process is one; a dry run undoes whatever expressions have done.
 */
static void
move_process(WfMove *move)
{
	ErrorContextCallback callback = {error_context_stack, migrate_context, move};
	WfMigrateBatch *batch = move->batch;
	int			dropped = batch->dropped.n;
	int			renamed = batch->renamed.n;
	int			again = batch->again.n;
	WfChangesMark mark;
	ErrorData  *error;

	error_context_stack = &callback;
	move->payload.data = note(move);
	move->payload.actor = batch->migration->actor;
	move->event.name = WF_MIGRATE_EVENT;
	move->event.payload = &move->payload;
	move->result->possible = true;
	if (!batch->migration->reports)
		work_out(move);
	else
	{
		wf_changes_mark(wf_stepper_changes(batch->stepper), &mark);
		error = wf_error_event_try(move->process, !batch->migration->dry_run, work_out, move);
		if (error != NULL)
		{
			give_up(move, &mark, error);
			batch->dropped.n = dropped;
			batch->renamed.n = renamed;
			batch->again.n = again;
		}
	}
	error_context_stack = callback.previous;
}

/* --- a batch ----------------------------------------------------------- */

/* A dry run writes no timers. */
static void
ignore_disarm(WfChangesObserver *self, const pg_uuid_t *process, const char *state,
			  const char *name)
{
}

static void
ignore_arm(WfChangesObserver *self, const WfTimerRow *timer, bool parked, bool if_absent)
{
}

/*
 * Migrate n processes and write them, unless it is a dry run.
 *
 * rows: in the order of their ids, locked unless it is a dry run, of processes
 * that are not over and whose versions have routes.  results: an array of n
 * elements to be filled in.  Everything is allocated in the current memory
 * context; SPI must be connected.  Error WF005 if this session is stepping one
 * of the processes; also throws what expressions throw, unless problems are reported.
 */
void
wf_migrate(WfMigration *migration, WfRow *rows, int n, WfMigrated *results)
{
	WfMigrateBatch		batch = {.migration = migration,.now = wf_clock_now(),
	.stepper = wf_stepper_new(0)};
	WfChangesObserver nobody = {ignore_disarm, ignore_arm};

	if (migration->dry_run)
		wf_changes_divert(wf_stepper_changes(batch.stepper), &nobody);
	if (n > 0)
		wf_migrate_pending_load(&batch, rows, n);
	batch.machine = wf_machine_new(migration->to->chart, &wf_process_host, NULL,
								   wf_max_microsteps);
	for (int i = 0; i < n; i++)
	{
		WfMove		move = {.batch = &batch,.result = &results[i],
		.route = wf_migrate_route(migration, rows[i].definition)};

		CHECK_FOR_INTERRUPTS();
		memset(&results[i], 0, sizeof(WfMigrated));
		results[i].id = rows[i].id;
		results[i].from = move.route->from;
		results[i].to = migration->to;
		move.process = wf_stepper_add(batch.stepper, &rows[i]);
		wf_migrate_pending_take(&batch, &rows[i].id, &move);
		move_process(&move);
	}
	wf_migrate_pending_say_again(&batch);
	if (!migration->dry_run)
	{
		wf_migrate_pending_write(&batch);
		wf_step_write(batch.stepper);
		wf_wakeup_stepped();
	}
	wf_stepper_end(batch.stepper);
}

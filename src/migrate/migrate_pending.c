/*-------------------------------------------------------------------------
 *
 * migrate_pending.c
 *	  Timers and events of processes that are migrated.
 *
 * Runs in client backends, under the locks on the process rows, or without
 * them for a dry run.  A timer follows its state: if that becomes an active
 * state which has a timer with the same key, it goes on with its due time; else
 * it is dropped.  A timer that only the new version has is armed.  Events that
 * were sent or posted stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/eval_delay.h"
#include "eval/user_context.h"
#include "interpreter/machine.h"
#include "migrate/migrate_pending.h"
#include "migrate/route.h"
#include "process/deferred.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/timer.h"

/* --- loading ----------------------------------------------------------- */

/*
 * Load what is pending for all processes of a batch, before the first of them is
 * migrated.  rows: in the order of their ids.
 */
void
wf_migrate_pending_load(WfMigrateBatch *batch, const WfRow *rows, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		ids[i] = UUIDPGetDatum(&rows[i].id);
	batch->npending = wf_timer_pending(wf_uuid_array(ids, n), &batch->pending);
}

/*
 * Give the next process of the batch its part of what was loaded: processes come
 * in the order of their ids.
 */
void
wf_migrate_pending_take(WfMigrateBatch *batch, const pg_uuid_t *id, WfMove *move)
{
	while (batch->at < batch->npending &&
		   memcmp(&batch->pending[batch->at].process, id, UUID_LEN) < 0)
		batch->at++;
	move->pending = &batch->pending[batch->at];
	while (batch->at < batch->npending &&
		   memcmp(&batch->pending[batch->at].process, id, UUID_LEN) == 0)
	{
		batch->at++;
		move->npending++;
	}
}

static ArrayType *
text_array(Datum *texts, int n)
{
	return construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* --- timers ------------------------------------------------------------ */

/* The timer with this key of a state, or NULL. */
static const WfTimer *
find_timer(const WfState *state, const char *name)
{
	for (int i = 0; i < state->ntimers; i++)
		if (strcmp(state->timers[i].name, name) == 0)
			return &state->timers[i];
	return NULL;
}

/* List the timers of all states that are active in the new version. */
static void
find_places(WfMove *move)
{
	const WfChart *to = move->route->to->chart;
	int			n = 0;

	for (int s = 0; s < to->nstates; s++)
		if (to->states[s].ntimers > 0 && wf_machine_is_active(move->batch->machine, s))
			n += to->states[s].ntimers;
	move->places = palloc0(sizeof(WfPlace) * (n + 1));
	for (int s = 0; s < to->nstates && n > 0; s++)
	{
		if (!wf_machine_is_active(move->batch->machine, s))
			continue;
		for (int t = 0; t < to->states[s].ntimers; t++)
		{
			move->places[move->nplaces].state = &to->states[s];
			move->places[move->nplaces++].timer = &to->states[s].timers[t];
		}
	}
}

/* The timer of the new version that a pending one becomes, or NULL. */
static WfPlace *
place_of(WfMove *move, const WfPending *timer)
{
	WfStateId	old = wf_chart_find(move->route->from->chart, timer->state,
									strlen(timer->state));

	if (old == WF_NO_STATE || timer->name == NULL)
		return NULL;
	for (int i = 0; i < move->nplaces; i++)
	{
		WfPlace	   *place = &move->places[i];

		if (!place->taken && strcmp(place->timer->name, timer->name) == 0 &&
			wf_route_goes_to(&move->route->states[old], place->state->id))
			return place;
	}
	return NULL;
}

/* Add a row to be deleted, or, if place is not NULL, to get its event and state. */
static void
add_change(WfTimerChanges *changes, const WfPending *timer, const WfPlace *place)
{
	if (changes->n == changes->size)
	{
		Datum	  **columns[] = {&changes->processes, &changes->seqs,
		&changes->events, &changes->states};

		changes->size = changes->size == 0 ? 64 : changes->size * 2;
		for (int i = 0; i < (int) lengthof(columns); i++)
			*columns[i] = *columns[i] == NULL ? palloc(sizeof(Datum) * changes->size) :
				repalloc(*columns[i], sizeof(Datum) * changes->size);
	}
	changes->processes[changes->n] = UUIDPGetDatum(&timer->process);
	changes->seqs[changes->n] = Int64GetDatum(timer->seq);
	if (place != NULL)
	{
		changes->events[changes->n] = CStringGetTextDatum(place->timer->event);
		changes->states[changes->n] = CStringGetTextDatum(place->state->name);
	}
	changes->n++;
}

/* Keep, rename or drop a timer that a state of the old version has armed. */
static void
move_timer(WfMove *move, const WfPending *timer)
{
	WfPlace	   *place = place_of(move, timer);

	if (place == NULL)
	{
		add_change(&move->batch->dropped, timer, NULL);
		move->result->dropped = lappend(move->result->dropped, timer->event);
		return;
	}
	place->taken = true;
	if (strcmp(timer->event, place->timer->event) != 0 ||
		strcmp(timer->state, place->state->name) != 0)
		add_change(&move->batch->renamed, timer, place);
	move->result->kept = lappend(move->result->kept,
								 unconstify(char *, place->timer->event));
}

/*
 * Did the old version have this timer in an active state, and is it not pending?
 * Then it has fired, or was never due, and must not be armed in the new version.
 */
static bool
has_had(const WfMove *move, const WfPlace *place)
{
	const WfChart *from = move->route->from->chart;

	for (int s = 0; s < from->nstates; s++)
	{
		bool		runs = false;

		if (!move->was_active[s] || from->states[s].ntimers == 0 ||
			!wf_route_goes_to(&move->route->states[s], place->state->id) ||
			find_timer(&from->states[s], place->timer->name) == NULL)
			continue;
		for (int i = 0; i < move->npending; i++)
			runs = runs || (move->pending[i].state != NULL && move->pending[i].name != NULL &&
							strcmp(move->pending[i].state, from->states[s].name) == 0 &&
							strcmp(move->pending[i].name, place->timer->name) == 0);
		if (!runs)
			return true;
	}
	return false;
}

/* Arm a timer that only the new version has; the delay begins now. */
static void
arm_timer(WfMove *move, const WfPlace *place)
{
	WfDefinition *to = move->route->to;
	const WfRow *row = wf_process_as_row(move->process);
	WfTimerRow	timer = {.process = row->id,.event = place->timer->event,
	.name = place->timer->name,.state = place->state->name};
	WfAgain    *again = &move->batch->again;
	struct WfAgainItem *item;
	WfProcessScope scope;
	bool		ever;

	move->stage = WF_MOVE_TIMER;
	move->name = timer.event;
	ever = wf_eval_delay(to->evaluator, place->timer->delay,
						 wf_event_scope(&scope, move->process, &move->event),
						 move->batch->now, &timer.due);
	move->stage = WF_MOVE_OTHER;
	move->name = NULL;
	if (!ever)
	{
		if (place->timer->delay->expr != NULL)
			wf_migrate_pending_problem(move, "timer", timer.event,
									   "the delay of this timer is null: it never goes off, unless workflow.set_timer() sets it");
		return;
	}
	item = wf_array_grow(again->items, again->n, again->size);
	item->result = move->result;
	item->place = place;
	move->result->armed = lappend(move->result->armed, unconstify(char *, timer.event));
	wf_changes_arm(wf_stepper_changes(move->batch->stepper), &timer, to->owner,
				   row->suspended || row->status == WF_TERMINATED, false);
}

/*
 * A version that does not have a timer does not know that it has gone off.  So where
 * a process comes back to one that has it, the timer begins anew: was there an event
 * of it ($2), since which the state ($3, null for the root) has been active all the
 * time?
 */
static WfStatement again_statement = {
	.sql = "SELECT a.n FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
	" WITH ORDINALITY a(process, event, state, n)"
	" WHERE EXISTS (SELECT FROM workflow.history h WHERE h.process OPERATOR(pg_catalog.=) a.process"
	"  AND h.event OPERATOR(pg_catalog.=) a.event"
	"  AND (a.state IS NULL OR NOT EXISTS (SELECT FROM workflow.history b"
	"   WHERE b.process OPERATOR(pg_catalog.=) a.process AND b.step OPERATOR(pg_catalog.>=) h.step"
	"   AND NOT EXISTS (SELECT FROM pg_catalog.unnest(b.to_states) s(name)"
	"    WHERE s.name OPERATOR(pg_catalog.=) a.state"
	"    OR pg_catalog.starts_with(s.name, a.state OPERATOR(pg_catalog.||) '.')))))",
	WF_ARGS(UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID)
};

/* After the last process of a batch: say which of the armed timers went off before. */
void
wf_migrate_pending_say_again(WfMigrateBatch *batch)
{
	const WfAgain *again = &batch->again;
	Datum	   *ids = palloc(sizeof(Datum) * (again->n + 1));
	Datum	   *events = palloc(sizeof(Datum) * (again->n + 1));
	Datum	   *states = palloc(sizeof(Datum) * (again->n + 1));
	bool	   *roots = palloc(sizeof(bool) * (again->n + 1));
	int			lower = 1;
	Datum		args[3];
	int			n;
	bool		isnull;

	if (again->n == 0)
		return;
	for (int i = 0; i < again->n; i++)
	{
		const WfPlace *place = again->items[i].place;

		ids[i] = UUIDPGetDatum(&again->items[i].result->id);
		events[i] = CStringGetTextDatum(place->timer->event);
		states[i] = CStringGetTextDatum(place->state->name);
		roots[i] = place->state->id == 0;
	}
	args[0] = PointerGetDatum(wf_uuid_array(ids, again->n));
	args[1] = PointerGetDatum(text_array(events, again->n));
	args[2] = PointerGetDatum(construct_md_array(states, roots, 1, &unconstify(WfAgain *, again)->n, &lower,
												 TEXTOID, -1, false, TYPALIGN_INT));
	n = wf_statement_execute(&again_statement, args, NULL, 0);
	for (int i = 0; i < n; i++)
	{
		int64		at = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
													 1, &isnull));
		struct WfAgainItem *item = &again->items[at - 1];

		item->result->problems = lappend(item->result->problems,
										 wf_route_problem("timer", item->place->timer->event,
														  "this timer went off before, under a version that has it, and begins anew"));
	}
}

/* Does any state of the new version handle or defer this event? */
static bool
is_known(WfMigrateBatch *batch, const char *event)
{
	const WfChart *chart = batch->migration->to->chart;

	if (batch->known_event != NULL && strcmp(batch->known_event, event) == 0)
		return batch->known;
	batch->known_event = event;
	batch->known = strncmp(event, "workflow.", strlen("workflow.")) == 0;
	for (int s = 0; s < chart->nstates && !batch->known; s++)
	{
		const WfState *state = &chart->states[s];
		int			from = 0;

		batch->known = wf_chart_handler(state, event, &from) != NULL;
		for (int i = 0; i < state->ndefer && !batch->known; i++)
			batch->known = wf_chart_descriptor_matches(state->defer[i], event);
	}
	return batch->known;
}

/*
 * Report deferred events that the new version does not know, and post those
 * that no active state defers any more.
 */
static void
move_deferred(WfMove *move)
{
	WfProcess  *process = move->process;

	for (int i = 0; i < process->ndeferred; i++)
		if (!is_known(move->batch, process->deferred[i].timer.event))
			wf_migrate_pending_problem(move, "event", process->deferred[i].timer.event,
									   "this event is kept for later, and no state of the new version reacts to it");
	if (process->ndeferred == 0)
		return;
	process->machine = move->batch->machine;
	wf_deferred_release(process, process->row.suspended ||
						process->row.status == WF_TERMINATED);
}

/*
 * Move timers and events of one process, whose machine has the new
 * configuration.  Evaluates delays, and throws what they throw.
 */
void
wf_migrate_pending_move(WfMove *move)
{
	move_deferred(move);
	find_places(move);
	for (int i = 0; i < move->npending; i++)
	{
		const WfPending *pending = &move->pending[i];

		if (pending->state != NULL)
			move_timer(move, pending);
		else if (!is_known(move->batch, pending->event))
			wf_migrate_pending_problem(move, "event", pending->event,
						 "this event is pending, and no state of the new version reacts to it");
	}
	for (int i = 0; i < move->nplaces; i++)
		if (!move->places[i].taken && !has_had(move, &move->places[i]))
			arm_timer(move, &move->places[i]);
	wf_user_context_leave(&move->process->user_context);
}

/* --- writing ----------------------------------------------------------- */

static ArrayType *
seq_array(const WfTimerChanges *changes)
{
	return construct_array(changes->seqs, changes->n, INT8OID, 8,
						   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* Delete rows of both tables. */
static void
write_dropped(const WfTimerChanges *dropped)
{
	ArrayType  *processes = wf_uuid_array(dropped->processes, dropped->n);
	ArrayType  *seqs = seq_array(dropped);

	wf_timer_drop(processes, seqs);
	wf_failure_drop(processes, seqs);
}

/* Give rows of both tables their new events and states. */
static void
write_renamed(const WfTimerChanges *renamed)
{
	ArrayType  *processes = wf_uuid_array(renamed->processes, renamed->n);
	ArrayType  *seqs = seq_array(renamed);
	ArrayType  *events = text_array(renamed->events, renamed->n);
	ArrayType  *states = text_array(renamed->states, renamed->n);

	wf_timer_rename(processes, seqs, events, states);
	wf_failure_rename(processes, seqs, events, states);
}

/*
 * Write the changes of a batch, after its last process.  Both tables are
 * changed, because an event that has failed is in workflow.failure, and while it
 * is tried again in workflow.timer, too.
 */
void
wf_migrate_pending_write(WfMigrateBatch *batch)
{
	if (batch->dropped.n > 0)
		write_dropped(&batch->dropped);
	if (batch->renamed.n > 0)
		write_renamed(&batch->renamed);
}

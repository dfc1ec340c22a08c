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
#include "utils/builtins.h"
#include "utils/timestamp.h"

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
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/timer.h"

/*
 * What has still to reach the processes: their timers, and the events that
 * were given up.
 */
static WfStatement pending_statement = {
	.sql = "SELECT t.process, t.seq, t.event, t.name, t.state"
	" FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) ANY ($1)"
	" UNION ALL"
	" SELECT f.process, f.seq, f.event, f.name, f.state"
	" FROM workflow.failure f WHERE f.process OPERATOR(pg_catalog.=) ANY ($1) AND f.given_up"
	" ORDER BY 1, 2",
	.nargs = 1,
	.args = {UUIDARRAYOID}
};

/* Both tables have the same columns for what is changed here. */
#define DROP(table) { \
	.sql = "DELETE FROM workflow." table " t" \
	" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) u(process, seq)" \
	" WHERE t.process OPERATOR(pg_catalog.=) u.process AND t.seq OPERATOR(pg_catalog.=) u.seq", \
	.nargs = 2, \
	.args = {UUIDARRAYOID, INT8ARRAYOID}, \
	.latest = true \
}

#define RENAME(table) { \
	.sql = "UPDATE workflow." table " t SET event = u.event, state = u.state" \
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)," \
	"  pg_catalog.unnest($4)) u(process, seq, event, state)" \
	" WHERE t.process OPERATOR(pg_catalog.=) u.process AND t.seq OPERATOR(pg_catalog.=) u.seq", \
	.nargs = 4, \
	.args = {UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID}, \
	.latest = true \
}

static WfStatement drop_timers_statement = DROP("timer");
static WfStatement drop_failures_statement = DROP("failure");
static WfStatement rename_timers_statement = RENAME("timer");
static WfStatement rename_failures_statement = RENAME("failure");

/* --- loading ----------------------------------------------------------- */

static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/*
 * Load what is pending for all processes of a batch, before the first of them is
 * migrated.  rows: in the order of their ids.
 */
void
wf_migrate_pending_load(WfMigrateBatch *batch, const WfRow *rows, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum		array;
	Datum		values[5];
	bool		nulls[5];

	for (int i = 0; i < n; i++)
		ids[i] = UUIDPGetDatum(&rows[i].id);
	array = PointerGetDatum(construct_array(ids, n, UUIDOID, UUID_LEN, false,
											TYPALIGN_CHAR));
	batch->npending = wf_statement_execute(&pending_statement, &array, NULL, 0);
	batch->pending = palloc0(sizeof(WfPending) * (batch->npending + 1));
	for (int i = 0; i < batch->npending; i++)
	{
		WfPending    *pending = &batch->pending[i];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		pending->process = *DatumGetUUIDP(values[0]);
		pending->seq = DatumGetInt64(values[1]);
		pending->event = TextDatumGetCString(values[2]);
		pending->name = text_or_null(values[3], nulls[3]);
		pending->state = text_or_null(values[4], nulls[4]);
	}
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
	WfProcessScope scope;

	if (!wf_eval_delay(to->evaluator, place->timer->delay,
					   wf_event_scope(&scope, move->process, &move->event),
					   move->batch->now, &timer.due))
		return;
	move->result->armed = lappend(move->result->armed,
								  unconstify(char *, place->timer->event));
	if (!move->batch->migration->dry_run)
		wf_changes_arm(wf_stepper_changes(move->batch->stepper), &timer, to->owner,
					   row->suspended || row->status == WF_TERMINATED, false);
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
	if (process->ndeferred == 0 || move->batch->migration->dry_run)
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

/* Execute one of the statements for the rows that were collected. */
static void
run_changes(WfStatement *statement, const WfTimerChanges *changes)
{
	Datum		values[4];

	values[0] = PointerGetDatum(construct_array(changes->processes, changes->n, UUIDOID,
												UUID_LEN, false, TYPALIGN_CHAR));
	values[1] = PointerGetDatum(construct_array(changes->seqs, changes->n, INT8OID, 8,
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	if (statement->nargs == 4)
	{
		values[2] = PointerGetDatum(construct_array(changes->events, changes->n, TEXTOID,
													-1, false, TYPALIGN_INT));
		values[3] = PointerGetDatum(construct_array(changes->states, changes->n, TEXTOID,
													-1, false, TYPALIGN_INT));
	}
	wf_statement_execute(statement, values, NULL, 0);
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
	{
		run_changes(&drop_timers_statement, &batch->dropped);
		run_changes(&drop_failures_statement, &batch->dropped);
	}
	if (batch->renamed.n > 0)
	{
		run_changes(&rename_timers_statement, &batch->renamed);
		run_changes(&rename_failures_statement, &batch->renamed);
	}
}

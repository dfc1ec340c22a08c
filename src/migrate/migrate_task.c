/*-------------------------------------------------------------------------
 *
 * migrate_task.c
 *	  Tasks of a process that goes to another version.
 *
 * Runs in client backends, under the lock on the process row, which is in a machine of the
 * new version.  Nothing is written here: see store/changes.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "chart/chart.h"
#include "definition/definition.h"
#include "interpreter/machine.h"
#include "migrate/migrate_pending.h"
#include "migrate/migrate_task.h"
#include "migrate/route.h"
#include "process/event_scope.h"
#include "process/stepper.h"
#include "process/task.h"

/* The active state of the new version that has the task of an old one, or NULL. */
static const WfState *
keeps_task(const WfMove *move, WfStateId old)
{
	const WfMapped *mapped = &move->route->states[old];
	const WfState *states = move->route->to->chart->states;

	for (int i = 0; i < mapped->n; i++)
		if (states[mapped->targets[i]].task != NULL &&
			wf_machine_is_active(move->batch->machine, mapped->targets[i]))
			return &states[mapped->targets[i]];
	return NULL;
}

/* Did an active state of the old version have the task of this state? */
static bool
had_task(const WfMove *move, const WfState *state)
{
	const WfChart *from = move->route->from->chart;

	for (int s = 0; s < from->nstates; s++)
		if (move->was_active[s] && from->states[s].task != NULL && keeps_task(move, s) == state)
			return true;
	return false;
}

/*
 * Tasks go on, with their votes, if their states do and have a task in the new version, too;
 * the others are closed, and new ones are made.
 */
void
wf_migrate_task_move(WfMove *move)
{
	const WfChart *from = move->route->from->chart;
	const WfChart *to = move->route->to->chart;

	for (int s = 0; s < from->nstates && from->has_tasks; s++)
	{
		const WfState *state = &from->states[s];
		const WfState *now;

		if (!move->was_active[s] || state->task == NULL)
			continue;
		now = keeps_task(move, s);
		if (now != NULL)
		{
			wf_task_move(move->process, state, now, wf_stepper_changes(move->batch->stepper));
			continue;
		}
		wf_migrate_pending_problem(move, "task", state->name, "the task is closed: the new version has none here");
		wf_task_disarm(move->process, state);
	}
	for (int s = 0; s < to->nstates && to->has_tasks; s++)
		if (to->states[s].task != NULL && wf_machine_is_active(move->batch->machine, s) &&
			!had_task(move, &to->states[s]))
		{
			wf_migrate_pending_problem(move, "task", to->states[s].name, "a task is made that the old version did not have here");
			wf_task_arm(move->process, &to->states[s], &move->event);
		}
	wf_task_stepped(move->process, move->event.name, wf_event_scope_actor(move->process, &move->event));
}

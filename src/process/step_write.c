/*-------------------------------------------------------------------------
 *
 * step_write.c
 *	  Writing the changes of all processes of a stepper.
 *
 * Runs in any backend, under the locks on the rows of the processes.  Here the
 * changes are put together, process by process; store/changes_write.c writes
 * them, table by table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "process/attribute.h"
#include "process/bound.h"
#include "process/child_list.h"
#include "process/child_run.h"
#include "process/correlation.h"
#include "process/deferred.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/step_load.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "process/task.h"
#include "shmem/wakeup.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/process_row.h"
#include "store/timer.h"

/* Processes that have started. */
typedef struct Started
{
	WfProcess **processes;
	int			n;
} Started;

/*
 * Those that have started and to which something was posted before, which may have
 * been parked: by this batch, which has it in its changes, or before.  To be asked
 * before their own timers are written.
 */
static Started
find_started(const WfStepper *stepper)
{
	Started		started = {.n = 0};
	const pg_uuid_t **ids;
	bool	   *posted;
	ListCell   *cell;
	int			n = 0;

	foreach(cell, stepper->processes)
		if (((WfProcess *) lfirst(cell))->unpark)
			n++;
	if (n == 0)
		return started;

	started.processes = palloc(sizeof(WfProcess *) * n);
	ids = palloc(sizeof(pg_uuid_t *) * n);
	posted = palloc(sizeof(bool) * n);
	n = 0;
	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		if (process->unpark)
		{
			ids[n] = &process->row.id;
			started.processes[n++] = process;
		}
	}
	wf_timer_have(n, ids, posted);
	for (int i = 0; i < n; i++)
		if (posted[i] || started.processes[i]->parked)
			started.processes[started.n++] = started.processes[i];
	return started;
}

/* Events that were posted before the start have waited for it, parked. */
static void
unpark(const Started *started)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(started->n, 1));

	for (int i = 0; i < started->n;)
	{
		int32		owner = started->processes[i]->definition->owner;
		int			n = 0;

		/* those of one owner at once */
		while (i < started->n && started->processes[i]->definition->owner == owner)
			ids[n++] = UUIDPGetDatum(&started->processes[i++]->row.id);
		wf_timer_unpark_many(wf_uuid_array(ids, n), owner);
	}
	pfree(ids);
}

/*
 * Write what the steps of a stepper have changed, and have sessions that wait
 * in workflow.await() woken at commit.  Returns the earliest due time of a
 * timer written for the owner that wf_stepper_new() was given, DT_NOEND if
 * there is none.  Evaluates the expressions of attributes, and has rows of users carry
 * states, last of all; throws what these throw.
 */
TimestampTz
wf_step_write(WfStepper *stepper)
{
	TimestampTz now = wf_clock_now();
	TimestampTz next;
	Started		started = find_started(stepper);
	ListCell   *cell;

	wf_stepper_written();
	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		wf_process_timer_write(process, stepper->changes);
		wf_deferred_write(process, stepper->changes);
		wf_child_list_write(process);
		if (unlikely(process->tasks != NIL || process->closings != NIL))
			wf_task_write(process, stepper->changes);
		if (!process->changed)
			continue;
		if (process->definition->chart->nattributes > 0 || process->search_anew)
			wf_attribute_write(process, stepper->changes);
		if (wf_process_row_is_over(&process->row) && !process->is_new)
			wf_changes_end(stepper->changes, &process->row.id);
		if (process->is_new)
			wf_changes_start(stepper->changes, &process->row, now,
							 process->starter, process->key);
		else
			wf_changes_step(stepper->changes, &process->row, now);
		wf_wakeup_stepped();
	}
	next = wf_changes_write(stepper->changes);
	if (stepper->observer == NULL)
		wf_step_load_write(stepper, now);
	wf_child_run_write(stepper);
	wf_correlation_write(stepper);
	unpark(&started);
	wf_bound_write(stepper);
	return next;
}

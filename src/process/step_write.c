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
#include "process/child_list.h"
#include "process/deferred.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/process_row.h"
#include "store/timer.h"

/* Processes of one owner that have started. */
typedef struct Started
{
	Datum	   *ids;
	int			n;
	int32		owner;
} Started;

static void
unpark(Started *started)
{
	if (started->n > 0)
		wf_timer_unpark_many(wf_uuid_array(started->ids, started->n), started->owner);
	started->n = 0;
}

/* Events that were posted before the start have waited for it, parked. */
static void
unpark_started(const WfStepper *stepper)
{
	Started		started = {.n = 0};
	ListCell   *cell;

	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		if (!process->unpark)
			continue;
		if (started.ids == NULL)
			started.ids = palloc(sizeof(Datum) * list_length(stepper->processes));
		if (process->definition->owner != started.owner)
			unpark(&started);
		started.owner = process->definition->owner;
		started.ids[started.n++] = UUIDPGetDatum(&process->row.id);
	}
	unpark(&started);
}

/*
 * Write what the steps of a stepper have changed, and have sessions that wait
 * in workflow.await() woken at commit.  Returns the earliest due time of a
 * timer written for the owner that wf_stepper_new() was given, DT_NOEND if
 * there is none.  Evaluates the expressions of attributes, and throws what they
 * throw.
 */
TimestampTz
wf_step_write(WfStepper *stepper)
{
	TimestampTz now = wf_clock_now();
	TimestampTz next;
	ListCell   *cell;

	wf_stepper_written();
	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		wf_process_timer_write(process, stepper->changes);
		wf_deferred_write(process, stepper->changes);
		wf_child_list_write(process);
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
	unpark_started(stepper);
	return next;
}

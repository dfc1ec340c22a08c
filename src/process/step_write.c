/*-------------------------------------------------------------------------
 *
 * step_write.c
 *	  Writing what the steps of a transaction came to.
 *
 * Runs in any backend, under the locks on the rows of the processes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
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
#include "store/timer.h"

/*
 * Write everything that the steps came to, and tell the wake room.  Returns
 * the earliest due time written (infinity: none).
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

		wf_process_timer_write(process, stepper->out);
		wf_deferred_write(process, stepper->out);
		wf_child_list_write(process);
		if (!process->changed)
			continue;
		if (process->definition->chart->nattributes > 0 || process->search_anew)
			wf_attribute_write(process, stepper->out);
		if (process->is_new)
			wf_changes_start(stepper->out, &process->row, now,
							 process->starter, process->key);
		else
			wf_changes_step(stepper->out, &process->row, now);
		wf_wakeup_stepped();
	}
	next = wf_changes_write(stepper->out);

	/* What was posted before its start. */
	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		if (process->unpark)
			wf_timer_unpark(&process->row.id, process->definition->owner);
	}
	return next;
}

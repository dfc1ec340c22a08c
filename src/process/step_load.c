/*-------------------------------------------------------------------------
 *
 * step_load.c
 *	  What the steps of a stepper come to, for the measures of load.
 *
 * Runs in any backend, when the changes of the processes are written.  A process has
 * started with its first step, ended when it is over, and failed when it was not in
 * status error or terminated before this transaction, and is now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "process/process.h"
#include "process/step_load.h"
#include "process/stepper.h"
#include "shmem/slot.h"
#include "store/load_note.h"
#include "store/process_row.h"
#include "store/status.h"

static bool
is_failed(WfStatus status)
{
	return status == WF_ERROR || status == WF_TERMINATED;
}

/* The steps of a process since it was loaded. */
static int
steps_of(const WfProcess *process)
{
	return process->changed ? process->row.step - process->loaded_step : 0;
}

/* Who steps for others is busy with all of them since the transaction began. */
static double
busy_for(const WfStepper *stepper)
{
	if (wf_my_slot == NULL)
		return 0;
	return wf_load_note_late(GetCurrentTransactionStartTimestamp(), GetCurrentTimestamp());
}

static void
count(WfLoadCounts *counts, const WfProcess *process, TimestampTz now)
{
	bool		over = wf_process_row_is_over(&process->row);

	counts->started += process->loaded_step == 0 && process->row.step > 0;
	counts->steps += steps_of(process);
	counts->lag += process->lag;
	counts->lags += process->lags;
	if (over)
	{
		counts->ended++;
		wf_histogram_add(&counts->took, wf_histogram_bucket(now - wf_uuid_time(&process->row.id)), 1);
	}
	if (over && process->row.status == WF_FINALIZED)
		counts->finished++;
	else if (!over && is_failed(process->row.status) && !is_failed(process->loaded_status))
		counts->failed++;
}

/* A process that is not over is erased: it has ended, too. */
void
wf_step_load_erased(const WfProcess *process)
{
	WfLoadNotes notes = {0};
	WfLoadOf	of = {
		.at = wf_clock_now(),.kind = WF_LOAD_PROCESSES,.what = process->row.definition,.tenant = process->row.tenant
	};

	if (process->row.step == 0)
		return;
	wf_load_note(&notes, &of)->ended++;
	wf_load_note_write(&notes);
}

/* Note what the steps of all processes of a stepper came to, which are written now. */
void
wf_step_load_write(const WfStepper *stepper, TimestampTz now)
{
	WfLoadNotes notes = {0};
	double		busy = busy_for(stepper);
	int			steps = 0;
	ListCell   *cell;

	foreach(cell, stepper->processes)
		steps += steps_of(lfirst(cell));
	foreach(cell, stepper->processes)
	{
		const WfProcess *process = lfirst(cell);
		WfLoadOf	of = {
			.at = now,.kind = WF_LOAD_PROCESSES,.what = process->row.definition,.tenant = process->row.tenant
		};
		WfLoadCounts *counts;

		if (!process->changed ||
			(steps_of(process) == 0 && process->row.status == process->loaded_status))
			continue;
		counts = wf_load_note(&notes, &of);
		count(counts, process, now);
		if (steps > 0)
			counts->busy += busy / steps * steps_of(process);
	}
	wf_load_note_write(&notes);
}

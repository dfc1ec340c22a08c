/*-------------------------------------------------------------------------
 *
 * api_erase.c
 *	  workflow.erase(): delete all rows of a process.
 *
 * Runs in client backends.  Locks the process row, so that no step can run.
 * post() takes no lock: a transaction that has seen the process may post an
 * event to it and commit after the erasure.  Such an event is left behind
 * without a process, and the runtime deletes it, because a row of
 * workflow.erasure tells it to look.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "process/child.h"
#include "process/child_run.h"
#include "process/process.h"
#include "process/restore.h"
#include "process/step_load.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/act.h"
#include "store/changes_write.h"
#include "store/erasure.h"
#include "store/job_cache.h"
#include "store/process_row.h"
#include "store/purge.h"
#include "store/run_expire.h"

PG_FUNCTION_INFO_V1(workflow_erase);

/* The rows that are counted, in the order of the result's columns. */
static const WfPurgeTable counted[] = {
	WF_PURGE_TIMER, WF_PURGE_HISTORY, WF_PURGE_FAILURE, WF_PURGE_RECEIPT
};

/*
 * Lock the process and add it to a stepper.  Error WF001, WF002 unless the user
 * owns the definition, WF009 unless it is over or force is true, WF005 in an
 * action of the process itself.
 */
static WfProcess *
hold(WfStepper *stepper, const pg_uuid_t *id, bool force)
{
	WfRow		row;

	(void) wf_api_lock_as_owner(id, &row);
	if (!force && !wf_process_row_is_over(&row))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_OVER),
				 errmsg("the process is not over"),
				 errhint("End it with workflow.cancel() first; with \"force\" it is erased as it stands, without its exit actions.")));
	return wf_stepper_add(stepper, &row);
}

/*
 * Tell the parent of a process that is not over, and cancel its children: they
 * would wait for each other for ever.
 */
static void
tell_relatives(WfStepper *stepper, WfProcess *process)
{
	if (wf_process_row_is_over(wf_process_as_row(process)))
		return;
	wf_child_tell(process, WF_ERROR_INVOKE,
				  wf_child_event_error(unpack_sql_state(WF_ERR_NO_PROCESS),
									   "the process was erased"));
	wf_children_cancel(process, wf_restore_is_sound(process));
	wf_step_load_erased(process);
	wf_changes_write(wf_stepper_changes(stepper));
	wf_child_run_write(stepper);
}

/*
 * SQL function workflow.erase(process, force) of sql/parts/erase.sql.  Locks
 * the process row, then deletes the rows of the other tables.
 */
Datum
workflow_erase(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	bool		force = wf_arg_bool(fcinfo, 1, "force");
	TupleDesc	desc;
	WfStepper  *stepper;
	WfProcess  *process;
	WfDefinition *definition;
	Datum		ids[1] = {UUIDPGetDatum(id)};
	uint64		counts[WF_PURGE_NTABLES];
	Datum		values[lengthof(counted)];
	bool		nulls[lengthof(counted)] = {0};
	Datum		result;

	desc = wf_result_type(fcinfo);

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = hold(stepper, id, force);
	definition = wf_process_definition(process);
	tell_relatives(stepper, process);
	wf_purge(wf_uuid_array(ids, 1), WF_PURGE_ANY_SLOT, counts);
	if (wf_run_expire_known())
		wf_run_expire_of_process(id);
	wf_job_cache_forget_process(id);
	wf_act_forget(id);
	wf_note_process("erase", process, NULL, NULL, wf_note_detail("force", wf_jsonb_scalar(BoolGetDatum(force), BOOLOID)));
	for (int i = 0; i < (int) lengthof(counted); i++)
		values[i] = Int64GetDatum((int64) counts[counted[i]]);
	wf_erasure_note(id, definition->name, definition->owner);
	wf_stepper_end(stepper);
	wf_wakeup_stepped();
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

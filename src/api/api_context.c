/*-------------------------------------------------------------------------
 *
 * api_context.c
 *	  workflow.set_context(): an operator repairs the context of a process.
 *
 * Runs in client backends.  Locks the process row.
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
#include "base/jsonb.h"
#include "process/context.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"

PG_FUNCTION_INFO_V1(workflow_set_context);

/*
 * SQL function workflow.set_context(process, patch, actor, note) of
 * sql/parts/control.sql.  Locks the process row.
 */
Datum
workflow_set_context(PG_FUNCTION_ARGS)
{
	static const char *keys[] = {"patch"};
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	Jsonb	   *patch = wf_arg_jsonb_or_null(fcinfo, 1);
	char	   *actor = wf_arg_actor(fcinfo, 2);
	char	   *note = wf_arg_string_or_null(fcinfo, 3);
	WfStepper  *stepper;
	WfProcess  *process;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};
	Datum		result;

	wf_arg_require(fcinfo, 1, "patch");
	desc = wf_result_type(fcinfo);

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold_as_owner(stepper, id);
	wf_context_patch(process, patch);
	wf_step_note(process, "workflow.set_context", wf_jsonb_object(1, keys, &patch), actor, note);
	wf_step_write(stepper);
	wf_note_process("set_context", process, actor, note, NULL);

	values[0] = BoolGetDatum(true);
	wf_result_process(process, &values[1]);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	wf_stepper_end(stepper);
	SPI_finish();
	return result;
}

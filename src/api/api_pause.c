/*-------------------------------------------------------------------------
 *
 * api_pause.c
 *	  workflow.pause() and unpause(): all processes of a definition rest.
 *
 * Runs in client backends.  Neither of them locks a process: executors look at
 * workflow.pause before they step one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "api/api.h"
#include "api/arg.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "definition/privilege.h"

PG_FUNCTION_INFO_V1(workflow_pause);
PG_FUNCTION_INFO_V1(workflow_unpause);

/* Call how() for the definition that argument 0 names, as its owner. */
static Datum
change(FunctionCallInfo fcinfo, bool (*how) (const WfDefinition *definition))
{
	WfDefinition *definition;
	bool		changed;

	wf_api_connect_to_write(fcinfo);
	definition = wf_definition_by_name(wf_arg_string(fcinfo, 0, "definition"), 0);
	wf_privilege_require_owner(definition);
	changed = how(definition);
	SPI_finish();
	PG_RETURN_BOOL(changed);
}

/*
 * SQL function workflow.pause(definition) of sql/parts/pause.sql.  Writes a row
 * of workflow.pause.
 */
Datum
workflow_pause(PG_FUNCTION_ARGS)
{
	return change(fcinfo, wf_pause_begin);
}

/*
 * SQL function workflow.unpause(definition) of sql/parts/pause.sql.  Deletes
 * the row of workflow.pause; executors bring the timers back, a chunk of
 * processes at a time.
 */
Datum
workflow_unpause(PG_FUNCTION_ARGS)
{
	return change(fcinfo, wf_pause_end);
}

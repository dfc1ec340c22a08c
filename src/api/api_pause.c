/*-------------------------------------------------------------------------
 *
 * api_pause.c
 *	  workflow.pause() and unpause(): all processes of a definition rest.
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

Datum
workflow_pause(PG_FUNCTION_ARGS)
{
	return change(fcinfo, wf_pause_begin);
}

Datum
workflow_unpause(PG_FUNCTION_ARGS)
{
	return change(fcinfo, wf_pause_end);
}

/*-------------------------------------------------------------------------
 *
 * api_candidates.c
 *	  workflow.candidates(): who may cause an event.
 *
 * Runs in client backends, and locks nothing.  Where no task asks for the event, every
 * role is asked for that could send it: guards and functions of `allow` are evaluated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "process/offer.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"

PG_FUNCTION_INFO_V1(workflow_candidates);

static WfStatement asked_statement = {
	.sql = "SELECT DISTINCT s.name FROM workflow.task_seat s JOIN workflow.task t ON t.id OPERATOR(pg_catalog.=) s.task"
	" WHERE s.process OPERATOR(pg_catalog.=) $1 AND $2 OPERATOR(pg_catalog.=) ANY (t.events) ORDER BY 1",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement roles_statement = {
	.sql = "SELECT rolname::pg_catalog.text, oid FROM pg_catalog.pg_roles WHERE rolcanlogin ORDER BY 1"
};

static void
put(FunctionCallInfo fcinfo, Datum name)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		isnull = false;

	tuplestore_putvalues(result->setResult, result->setDesc, &name, &isnull);
}

/* Those who are asked by a task; false: none asks for the event. */
static bool
put_asked(FunctionCallInfo fcinfo, const pg_uuid_t *process, const char *event)
{
	Datum		values[2] = {UUIDPGetDatum(process), CStringGetTextDatum(event)};
	uint64		n = wf_statement_execute(&asked_statement, values, NULL, 0);
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
		put(fcinfo, SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	return n > 0;
}

/* The roles that may send it, as far as that is known without its data. */
static void
put_roles(FunctionCallInfo fcinfo, WfProcess *process, const char *event)
{
	uint64		n = wf_statement_execute(&roles_statement, NULL, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		Datum		name = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
		Oid			role = DatumGetObjectId(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));
		WfOfferKind kind;

		if (!wf_privilege_role_may(role, wf_process_definition(process), "send"))
			continue;
		kind = wf_offer(process, event, TextDatumGetCString(name));
		if (kind == WF_OFFER_TAKEN || kind == WF_OFFER_DATA)
			put(fcinfo, name);
	}
}

static Datum
look_for_candidates(FunctionCallInfo fcinfo)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	char	   *event = wf_arg_event(fcinfo, 1);
	WfStepper  *stepper;
	WfRow		row;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	wf_api_connect_to_look();
	wf_api_read(id, &row);
	wf_privilege_require(wf_definition(row.definition), "send");
	stepper = wf_stepper_new(0);
	if (!put_asked(fcinfo, id, event) && !row.suspended && row.status != WF_INITIALIZED &&
		row.status != WF_TERMINATED && row.status != WF_FINALIZED &&
		!(wf_pause_look() && wf_pause_is_on(wf_definition(row.definition))))
		put_roles(fcinfo, wf_stepper_add(stepper, &row), event);
	wf_stepper_end(stepper);
	SPI_finish();
	return (Datum) 0;
}

/* SQL function workflow.candidates(...) of sql/parts/people.sql.  Locks nothing itself. */
Datum
workflow_candidates(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_for_candidates, fcinfo);
}

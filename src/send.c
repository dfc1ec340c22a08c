/*-------------------------------------------------------------------------
 *
 * send.c
 *	  Events from one process to another.
 *
 * A step never locks a second process, so what it sends across is inserted
 * as a timer due now and delivered by an executor of the receiver's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "send.h"
#include "session.h"

static WfStatement look_statement = {
	.sql = "SELECT definition,"
	" status OPERATOR(pg_catalog.=) 'finalized' OR"
	" (status OPERATOR(pg_catalog.=) 'terminated' AND states OPERATOR(pg_catalog.=) '{}'"
	"  AND step OPERATOR(pg_catalog.>) 0)"
	" FROM workflow.process WHERE id OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {UUIDOID}
};

bool
wf_uuid_parse(const char *text, pg_uuid_t *id)
{
	int			digits = 0;

	for (const char *c = text; *c; c++)
	{
		if (isxdigit((unsigned char) *c))
			digits++;
		else if (*c != '-')
			return false;
	}
	if (digits != 2 * UUID_LEN || strlen(text) != 36 || text[8] != '-' ||
		text[13] != '-' || text[18] != '-' || text[23] != '-')
		return false;
	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
	return true;
}

WfDefinition *
wf_definition_of_process(const pg_uuid_t *id, bool *over)
{
	Datum		value = UUIDPGetDatum(id);
	WfDefinition *definition = wf_stepping(id);
	bool		isnull;

	*over = false;
	if (definition != NULL)
		return definition;
	if (wf_execute(&look_statement, &value, NULL, 1) == 0)
		return NULL;
	*over = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 2, &isnull));
	return wf_definition(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
													 SPI_tuptable->tupdesc, 1,
													 &isnull)));
}

static void
raise_communication_error(WfProcess *process, const char *target,
						  const char *reason)
{
	static const char *keys[] = {"target", "reason"};
	Jsonb	   *values[] = {wf_jsonb_string(target), wf_jsonb_string(reason)};
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		error = {"error.communication", payload};

	payload->data = wf_jsonb_object(2, keys, values);
	wf_raise(process->machine, &error);
}

void
wf_send_across(WfProcess *process, const char *target, const char *event,
			   Jsonb *data, const char *id, TimestampTz due, const char *actor)
{
	WfTimerRow	timer = {.due = due,.event = event,.name = id,.actor = actor,
	.data = data};
	WfDefinition *receiver = NULL;
	bool		over = false;

	if (wf_uuid_parse(target, &timer.process))
		receiver = wf_definition_of_process(&timer.process, &over);

	if (receiver == NULL)
		raise_communication_error(process, target, "no such process");
	else if (over)
		raise_communication_error(process, target, "the process is over");
	else if (!wf_role_may(process->definition->role, receiver, "send"))
		raise_communication_error(process, target, "not allowed");
	else
		wf_output_arm(wf_stepper_output(process->stepper), &timer,
					  receiver->owner, false, false);
}

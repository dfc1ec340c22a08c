/*-------------------------------------------------------------------------
 *
 * api_bind.c
 *	  Rows of users that carry the states of processes: bind(), unbind(), and bound_row(),
 *	  which a trigger of the server calls.
 *
 * Runs in client backends.  Who binds locks the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "store/origin.h"
#include "store/statement.h"
#include "table/bind.h"

PG_FUNCTION_INFO_V1(workflow_bind);
PG_FUNCTION_INFO_V1(workflow_unbind);
PG_FUNCTION_INFO_V1(workflow_bound_row);

/* To what a definition is bound. */
static Jsonb *
describe(Oid relation, const char *key_column, const char *state_column)
{
	const char *keys[] = {"key_column", "state_column", "table"};
	Jsonb	   *values[] = {
		wf_jsonb_string(key_column),
		wf_jsonb_string(state_column),
		wf_jsonb_string(quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
												   get_rel_name(relation)))
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* SQL function workflow.bind(...) of sql/parts/table_trigger.sql.  Locks the table. */
Datum
workflow_bind(PG_FUNCTION_ARGS)
{
	char	   *definition = wf_arg_string(fcinfo, 0, "definition");
	char	   *key_column = wf_arg_string(fcinfo, 2, "key_column");
	char	   *state_column = wf_arg_string(fcinfo, 3, "state_column");

	wf_arg_require(fcinfo, 1, "on_table");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_bind(definition, PG_GETARG_OID(1), key_column, state_column);
	wf_note_object("bind", "definition", definition, wf_definition_by_name(definition, 0)->owner, NULL,
				   describe(PG_GETARG_OID(1), key_column, state_column));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.unbind(definition) of sql/parts/table_trigger.sql.  Locks the table. */
Datum
workflow_unbind(PG_FUNCTION_ARGS)
{
	char	   *definition = wf_arg_string(fcinfo, 0, "definition");

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_privilege_require_owner(wf_definition_by_name(definition, 0));
	if (!wf_bind_undo(definition))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("definition \"%s\" is not bound", wf_quote(definition))));
	wf_note_object("unbind", "definition", definition, wf_definition_by_name(definition, 0)->owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.bound_row() of sql/parts/table_trigger.sql.  In a copy that nobody
 * has adopted, and where rows are replicated, nothing is refused.
 */
Datum
workflow_bound_row(PG_FUNCTION_ARGS)
{
	const TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
		!TRIGGER_FIRED_BY_UPDATE(data->tg_event) || data->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("workflow.bound_row() was not called as workflow.bind() has it called")));
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return PointerGetDatum(NULL);
	wf_statement_connect();
	if (wf_origin_is_ours())
		wf_bind_guard(data);
	SPI_finish();
	return PointerGetDatum(NULL);
}

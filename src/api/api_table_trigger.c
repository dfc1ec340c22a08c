/*-------------------------------------------------------------------------
 *
 * api_table_trigger.c
 *	  Table triggers: create_table_trigger(), drop_table_trigger(), and table_trigger(),
 *	  which triggers of the server call.
 *
 * Runs in client backends.  Who makes one locks the table; who writes to the table locks
 * nothing but keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/quote.h"
#include "store/origin.h"
#include "store/statement.h"
#include "table/table_define.h"
#include "table/table_fire.h"
#include "table/table_row.h"

PG_FUNCTION_INFO_V1(workflow_create_table_trigger);
PG_FUNCTION_INFO_V1(workflow_drop_table_trigger);
PG_FUNCTION_INFO_V1(workflow_table_trigger);

/* --- which statements ---------------------------------------------------------- */

/* Add a word of the argument events, if it is one. */
static List *
add_event(List *events, const char *word)
{
	static const char *const known[] = {"insert", "update", "delete"};
	ListCell   *cell;

	foreach(cell, events)
		if (strcmp(lfirst(cell), word) == 0)
			return events;
	for (size_t i = 0; i < lengthof(known); i++)
		if (strcmp(known[i], word) == 0)
			return lappend(events, unconstify(char *, known[i]));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown event \"%s\" of a table trigger", wf_quote(word)),
			 strcmp(word, "truncate") == 0 ?
			 errdetail("TRUNCATE does not look at the rows that it removes.") :
			 errhint("Events are insert, update and delete, with commas between them.")));
}

/* The words of the argument events: with commas, or "or", between them. */
static List *
read_events(FunctionCallInfo fcinfo, int n)
{
	char	   *text = wf_arg_string(fcinfo, n, "events");
	List	   *events = NIL;
	char	   *rest;

	for (char *word = strtok_r(text, ", \t\r\n", &rest); word != NULL; word = strtok_r(NULL, ", \t\r\n", &rest))
	{
		word = asc_tolower(word, strlen(word));
		if (strcmp(word, "or") != 0)
			events = add_event(events, word);
	}
	if (events == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a table trigger needs an event"),
				 errhint("Events are insert, update and delete, with commas between them.")));
	return events;
}

/* SQL function workflow.create_table_trigger(...) of sql/parts/table_trigger.sql.  Locks the table. */
Datum
workflow_create_table_trigger(PG_FUNCTION_ARGS)
{
	WfTableText text = {
		.name = wf_arg_string(fcinfo, 0, "name"),
		.events = read_events(fcinfo, 2),
		.job = wf_arg_string_or_null(fcinfo, 3),
		.definition = wf_arg_string_or_null(fcinfo, 4),
		.event = PG_ARGISNULL(5) ? NULL : wf_arg_event(fcinfo, 5),
		.key = wf_arg_string_or_null(fcinfo, 6),
		.when = wf_arg_string_or_null(fcinfo, 7)
	};

	wf_arg_require(fcinfo, 1, "on_table");
	text.relation = PG_GETARG_OID(1);
	wf_api_connect_to_write(fcinfo);
	wf_table_define(&text);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.drop_table_trigger(name) of sql/parts/table_trigger.sql.  Locks the table. */
Datum
workflow_drop_table_trigger(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_table_define_drop(name);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- the trigger ------------------------------------------------------------------ */

/* Error 39P01 unless this is called as create_table_trigger() has made it. */
static const TriggerData *
read_trigger(FunctionCallInfo fcinfo)
{
	const TriggerData *data = (TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_AFTER(data->tg_event) &&
		TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) && data->tg_trigger->tgnargs == 1 &&
		(data->tg_newtable != NULL || TRIGGER_FIRED_BY_DELETE(data->tg_event)) &&
		(data->tg_oldtable != NULL || TRIGGER_FIRED_BY_INSERT(data->tg_event)))
		return data;
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("workflow.table_trigger() was not called as workflow.create_table_trigger() has it called")));
}

/*
 * SQL function workflow.table_trigger() of sql/parts/table_trigger.sql.  Makes nothing of
 * what is replicated, whose rows were written elsewhere, nor in a copy that nobody has
 * adopted.
 */
Datum
workflow_table_trigger(PG_FUNCTION_ARGS)
{
	const TriggerData *data = read_trigger(fcinfo);

	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA || wf_table_row_count(data) == 0)
		return PointerGetDatum(NULL);
	wf_statement_connect();
	if (wf_origin_is_ours())
		wf_table_fire(data->tg_trigger->tgargs[0], data);
	SPI_finish();
	return PointerGetDatum(NULL);
}

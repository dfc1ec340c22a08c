/*-------------------------------------------------------------------------
 *
 * api_event.c
 *	  workflow.available_events() and event_schema(): what can be sent, and with what.
 *
 * Runs in client backends, and locks nothing.
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
#include "base/jsonb.h"
#include "chart/event_type.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "process/offer.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/process_row.h"
#include "store/status.h"

PG_FUNCTION_INFO_V1(workflow_available_events);
PG_FUNCTION_INFO_V1(workflow_event_schema);

/* --- available_events -------------------------------------------------------- */

/* The columns of SQL before 0.3.0, and all. */
#define N_OLD		2
#define N_COLUMNS	7

typedef struct Offers
{
	ReturnSetInfo *result;
	WfDefinition *definition;
	const char *language;
} Offers;

static void
put(Datum *values, bool *nulls, int column, Datum value)
{
	nulls[column] = value == (Datum) 0;
	values[column] = value;
}

static Datum
text_or_null(const char *text)
{
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* What is declared of the event. */
static void
put_declared(const Offers *offers, const char *event, Datum *values, bool *nulls)
{
	const WfEventType *type = wf_event_type_of(offers->definition->chart, event);

	if (type == NULL)
		return;
	put(values, nulls, 3, text_or_null(wf_texts_find(&type->texts, "title", offers->language)));
	put(values, nulls, 4, text_or_null(wf_texts_find(&type->texts, "description", offers->language)));
	if (type->data != NULL)
		put(values, nulls, 5, JsonbPGetDatum(wf_event_data_schema(offers->definition, event,
																  offers->language)));
	if (type->meta != NULL)
		put(values, nulls, 6, JsonbPGetDatum(wf_jsonb_parse(type->meta)));
}

/*
 * Callback of wf_offer_list(): add a row to the result.  SQL of versions before
 * 0.3.0 has no column for the reason, and does not know of "perhaps".
 */
static void
put_event(void *arg, const char *event, WfOfferKind kind)
{
	static const char *const reasons[] = {
		[WF_OFFER_TAKEN] = NULL,
		[WF_OFFER_DATA] = "data",
		[WF_OFFER_GUARD] = "guard",
		[WF_OFFER_ALLOW] = "allow",
		[WF_OFFER_UNDECLARED] = "undeclared"
	};
	const Offers *offers = arg;
	ReturnSetInfo *result = offers->result;
	bool		older = result->setDesc->natts <= N_OLD;
	Datum		values[N_COLUMNS] = {CStringGetTextDatum(event), BoolGetDatum(kind == WF_OFFER_TAKEN)};
	bool		nulls[N_COLUMNS] = {false, kind == WF_OFFER_DATA && !older, true, true, true, true, true};

	put(values, nulls, 2, text_or_null(reasons[kind]));
	if (!older)
		put_declared(offers, event, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
look_for_events(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	char	   *actor = wf_arg_actor(fcinfo, 1);
	Offers		offers = {
		.result = (ReturnSetInfo *) fcinfo->resultinfo,
		.language = wf_arg_language(fcinfo, 2)
	};
	WfStepper  *stepper;
	WfRow		row;

	InitMaterializedSRF(fcinfo, 0);
	wf_api_connect_to_look();
	wf_api_read(id, &row);
	offers.definition = wf_definition(row.definition);
	wf_privilege_require(offers.definition, "send");
	wf_arg_check_actor(fcinfo, 1, offers.definition);
	stepper = wf_stepper_new(0);
	if (!row.suspended && row.status != WF_INITIALIZED &&
		row.status != WF_TERMINATED && row.status != WF_FINALIZED &&
		!(wf_pause_look() && wf_pause_is_on(offers.definition)))
		wf_offer_list(wf_stepper_add(stepper, &row), actor, put_event, &offers);
	wf_stepper_end(stepper);
	SPI_finish();
	return (Datum) 0;
}

/*
 * SQL function workflow.available_events(process, actor, language) of
 * sql/parts/command.sql.  Evaluates guards, and locks nothing itself.
 */
Datum
workflow_available_events(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_for_events, fcinfo);
}

/* --- event_schema -------------------------------------------------------------- */

static Datum
look_schema(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	char	   *event = wf_arg_event(fcinfo, 1);
	char	   *language = wf_arg_language(fcinfo, 3);
	MemoryContext caller = CurrentMemoryContext;
	WfDefinition *definition;
	Jsonb	   *schema;

	wf_api_connect_to_look();
	definition = wf_definition_by_name(name, wf_arg_version(fcinfo, 2));
	wf_api_require_any(definition);
	schema = wf_event_data_schema(definition, event, language);
	MemoryContextSwitchTo(caller);
	if (schema != NULL)
		schema = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(schema));
	SPI_finish();
	if (schema == NULL)
		PG_RETURN_NULL();
	return JsonbPGetDatum(schema);
}

/*
 * SQL function workflow.event_schema(definition, event, version, language) of
 * sql/parts/command.sql.  Locks nothing.
 */
Datum
workflow_event_schema(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_schema, fcinfo);
}

/*-------------------------------------------------------------------------
 *
 * event_data.c
 *	  The data of events that a definition declares.
 *
 * Runs in define(), and in any backend that has an event for a process.  Data are declared
 * in the words of parameters of jobs, and checked by the same code (parameter/): what is of
 * the author in it runs as the owner of the definition, under the restrictions for code of
 * somebody else in a client's session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/try.h"
#include "chart/chart.h"
#include "chart/event_type.h"
#include "chart/json.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "eval/user_context.h"
#include "parameter/parameter_given.h"
#include "parameter/parameter_schema.h"
#include "parameter/parameters.h"

/* --- define() -------------------------------------------------------------------- */

typedef struct Declare
{
	const WfAuthor *author;
	WfEventType *type;
} Declare;

/* JSON that jsonb has written, as the compiler writes it. */
static const char *
compact(Jsonb *value)
{
	char	   *text = JsonbToCString(NULL, &value->root, VARSIZE(value));
	WfFaults	faults = {0};

	return wf_json_text(wf_json_parse(text, strlen(text), &faults));
}

/* The data of events are in the history and in guards: nobody hides them. */
static void
refuse_sensitive(const WfParameters *parameters)
{
	int			n;

	(void) wf_parameters_sensitive(parameters, &n);
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("data of events cannot be sensitive"),
				 errhint("Name the fields of the context that are, under \"sensitive\" of the root.")));
}

/* Look up what the data are made of, and keep them by names that last. */
static void
declare(void *arg)
{
	Declare    *declare = arg;
	WfUserContext bracket = {0};
	WfParameters *parameters;

	wf_user_context_enter(declare->author, &bracket);
	parameters = wf_parameters_read(declare->type->data, false);
	refuse_sensitive(parameters);
	wf_parameters_compile(parameters);
	wf_parameters_check_defaults(parameters);
	declare->type->data = compact(wf_parameters_canonical(parameters));
	wf_user_context_leave(&bracket);
}

/*
 * Look up the types and the expressions of the data that a chart declares: from now on they
 * are written in their canonical form.  What is wrong with them is added as faults.
 */
void
wf_event_data_declare(const WfEvaluator *evaluator, WfFaults *faults)
{
	const WfChart *chart = evaluator->chart;

	for (int i = 0; i < chart->nevents; i++)
	{
		Declare		arg = {&evaluator->author, &chart->events[i]};
		ErrorData  *error = arg.type->data == NULL ? NULL : wf_try(declare, &arg);

		if (error != NULL)
			wf_diagnostic_fault(faults, psprintf("%s.data", arg.type->path), error->hint, "%s",
								error->message);
	}
}

/*
 * What the expressions of the data that a chart declares call, for wf_parameters_set_calls().
 * Enters the owner's context.
 */
Jsonb *
wf_event_data_calls(const WfEvaluator *evaluator)
{
	const WfChart *chart = evaluator->chart;
	Jsonb	   *calls = wf_jsonb_object(0, NULL, NULL);
	WfUserContext bracket = {0};

	for (int i = 0; i < chart->nevents; i++)
	{
		WfParameters *parameters;

		if (chart->events[i].data == NULL)
			continue;
		wf_user_context_enter(&evaluator->author, &bracket);
		parameters = wf_parameters_read(chart->events[i].data, true);
		wf_parameters_compile(parameters);
		calls = wf_jsonb_merge(calls, wf_parameters_calls(parameters));
	}
	wf_user_context_leave(&bracket);
	return calls;
}

/* --- what is given ---------------------------------------------------------------- */

/* What an event's data are declared as; NULL: any. */
static WfParameters *
parameters_of(WfDefinition *definition, const WfEventType *type)
{
	WfParameters **slot = &definition->event_data[type->id];
	MemoryContext old;

	if (*slot == NULL && type->data != NULL)
	{
		old = MemoryContextSwitchTo(definition->context);
		*slot = wf_parameters_read(type->data, true);
		wf_parameters_set_calls(*slot, definition->evaluator->calls);
		MemoryContextSwitchTo(old);
	}
	return *slot;
}

pg_noreturn static void
refuse(const WfDefinition *definition, const char *event)
{
	const WfChart *chart = definition->chart;
	const char **names = palloc(sizeof(char *) * (chart->nevents + 1));
	const char *hint;
	int			n = 0;

	for (int i = 0; i < chart->nevents; i++)
		if (!chart->events[i].refused)
			names[n++] = chart->events[i].descriptor;
	names[n] = NULL;
	hint = wf_diagnostic_spelling_hint(event, names);
	ereport(ERROR,
			(errcode(WF_ERR_PARAMETERS),
			 errmsg("definition \"%s\" does not accept event \"%s\"", definition->name,
					wf_quote(event)),
			 errdetail("Its \"events\" say so of \"%s\".", wf_event_type_of(chart, event)->descriptor),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* The parameters that the data of an event are declared as, or NULL. */
const WfParameters *
wf_event_data_parameters(WfDefinition *definition, const char *event)
{
	const WfEventType *type = wf_event_type_of(definition->chart, event);

	return type == NULL ? NULL : parameters_of(definition, type);
}

/*
 * The data that a process of the definition gets with an event from outside: those that
 * are given (or NULL), as the declared types write them, with defaults filled in; what is
 * not declared stays as it is.  Error WF013 if they do not fit, or such events are not
 * accepted; others of the author's code.  Needs an active snapshot.
 */
Jsonb *
wf_event_data_check(WfDefinition *definition, const char *event, Jsonb *data)
{
	const WfEventType *type;
	WfParameterUse use = {
		.kind = "event",.name = event,.what = "data",
		.author = &definition->evaluator->author
	};

	if (likely(definition->chart->nevents == 0))
		return data;
	type = wf_event_type_of(definition->chart, event);
	if (type == NULL)
		return data;
	if (type->refused)
		refuse(definition, event);
	if (type->data == NULL)
		return data;
	use.parameters = parameters_of(definition, type);
	return wf_parameter_given_check(&use, data);
}

typedef struct Given
{
	WfDefinition *definition;
	const char *event;
	Jsonb	   *data;
} Given;

static void
check(void *arg)
{
	Given	   *given = arg;

	given->data = wf_event_data_check(given->definition, given->event, given->data);
}

/*
 * The same, for those who go on where data do not fit: that is *error then, and what the
 * author's code did is undone.  Other errors are thrown.
 */
Jsonb *
wf_event_data_try(WfDefinition *definition, const char *event, Jsonb *data, ErrorData **error)
{
	Given		given = {definition, event, data};

	*error = NULL;
	if (likely(definition->chart->nevents == 0))
		return data;
	*error = wf_try(check, &given);
	if (*error != NULL && (*error)->sqlerrcode != WF_ERR_PARAMETERS)
		ReThrowError(*error);
	return given.data;
}

/* --- what forms need -------------------------------------------------------------- */

/* The names of parameters as they were declared: jsonb has another order of keys. */
static Jsonb *
order_of(const WfParameters *parameters)
{
	static const char *keys[] = {"x-order"};
	Jsonb	  **names = palloc(sizeof(Jsonb *) * (parameters->n + 1));
	Jsonb	   *order;

	for (int i = 0; i < parameters->n; i++)
		names[i] = wf_jsonb_string(parameters->items[i].name);
	order = wf_jsonb_array(parameters->n, names);
	return wf_jsonb_object(1, keys, &order);
}

/*
 * The JSON Schema of the data of an event, or of those that a descriptor stands for, with
 * texts in a language (or NULL): true of any data, false if it is not accepted.  NULL: it
 * is not declared.
 */
Jsonb *
wf_event_data_schema(WfDefinition *definition, const char *event, const char *language)
{
	const WfEventType *type = wf_event_type_of(definition->chart, event);
	const WfParameters *parameters;
	const char *title;
	Jsonb	   *schema;

	if (type == NULL)
		return NULL;
	if (type->refused)
		return wf_jsonb_parse("false");
	parameters = parameters_of(definition, type);
	title = wf_texts_find(&type->texts, "title", language);
	schema = wf_parameter_schema(parameters, title != NULL ? title : event,
								 wf_texts_find(&type->texts, "description", language), language);
	return parameters == NULL ? wf_jsonb_patch(schema, wf_jsonb_parse("{\"type\": null}")) :
		wf_jsonb_merge(schema, order_of(parameters));
}

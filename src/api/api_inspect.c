/*-------------------------------------------------------------------------
 *
 * api_inspect.c
 *	  Definitions as diagrams, lint findings, and XState machines.
 *
 * Runs in client backends; everything here is STABLE and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/compile.h"
#include "definition/define.h"
#include "definition/definition.h"
#include "definition/missing.h"
#include "definition/privilege.h"
#include "eval/evaluator.h"
#include "inspect/diagram_label.h"
#include "inspect/graphviz.h"
#include "inspect/lint.h"
#include "inspect/mermaid.h"
#include "inspect/xstate.h"
#include "process/process.h"
#include "store/process_row.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_diagram);
PG_FUNCTION_INFO_V1(workflow_diagram_of);
PG_FUNCTION_INFO_V1(workflow_lint);
PG_FUNCTION_INFO_V1(workflow_lint_stored);
PG_FUNCTION_INFO_V1(workflow_export);

static WfStatement source_statement = {
	.sql = "SELECT source::pg_catalog.text FROM workflow.definition"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {INT4OID}
};

/*
 * The definition of arguments 0 (name) and 1 (version, default: the newest).
 * SPI must be connected.  Error WF006 if there is none, WF002 without the
 * privilege "read".
 */
static WfDefinition *
definition_to_read(FunctionCallInfo fcinfo)
{
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	WfDefinition *definition = wf_definition_by_name(name, wf_arg_version(fcinfo, 1));

	wf_privilege_require(definition, "read");
	return definition;
}

/*
 * Compile the text that the author gave to define().  The chart in the cache is
 * made from the canonical form, which has other paths, and lacks what define()
 * left out with a warning.
 */
static WfChart *
chart_of_source(const WfDefinition *definition)
{
	WfFaults	faults = {0};
	Datum		id = Int32GetDatum(definition->id);
	WfChart    *chart;
	char	   *source;

	wf_statement_execute(&source_statement, &id, NULL, 1);
	source = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	chart = wf_compile(source, strlen(source), &faults);
	if (chart == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the source of definition \"%s\" does not compile", definition->name),
				 errdetail("%s: %s", faults.items[0].path, faults.items[0].message)));
	return chart;
}

/* The text of a diagram in the format that argument n names. */
static text *
draw(FunctionCallInfo fcinfo, int n, const WfDiagram *diagram)
{
	char	   *format = wf_arg_string(fcinfo, n, "format");

	if (strcmp(format, "mermaid") == 0)
		return cstring_to_text(wf_mermaid(diagram));
	if (strcmp(format, "dot") == 0)
		return cstring_to_text(wf_graphviz(diagram));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown format \"%s\" of a diagram", wf_quote(format)),
			 errhint("Formats are mermaid and dot.")));
}

/* Disconnect SPI, and return a result that was made before in its memory. */
static Datum
finish_with(text *result)
{
	Datum		copy = SPI_datumTransfer(PointerGetDatum(result), false, -1);

	SPI_finish();
	return copy;
}

/*
 * SQL function workflow.diagram(definition, version, format) of
 * sql/parts/inspect.sql.  Locks nothing.
 */
Datum
workflow_diagram(PG_FUNCTION_ARGS)
{
	WfDiagram	diagram = {0};

	wf_statement_connect();
	diagram.chart = definition_to_read(fcinfo)->chart;
	return finish_with(draw(fcinfo, 2, &diagram));
}

/* Which states are active, by number: those of the row and their ancestors. */
static bool *
active_states(const WfChart *chart, const WfRow *row)
{
	bool	   *active = palloc0(chart->nstates * sizeof(bool));
	Datum	   *names;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(row->states), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name = TextDatumGetCString(names[i]);

		for (WfStateId state = wf_chart_find(chart, name, strlen(name));
			 state != WF_NO_STATE; state = chart->states[state].parent)
			active[state] = true;
	}
	return active;
}

/*
 * SQL function workflow.diagram(process, format) of sql/parts/inspect.sql.
 * Locks nothing.  A user who has started the process but may not read its
 * definition sees states and events, but not what the author computes and
 * calls.
 */
Datum
workflow_diagram_of(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	WfDefinition *definition;
	WfDiagram	diagram = {0};
	WfRow		row;

	wf_statement_connect();
	wf_api_read(id, &row);
	definition = wf_definition(row.definition);
	wf_api_require_sight(id, definition);
	diagram.chart = definition->chart;
	diagram.active = active_states(definition->chart, &row);
	diagram.names_only = !wf_privilege_may(definition, "read");
	return finish_with(draw(fcinfo, 1, &diagram));
}

/* --- lint -------------------------------------------------------------- */

/* Callback of wf_lint(): add a row to the result. */
static void
put_finding(void *arg, const char *path, const char *rule, const char *message,
			const char *hint)
{
	ReturnSetInfo *result = arg;
	Datum		values[4] = {CStringGetTextDatum(path), CStringGetTextDatum(rule),
	CStringGetTextDatum(message), 0};
	bool		nulls[4] = {false, false, false, hint == NULL};

	if (hint != NULL)
		values[3] = CStringGetTextDatum(hint);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Functions that have still to be written are findings, not faults. */
static void
put_missing(const WfMissing *missing, void *result)
{
	for (int i = 0; i < missing->functions.n; i++)
	{
		const WfMissingFunction *function = missing->functions.items[i];

		put_finding(result, function->expr->path, "missing_function",
					wf_missing_message(function),
					function->hint != NULL ? function->hint : wf_missing_stub(function));
	}
}

static WfStatement calendar_statement = {
	.sql = "SELECT FROM workflow.calendar WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {TEXTOID}
};

static WfStatement job_statement = {
	.sql = "SELECT FROM workflow.job WHERE name OPERATOR(pg_catalog.=) $1 AND dropped_at IS NULL",
	.nargs = 1,
	.args = {TEXTOID}
};

/* What an invoke names may have been dropped. */
static void
put_dropped_source(const WfInvoke *invoke, void *result)
{
	Datum		name = CStringGetTextDatum(invoke->src);
	const char *queue = wf_define_missing_queue(invoke);

	if (!invoke->is_job && wf_definition_newest(invoke->src) == NULL)
		put_finding(result, invoke->path, "missing_definition",
					psprintf("definition \"%s\" does not exist", wf_quote(invoke->src)),
					"Store it with workflow.define().");
	if (invoke->is_job && wf_statement_execute(&job_statement, &name, NULL, 1) == 0)
		put_finding(result, invoke->path, "missing_job",
					psprintf("job \"%s\" does not exist", wf_quote(invoke->src)),
					"Make it with workflow.create_job().");
	if (queue != NULL)
		put_finding(result, psprintf("%s.queue", invoke->path), "missing_queue",
					psprintf("queue \"%s\" does not exist", wf_quote(queue)),
					"Make it with workflow.create_queue().");
}

/*
 * Definitions, jobs, queues and calendars were there when a version was stored that names them,
 * and may have been dropped since.  SPI must be connected.
 */
static void
put_dropped(const WfChart *chart, void *result)
{
	for (int s = 0; s < chart->nstates; s++)
		for (int i = 0; i < chart->states[s].ninvokes; i++)
			put_dropped_source(&chart->states[s].invokes[i], result);
	for (int i = 0; i < chart->ndelays; i++)
	{
		const WfDelay *delay = chart->delays[i];
		Datum		name;

		if (delay->calendar == NULL)
			continue;
		name = CStringGetTextDatum(delay->calendar);
		if (wf_statement_execute(&calendar_statement, &name, NULL, 1) == 0)
			put_finding(result, delay->path, "missing_calendar",
						psprintf("calendar \"%s\" does not exist", wf_quote(delay->calendar)),
						"Store it with workflow.define_calendar().");
	}
}

/*
 * SQL function workflow.lint(json) of sql/parts/inspect.sql: of a definition
 * that need not be stored, nor the functions that it names.
 */
Datum
workflow_lint(PG_FUNCTION_ARGS)
{
	WfEvaluator *evaluator = NULL;
	WfMissing	missing = {0};
	WfChart    *chart;

	InitMaterializedSRF(fcinfo, 0);
	chart = wf_define_compile(wf_arg_text(fcinfo, 0, "definition"), GetUserId(),
							  wf_define_path(), &missing, &evaluator);
	wf_evaluator_free(evaluator);
	put_missing(&missing, fcinfo->resultinfo);
	wf_lint(chart, put_finding, fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * SQL function workflow.lint(definition, version) of sql/parts/inspect.sql.
 * Locks nothing.
 */
Datum
workflow_lint_stored(PG_FUNCTION_ARGS)
{
	WfChart    *chart;

	InitMaterializedSRF(fcinfo, 0);
	wf_statement_connect();
	chart = chart_of_source(definition_to_read(fcinfo));
	put_dropped(chart, fcinfo->resultinfo);
	wf_lint(chart, put_finding, fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}

/* --- export ------------------------------------------------------------ */

/*
 * SQL function workflow.export(definition, version) of sql/parts/inspect.sql.
 * Locks nothing.
 */
Datum
workflow_export(PG_FUNCTION_ARGS)
{
	WfDefinition *definition;

	wf_statement_connect();
	definition = definition_to_read(fcinfo);
	return finish_with(cstring_to_text(wf_xstate(chart_of_source(definition),
												 definition->version)));
}

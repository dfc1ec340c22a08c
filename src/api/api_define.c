/*-------------------------------------------------------------------------
 *
 * api_define.c
 *	  workflow.define(): store a version of a definition.
 *
 * Runs in client backends.  The definition is compiled and checked before
 * anything is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "definition/definition_row.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "chart/json.h"
#include "compiler/compile_foreign.h"
#include "definition/define.h"
#include "definition/event_data.h"
#include "definition/sensitive.h"
#include "eval/eval_define.h"
#include "eval/evaluator.h"

PG_FUNCTION_INFO_V1(workflow_define);
PG_FUNCTION_INFO_V1(workflow_define_text);

/*
 * Stores a version of the definition whose JSON this is; returns its number.
 * Locks the name against other calls until the end of the transaction, then the
 * row of the owner.
 */
static int32
define(FunctionCallInfo fcinfo, text *source)
{
	Oid			role = GetUserId();
	char	   *path = wf_define_path();
	WfDefinitionVersion version = {
		.source = source,
		.path = path
	};
	WfEvaluator *evaluator = NULL;
	WfChart    *chart;
	int32		number;

	chart = wf_define_compile(version.source, role, path, NULL, &evaluator);
	wf_define_warn(chart);
	version.name = chart->name;
	version.zone = evaluator->author.time_zone;
	version.failures = wf_define_failures(chart);
	version.sensitive = wf_sensitive_pointers(chart->nsensitive, chart->sensitive);
	version.functions = wf_eval_define_functions(evaluator, true);
	version.named = wf_eval_define_functions(evaluator, false);
	version.calls = wf_jsonb_merge(wf_eval_define_calls(evaluator), wf_event_data_calls(evaluator));
	wf_evaluator_free(evaluator);
	version.canonical = wf_define_canonical(chart);

	wf_api_connect_to_write(fcinfo);
	number = wf_definition_row_store(&version, role);
	SPI_finish();
	return number;
}

/* SQL function workflow.define(definition json) of sql/parts/definition.sql. */
Datum
workflow_define(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(define(fcinfo, PG_GETARG_TEXT_PP(0)));
}

/* Error 22P02, that of a cast to json, for what is none. */
static void
require_json(const text *source)
{
	const char *problem = wf_json_syntax_error(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source));
	const char *hint;

	if (problem == NULL)
		return;
	hint = wf_compile_foreign_text(text_to_cstring(source));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type json"),
			 errdetail("JSON data, %s", wf_quote(problem)),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* SQL function workflow.define(definition text), for callers who have a text. */
Datum
workflow_define_text(PG_FUNCTION_ARGS)
{
	text	   *source = PG_GETARG_TEXT_PP(0);

	require_json(source);
	PG_RETURN_INT32(define(fcinfo, source));
}

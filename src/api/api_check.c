/*-------------------------------------------------------------------------
 *
 * api_check.c
 *	  What workflow.check() needs to know of charts.
 *
 * Runs in client backends, and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "interpreter/machine.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_is_configuration);

/*
 * SQL function workflow.is_configuration(definition id, states) of
 * sql/parts/check.sql: can a process of this version be in these states?  For
 * workflow.check(); locks nothing.
 */
Datum
workflow_is_configuration(PG_FUNCTION_ARGS)
{
	WfDefinition *definition;
	WfMachine  *machine;
	Datum	   *names;
	bool	   *nulls;
	int			n;
	bool		known = true;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, &nulls, &n);
	wf_statement_connect();
	definition = wf_definition(PG_GETARG_INT32(0));
	SPI_finish();

	machine = wf_machine_new(definition->chart, NULL, NULL, wf_max_microsteps);
	for (int i = 0; i < n && known; i++)
	{
		text	   *name = nulls[i] ? cstring_to_text("") : DatumGetTextPP(names[i]);
		WfStateId	state = wf_chart_find(definition->chart, VARDATA_ANY(name),
										  VARSIZE_ANY_EXHDR(name));

		known = state != WF_NO_STATE && wf_machine_activate(machine, state);
	}
	PG_RETURN_BOOL(known && wf_machine_legal(machine));
}

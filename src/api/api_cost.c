/*-------------------------------------------------------------------------
 *
 * api_cost.c
 *	  What the authors' code has cost, for the view workflow.action_costs.
 *
 * Runs in client backends, also on a standby.  Reads shared memory, and of tables what the
 * caller's rights depend on.  Locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "definition/privilege.h"
#include "eval/meter.h"
#include "job/job.h"
#include "shmem/cost.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_action_cost_list);
PG_FUNCTION_INFO_V1(workflow_reset_action_costs);

#define NCOLUMNS	17

/* A job that was made and rolled back has none. */
static WfStatement job_statement = {
	.sql = "SELECT FROM workflow.job j WHERE j.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

/* May the current user read whose code it is?  SPI must be connected. */
static bool
may_read(const WfCostKey *key)
{
	Datum		id = Int32GetDatum(key->id);

	if (key->kind == WF_COST_DEFINITION)
		return wf_definition_exists(key->id) && wf_privilege_may_by_id(key->id, "read");
	return wf_statement_execute(&job_statement, &id, NULL, 1) > 0 && wf_job_may(wf_job(key->id), "read");
}

static int
compare_lines(const void *a, const void *b)
{
	const WfCostKey *left = &((const WfCostLine *) a)->key;
	const WfCostKey *right = &((const WfCostLine *) b)->key;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return (left->id > right->id) - (left->id < right->id);
}

static double
milliseconds(int64 ns)
{
	return (double) ns / 1e6;
}

static void
put(ReturnSetInfo *result, const WfCostLine *line)
{
	const WfCosts *costs = &line->costs;
	bool		nulls[NCOLUMNS] = {false};
	Datum		values[NCOLUMNS] = {
		Int32GetDatum(line->key.kind), Int32GetDatum(line->key.id), CStringGetTextDatum(line->text),
		TimestampTzGetDatum(line->since), Int64GetDatum(costs->calls), Int64GetDatum(costs->failures),
		Float8GetDatum(milliseconds(costs->time)), Float8GetDatum(milliseconds(costs->longest)),
		Int64GetDatum(costs->shared_hit), Int64GetDatum(costs->shared_read), Int64GetDatum(costs->shared_dirtied),
		Int64GetDatum(costs->shared_written), Int64GetDatum(costs->temp_read), Int64GetDatum(costs->temp_written),
		Int64GetDatum(costs->wal_records), Int64GetDatum(costs->wal_fpi), Int64GetDatum(costs->wal_bytes)
	};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
look(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfCostLine *lines;
	int			n;
	bool		may = false;

	InitMaterializedSRF(fcinfo, 0);
	wf_api_connect_to_look();
	n = wf_cost_list(wf_meter_definitions(), &lines);
	qsort(lines, n, sizeof(WfCostLine), compare_lines);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || compare_lines(&lines[i - 1], &lines[i]) != 0)
			may = may_read(&lines[i].key);
		if (may)
			put(result, &lines[i]);
	}
	SPI_finish();
	PG_RETURN_NULL();
}

/* SQL function workflow.action_cost_list() of sql/parts/cost.sql. */
Datum
workflow_action_cost_list(PG_FUNCTION_ARGS)
{
	return wf_api_look(look, fcinfo);
}

/* SQL function workflow.reset_action_costs() of sql/parts/cost.sql. */
Datum
workflow_reset_action_costs(PG_FUNCTION_ARGS)
{
	wf_api_require_admin("workflow.reset_action_costs()");
	PG_RETURN_INT64(wf_cost_reset(wf_meter_definitions()));
}

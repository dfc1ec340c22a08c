/*-------------------------------------------------------------------------
 *
 * api_await_run.c
 *	  CALL workflow.await_run(): wait until runs have ended.
 *
 * Runs in client backends, and locks nothing; see waiting.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "api/arg.h"
#include "api/run_sight.h"
#include "api/waiting.h"
#include "base/compat.h"
#include "base/quote.h"
#include "store/run.h"

PG_FUNCTION_INFO_V1(workflow_await_run);

/* What is waited for. */
typedef struct Wanted
{
	int			n;
	pg_uuid_t  *runs;
	bool		any;			/* one of them is enough */
	bool		checked;		/* that they exist, and may be seen */
} Wanted;

/* How many of them have ended?  Errors WF010, WF002 at the first look. */
static int
count_ended(Wanted *wanted)
{
	int			ended = 0;

	for (int i = 0; i < wanted->n; i++)
	{
		WfRunRow	row;

		if (!wanted->checked)
			wf_run_sight_require(&wanted->runs[i]);
		ended += !wf_run_find(&wanted->runs[i], &row) ||
			DatumGetInt16(row.values[WF_RUN_state]) >= WF_RUN_FINISHED;
	}
	wanted->checked = true;
	return ended;
}

/* Is it over? */
static bool
look(void *arg, TimestampTz *next)
{
	Wanted	   *wanted = arg;
	int			ended = count_ended(wanted);

	return ended == wanted->n || (wanted->any && ended > 0);
}

/* The runs, in memory that survives the transactions in between. */
static void
read_runs(FunctionCallInfo fcinfo, Wanted *wanted)
{
	Datum	   *runs;
	bool	   *nulls;

	wf_arg_require(fcinfo, 0, "runs");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &runs, &nulls,
					  &wanted->n);
	wanted->runs = MemoryContextAlloc(PortalContext, sizeof(pg_uuid_t) * (wanted->n + 1));
	for (int i = 0; i < wanted->n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"runs\" is null", i + 1)));
		wanted->runs[i] = *DatumGetUUIDP(runs[i]);
	}
}

static bool
read_which(FunctionCallInfo fcinfo)
{
	char	   *which = wf_arg_string(fcinfo, 1, "which");

	if (strcmp(which, "all") != 0 && strcmp(which, "any") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("which must be \"all\" or \"any\", not \"%s\"", wf_quote(which))));
	return strcmp(which, "any") == 0;
}

/*
 * SQL procedure workflow.await_run(runs, which, timeout) of sql/parts/run.sql.  Locks
 * nothing, and needs to be called outside of a transaction block.
 */
Datum
workflow_await_run(PG_FUNCTION_ARGS)
{
	Wanted		wanted = {0};

	wf_waiting_require(fcinfo);
	read_runs(fcinfo, &wanted);
	wanted.any = read_which(fcinfo);
	if (!wf_waiting(look, &wanted, wf_waiting_until(fcinfo, 2), WaitEventExtensionNew("WorkflowAwaitRun")))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 wanted.any ? errmsg("none of the runs ended before the timeout") :
				 errmsg("not all of the runs ended before the timeout")));
	PG_RETURN_VOID();
}

/*-------------------------------------------------------------------------
 *
 * run_restorer.c
 *	  Lost runs whose restorers are asked what becomes of them.
 *
 * Runs in whatever finds that a run was lost: the runtime of the database, the sessions of
 * other runtimes, executors.  None of them runs code of the restorer's owner.  A run of
 * the restorer is made, which an executor of the owner does, and the lost one waits for
 * its end, whatever that is: run_over.c hears of it, and run_lost.c does what was decided.
 * So all of that is as durable as runs are, and what a restorer does wrong is its own
 * run's error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/try.h"
#include "base/uuid.h"
#include "job/job_restorer.h"
#include "run/run_fence.h"
#include "run/run_make.h"
#include "run/run_over.h"
#include "run/run_restorer.h"
#include "store/run.h"
#include "store/statement.h"
#include "store/tenant.h"

/* What the run of the restorer came to, or null if it has not finished; no row: it is not over. */
static WfStatement decision_statement = {
	.sql = "SELECT CASE WHEN h.state OPERATOR(pg_catalog.=) 3 THEN h.result OPERATOR(pg_catalog.#>>) '{}' END"
	" FROM workflow.run_wait w LEFT JOIN workflow.run_history h ON h.run OPERATOR(pg_catalog.=) w.awaited"
	" WHERE w.run OPERATOR(pg_catalog.=) $1"
	" AND NOT EXISTS (SELECT FROM workflow.run e WHERE e.id OPERATOR(pg_catalog.=) w.awaited)",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* --- asking ------------------------------------------------------------------------- */

/* What the restorer is told. */
static Jsonb *
params_of(const WfRunRow *row, const WfJobRestorer *restorer)
{
	const char *keys[] = {"runtime", "what", "run"};
	const pg_uuid_t *what = restorer->of_definition ? DatumGetUUIDP(row->values[WF_RUN_process]) : wf_run_row_id(row);
	Jsonb	   *values[] = {
		wf_jsonb_string_or_null(row->nulls[WF_RUN_worker] ? NULL : TextDatumGetCString(row->values[WF_RUN_worker])),
		wf_jsonb_string(wf_uuid_text(what)),
		wf_jsonb_string(wf_uuid_text(wf_run_row_id(row)))
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* Make the run of a restorer, for the tenant of the lost one; with its id. */
static void
make(const WfRunRow *row, const WfJobRestorer *restorer, pg_uuid_t *id)
{
	WfRunRequest request = {
		.job = restorer->job,
		.queue = restorer->job->queue,
		.priority = restorer->job->priority,
		.at = wf_clock_now(),
		.starter = restorer->job->author.role
	};
	WfRunWanted wanted = {.params = params_of(row, restorer)};
	int			level = wf_tenant_work_for(wf_tenant_name(wf_run_row_tenant(row)));

	wf_run_make(&request, 1, &wanted, id);
	wf_tenant_work_on(level);
}

/* A run of a restorer that is to be made. */
typedef struct Asking
{
	const WfRunRow *row;
	const WfJob *job;
	pg_uuid_t  *id;
	bool		made;
} Asking;

static void
find_and_make(void *arg)
{
	Asking	   *asking = arg;
	const WfRunRow *row = asking->row;
	const pg_uuid_t *process = row->nulls[WF_RUN_process] ? NULL : DatumGetUUIDP(row->values[WF_RUN_process]);
	WfJobRestorer restorer;

	if (!wf_job_restorer_find(asking->job, process, &restorer))
		return;
	make(row, &restorer, asking->id);
	asking->made = true;
}

/*
 * The same, if that is possible.  What is wrong with the restorer, whose role or function
 * may be gone, must not keep anybody from going on.
 */
static bool
try_make(const WfRunRow *row, const WfJob *job, pg_uuid_t *id)
{
	Asking		asking = {.row = row,.job = job,.id = id};
	ErrorData  *error = wf_try(find_and_make, &asking);

	if (error == NULL)
		return asking.made;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(error);
	ereport(LOG,
			(errmsg("workflow: the restorer of job \"%s\" could not be asked about run %s: %s",
					job->name, wf_uuid_text(wf_run_row_id(row)), error->message)));
	return false;
}

/*
 * A run that is locked was lost.  If there is a restorer, it is asked, and the run waits
 * for that, nobody's meanwhile.  False: there is none.  SPI must be connected.
 */
bool
wf_run_restorer_ask(WfRunRow *row, const WfJob *job)
{
	pg_uuid_t	asked;

	if (!try_make(row, job, &asked))
		return false;
	wf_run_fence_clear(row);
	wf_run_row_clear(row, WF_RUN_parked);
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(false));
	wf_run_row_set(row, WF_RUN_awaits, Int16GetDatum(WF_RUN_AWAITS_RESTORER));
	wf_run_update(row);
	wf_run_over_await(row, 1, &asked);
	return true;
}

/* --- what was decided --------------------------------------------------------------- */

/* What a word of a restorer means. */
static WfRunDecision
meaning_of(const char *word)
{
	if (word == NULL || strcmp(word, "default") == 0)
		return WF_RUN_DECISION_DEFAULT;
	return strcmp(word, "fail") == 0 ? WF_RUN_DECISION_FAIL : WF_RUN_DECISION_RETRY;
}

/*
 * What was decided about a run that is locked, and waits for its restorer; false: nothing
 * yet.  "states" has been done by then: if the state that has invoked the run is active
 * still, it goes on.
 */
bool
wf_run_restorer_decision(const pg_uuid_t *run, WfRunDecision *decision)
{
	Datum		value = UUIDPGetDatum(run);

	if (wf_statement_execute(&decision_statement, &value, NULL, 1) == 0)
		return false;
	*decision = meaning_of(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	return true;
}

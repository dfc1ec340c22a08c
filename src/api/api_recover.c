/*-------------------------------------------------------------------------
 *
 * api_recover.c
 *	  Runtimes that have gone are recovered by others.
 *
 * Runs in sessions of runtimes that have a service turn, and of operators.  Locks the row
 * of the runtime that has gone, and runs that it had claimed, skipping those that are
 * locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/runtime_arg.h"
#include "api/worker_arg.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "cluster/member_beat.h"
#include "cluster/member_load.h"
#include "cluster/member_state.h"
#include "cluster/recovery.h"
#include "shmem/instance.h"
#include "store/runtime_row.h"

PG_FUNCTION_INFO_V1(workflow_recover);
PG_FUNCTION_INFO_V1(workflow_service_turn);

/* A row of the result: what was decided about a run. */
static void
put(void *arg, const char *runtime, const pg_uuid_t *run, const char *decision)
{
	ReturnSetInfo *result = arg;
	Datum		values[3] = {
		CStringGetTextDatum(runtime), UUIDPGetDatum(run), CStringGetTextDatum(decision)
	};
	bool		nulls[3] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Who recovers: a runtime that lives, or, by default, this instance.  Error WF018. */
static WfRecovery
read_restorer(const char *by)
{
	WfRecovery	recovery = {.by = by};
	WfRuntimeRow row;

	if (by == NULL)
	{
		recovery.by = wf_runtime_row_mine(wf_instance->epoch);
		recovery.epoch = wf_instance->epoch;
		if (recovery.by == NULL)
			ereport(ERROR,
					(errcode(WF_ERR_RUNTIME),
					 errmsg("this server has not registered itself yet"),
					 errhint("Its background workers do that when the first definition, job or queue is made. Or name a runtime that recovers.")));
		return recovery;
	}
	if (!wf_runtime_row_find(by, &row) || !wf_member_state_lives(row.state))
		ereport(ERROR,
				(errcode(WF_ERR_RUNTIME),
				 errmsg("runtime \"%s\" does not live", wf_quote(by))));
	recovery.epoch = row.epoch;
	return recovery;
}

/* SQL function workflow.recover(runtime, by) of sql/parts/runtime.sql. */
Datum
workflow_recover(PG_FUNCTION_ARGS)
{
	char	   *runtime = wf_arg_string(fcinfo, 0, "runtime");
	char	   *by = wf_arg_string_or_null(fcinfo, 1);
	WfMemberCluster cluster;
	WfRecovery	recovery;

	InitMaterializedSRF(fcinfo, 0);
	wf_api_require_admin("workflow.recover()");
	wf_worker_arg_connect(fcinfo);
	wf_member_load_cluster(&cluster);
	recovery = read_restorer(by);
	recovery.sink = put;
	recovery.arg = fcinfo->resultinfo;
	wf_recovery_of(&recovery, runtime);
	wf_note_object("recover", "runtime", runtime, 0, NULL, wf_note_detail("by", wf_jsonb_string(recovery.by)));
	SPI_finish();
	PG_RETURN_NULL();
}

/* SQL function workflow.service_turn(id, epoch) of sql/parts/runtime.sql. */
Datum
workflow_service_turn(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = {.settings = -1,.files = -1};
	WfMemberAnswer answer;
	WfRecovery	recovery = {.sink = put,.arg = fcinfo->resultinfo};

	beat.id = wf_runtime_arg_id(fcinfo, 0);
	beat.epoch = wf_runtime_arg_epoch(fcinfo, 1);
	beat.asks[WF_TURN_SERVICE] = true;
	InitMaterializedSRF(fcinfo, 0);
	wf_worker_arg_connect(fcinfo);
	wf_member_beat_require(&beat, &answer);
	if (answer.turns[WF_TURN_SERVICE].mine)
	{
		recovery.by = beat.id;
		recovery.epoch = beat.epoch;
		(void) wf_recovery_terminate_silent();
		(void) wf_recovery_turn(&recovery);
	}
	SPI_finish();
	PG_RETURN_NULL();
}

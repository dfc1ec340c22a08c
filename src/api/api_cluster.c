/*-------------------------------------------------------------------------
 *
 * api_cluster.c
 *	  Settings of the cluster, and what its members have said, for the views.
 *
 * Runs in sessions of operators.  set_setting() locks the table of settings; the others
 * lock nothing, and read no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/clock.h"
#include "base/jsonb.h"
#include "cluster/cluster_set.h"
#include "shmem/instance.h"
#include "shmem/member.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_set_setting);
PG_FUNCTION_INFO_V1(workflow_setting_list);
PG_FUNCTION_INFO_V1(workflow_runtime_beats);

/* SQL function workflow.set_setting(name, value) of sql/parts/runtime.sql. */
Datum
workflow_set_setting(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	char	   *value = wf_arg_string_or_null(fcinfo, 1);

	wf_api_require_admin("workflow.set_setting()");
	wf_api_connect_to_write(fcinfo);
	wf_origin_write();
	wf_cluster_set(name, value);
	wf_note_object("set_setting", "setting", name, 0, NULL,
				   value == NULL ? NULL : wf_note_detail("value", wf_jsonb_string(value)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.setting_list(), for the view settings: all that there are. */
Datum
workflow_setting_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < WF_CLUSTER_NSETTINGS; i++)
	{
		const WfClusterSettingInfo *info = &wf_cluster_settings[i];
		bool		boolean = info->unit != NULL && strcmp(info->unit, "bool") == 0;
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(info->name);
		values[2] = CStringGetTextDatum(wf_cluster_setting_text(i, info->initial));
		values[3] = CStringGetTextDatum(info->unit ? info->unit : "");
		nulls[3] = info->unit == NULL;
		values[4] = Int32GetDatum(info->minimum);
		values[5] = Int32GetDatum(info->maximum);
		nulls[4] = nulls[5] = boolean;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* A time of the steady clock; null: 0. */
static void
put_time(Datum *value, bool *null, int64 steady)
{
	*null = steady == 0;
	*value = TimestampTzGetDatum(wf_clock_of_steady(steady));
}

/* This instance, whose processes everybody can see. */
static void
put_instance(ReturnSetInfo *result)
{
	Datum		values[6] = {Int64GetDatum(wf_instance->epoch), TimestampTzGetDatum(wf_clock_now())};
	bool		nulls[6] = {false, wf_instance->launcher_pid == 0, true, true, true, true};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Is the session there still in which a member has said something last? */
static bool
is_connected(const WfMember *member)
{
	const PGPROC *session = BackendPidGetProc(member->heard_in);

	return session != NULL && session->databaseId == MyDatabaseId;
}

/* SQL function workflow.runtime_beats(), for the views runtimes and settings. */
Datum
workflow_runtime_beats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfMember   *members;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	put_instance(result);
	n = wf_member_list(&members);
	for (int i = 0; i < n; i++)
	{
		const WfMember *member = &members[i];
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int64GetDatum(member->row.epoch);
		put_time(&values[1], &nulls[1], member->heard_at);
		put_time(&values[2], &nulls[2], member->turns[WF_TURN_TIMER].next);
		put_time(&values[3], &nulls[3], member->turns[WF_TURN_SERVICE].next);
		values[4] = Int64GetDatum(member->settings);
		nulls[4] = member->settings < 0;
		values[5] = BoolGetDatum(is_connected(member));
		nulls[5] = member->heard_at == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

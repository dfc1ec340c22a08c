/*-------------------------------------------------------------------------
 *
 * api_queue.c
 *	  Queues and named limits: making, changing, pausing and dropping them.
 *
 * Runs in client backends.  Each locks the row of the queue or limit that it changes,
 * and no run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "cluster/member_load.h"
#include "definition/definition_row.h"
#include "definition/named_by.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "job/job.h"
#include "queue/placement.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "queue/queue_row.h"
#include "queue/queue_use.h"
#include "queue/run_permit.h"
#include "run/run_head.h"
#include "run/run_look.h"
#include "run/run_reorder.h"
#include "shmem/placed.h"
#include "store/keep.h"
#include "store/origin.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_create_queue);
PG_FUNCTION_INFO_V1(workflow_alter_queue);
PG_FUNCTION_INFO_V1(workflow_drop_queue);
PG_FUNCTION_INFO_V1(workflow_pause_queue);
PG_FUNCTION_INFO_V1(workflow_resume_queue);
PG_FUNCTION_INFO_V1(workflow_create_limit);
PG_FUNCTION_INFO_V1(workflow_alter_limit);
PG_FUNCTION_INFO_V1(workflow_drop_limit);
PG_FUNCTION_INFO_V1(workflow_may_queue);
PG_FUNCTION_INFO_V1(workflow_queue_state);

/* --- names --------------------------------------------------------------------- */

/* Error 22023 or 22001 for a name that no queue or limit may have. */
static void
check_name(const char *what, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a %s needs a name", what)));
	if (strlen(name) > WF_MAX_JOB_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the name of a %s is too long", what),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(name), WF_MAX_JOB_NAME)));
	if (strchr(name, ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a %s must not contain \":\"", what),
				 strcmp(what, "queue") == 0 ?
				 errhint("\"job:NAME\" is the queue of the job of that name.") : 0));
}

static bool
is_of_job(const char *name)
{
	return strncmp(name, WF_QUEUE_OF_JOB, strlen(WF_QUEUE_OF_JOB)) == 0;
}

/* The queue of a job is made by the job's owner, and has its number. */
static void
identify_of_job(WfQueueRow *row)
{
	const WfJob *job = wf_job_newest(row->name + strlen(WF_QUEUE_OF_JOB));

	wf_job_require(job, "manage");
	row->id = -job->root;
	row->owner = job->owner;
}

/* Whose a new queue is, and its number, 0: the next one. */
static void
identify(WfQueueRow *row)
{
	if (is_of_job(row->name))
	{
		identify_of_job(row);
		return;
	}
	check_name("queue", row->name);
	row->owner = wf_owner_role_enter(GetUserId());
}

pg_noreturn static void
refuse_duplicate(const char *what, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("%s \"%s\" already exists", what, wf_quote(name)),
			 errhint("workflow.alter_%s() changes it.", what)));
}

/* --- making --------------------------------------------------------------------- */

/* The settings in the arguments behind the name. */
static void
read_settings(FunctionCallInfo fcinfo, int n, WfQueueValues *settings)
{
	for (int i = 0; i < n; i++)
	{
		settings->nulls[i] = PG_ARGISNULL(i + 1);
		settings->values[i] = PG_ARGISNULL(i + 1) ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
}

/* A queue that may be placed elsewhere, from now on or once before, is looked for there. */
static void
note_placement(const WfQueueRow *row)
{
	if (!wf_placement_is_plain(DatumGetArrayTypeP(row->settings.values[WF_QUEUE_placement])))
		wf_placed_queue(row->id);
}

/*
 * SQL function workflow.create_queue(...) of sql/parts/queue.sql.  Waits for a
 * transaction that makes one of the same name.
 */
Datum
workflow_create_queue(PG_FUNCTION_ARGS)
{
	WfQueueRow	row = {0};

	row.name = wf_arg_string(fcinfo, 0, "name");
	read_settings(fcinfo, WF_QUEUE_NSETTINGS, &row.settings);
	wf_queue_setting_check(WF_SETTINGS_OF_QUEUE, &row.settings);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_origin_write();
	identify(&row);
	if (!wf_queue_row_insert(&row))
		refuse_duplicate("queue", row.name);
	note_placement(&row);
	wf_run_reorder(row.id);
	wf_queue_use_wake(row.id);
	wf_note_object("create_queue", "queue", row.name, row.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.create_limit(...) of sql/parts/queue.sql.  As create_queue(). */
Datum
workflow_create_limit(PG_FUNCTION_ARGS)
{
	WfQueueRow	row = {0};

	row.name = wf_arg_string(fcinfo, 0, "name");
	check_name("limit", row.name);
	read_settings(fcinfo, WF_LIMIT_NSETTINGS, &row.settings);
	wf_queue_setting_check(WF_SETTINGS_OF_LIMIT, &row.settings);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_origin_write();
	row.owner = wf_owner_role_enter(GetUserId());
	if (!wf_queue_row_insert_limit(&row))
		refuse_duplicate("limit", row.name);
	wf_note_object("create_limit", "limit", row.name, row.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- changing -------------------------------------------------------------------- */

/* Lock a queue that the current user manages.  Errors WF010, WF002. */
static void
hold(const char *name, WfQueueRow *row)
{
	wf_origin_require();
	if (!wf_queue_row_lock(name, row))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("queue \"%s\" does not exist", wf_quote(name)),
				 is_of_job(name) ?
				 errdetail("The job's own queue was not made; runs are in that which the job names.") : 0,
				 errhint("Make it with workflow.create_queue().")));
	wf_queue_right_require(row->id, WF_QUEUE_MANAGE);
}

/* The same for a limit. */
static void
hold_limit(const char *name, WfQueueRow *row)
{
	wf_origin_require();
	if (!wf_queue_row_lock_limit(name, row))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("limit \"%s\" does not exist", wf_quote(name)),
				 errhint("Make it with workflow.create_limit().")));
	wf_queue_right_require_limit(row->name, row->owner, WF_QUEUE_MANAGE);
}

/* SQL function workflow.alter_queue(name, changes) of sql/parts/queue.sql. */
Datum
workflow_alter_queue(PG_FUNCTION_ARGS)
{
	WfQueueRow	row;

	wf_api_connect_to_write(fcinfo);
	hold(wf_arg_string(fcinfo, 0, "name"), &row);
	wf_queue_setting_change(WF_SETTINGS_OF_QUEUE, &row.settings, PG_GETARG_JSONB_P(1));
	wf_queue_row_update(&row);
	note_placement(&row);
	wf_run_reorder(row.id);
	wf_queue_use_wake(row.id);
	wf_note_object("alter_queue", "queue", row.name, row.owner, NULL, PG_GETARG_JSONB_P(1));
	SPI_finish();
	PG_RETURN_VOID();
}

/* Units that can be had of a limit at once. */
static int
most_of(const WfQueueValues *limit)
{
	int			most = PG_INT32_MAX;

	if (!limit->nulls[WF_LIMIT_max])
		most = DatumGetInt32(limit->values[WF_LIMIT_max]);
	if (!limit->nulls[WF_LIMIT_rate])
		most = Min(most, DatumGetInt32(limit->values[WF_LIMIT_rate]));
	return most;
}

/* SQL function workflow.alter_limit(name, changes) of sql/parts/queue.sql. */
Datum
workflow_alter_limit(PG_FUNCTION_ARGS)
{
	WfQueueRow	row;

	wf_api_connect_to_write(fcinfo);
	hold_limit(wf_arg_string(fcinfo, 0, "name"), &row);
	wf_queue_setting_change(WF_SETTINGS_OF_LIMIT, &row.settings, PG_GETARG_JSONB_P(1));
	wf_queue_use_require_units(row.name, most_of(&row.settings));
	wf_queue_row_update_limit(&row);
	wf_queue_use_wake_limit(row.name);
	wf_note_object("alter_limit", "limit", row.name, row.owner, NULL, PG_GETARG_JSONB_P(1));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.pause_queue(name, note) of sql/parts/queue.sql. */
Datum
workflow_pause_queue(PG_FUNCTION_ARGS)
{
	WfQueueRow	row;

	wf_api_connect_to_write(fcinfo);
	hold(wf_arg_string(fcinfo, 0, "name"), &row);
	row.paused = true;
	row.note = wf_arg_string_or_null(fcinfo, 1);
	if (row.note != NULL)
		wf_arg_check_length("note is too long", strlen(row.note));
	wf_queue_row_update(&row);
	wf_note_object("pause_queue", "queue", row.name, row.owner, row.note, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.resume_queue(name) of sql/parts/queue.sql. */
Datum
workflow_resume_queue(PG_FUNCTION_ARGS)
{
	WfQueueRow	row;

	wf_api_connect_to_write(fcinfo);
	hold(wf_arg_string(fcinfo, 0, "name"), &row);
	row.paused = false;
	row.note = NULL;
	wf_queue_row_update(&row);
	wf_queue_use_wake(row.id);
	wf_note_object("resume_queue", "queue", row.name, row.owner, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- dropping --------------------------------------------------------------------- */

/*
 * SQL function workflow.drop_queue(name) of sql/parts/queue.sql.  Locks its name, and waits
 * for transactions that have put runs into it.
 */
Datum
workflow_drop_queue(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");
	WfQueueRow	row;

	wf_api_connect_to_write(fcinfo);
	wf_definition_row_lock_name(wf_privilege_object(WF_PRIVILEGE_QUEUE, name));
	hold(name, &row);
	wf_queue_lock_for_drop(row.id);
	if (wf_queue_use_has_runs(row.id))
		ereport(ERROR,
				(errcode(WF_ERR_IN_USE),
				 errmsg("queue \"%s\" has runs", wf_quote(row.name)),
				 errhint("Let them end, or cancel them.")));
	wf_queue_row_delete(row.id);
	wf_privilege_drop_on(WF_PRIVILEGE_QUEUE, row.name);
	wf_keep_drop(WF_KEEP_QUEUE, row.name);
	wf_note_object("drop_queue", "queue", row.name, row.owner, NULL, NULL);
	wf_named_by_warn_of_queue(row.name, row.id);
	(void) wf_owner_role_release(row.owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.drop_limit(name) of sql/parts/queue.sql. */
Datum
workflow_drop_limit(PG_FUNCTION_ARGS)
{
	WfQueueRow	row;

	wf_api_connect_to_write(fcinfo);
	hold_limit(wf_arg_string(fcinfo, 0, "name"), &row);
	if (wf_queue_use_limit_is_used(row.name))
		ereport(ERROR,
				(errcode(WF_ERR_IN_USE),
				 errmsg("limit \"%s\" is in use", wf_quote(row.name)),
				 errhint("Make versions of its jobs that do not name it, and let their runs end.")));
	wf_queue_row_delete_limit(row.id);
	wf_privilege_drop_on(WF_PRIVILEGE_LIMIT, row.name);
	wf_note_object("drop_limit", "limit", row.name, row.owner, NULL, NULL);
	(void) wf_owner_role_release(row.owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- asking ------------------------------------------------------------------------ */

static Datum
look_may(PG_FUNCTION_ARGS)
{
	char	   *privilege = wf_arg_string(fcinfo, 1, "privilege");
	bool		may;

	if (!wf_privilege_is_known(WF_PRIVILEGE_QUEUE, privilege))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", wf_quote(privilege)),
				 errhint("Privileges on queues are use, claim, read and manage.")));
	wf_api_connect_to_look();
	may = wf_queue_right_may(GetUserId(), PG_GETARG_INT32(0), privilege);
	SPI_finish();
	PG_RETURN_BOOL(may);
}

/*
 * SQL function workflow.may_queue(queue, privilege) of sql/parts/queue.sql.  Locks
 * nothing.
 */
Datum
workflow_may_queue(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_may, fcinfo);
}

/* May the current user look at this run? */
static bool
sees(const WfRunRow *row)
{
	return wf_job_may(wf_job(wf_run_row_job(row)), "read") ||
		DatumGetObjectId(row->values[WF_RUN_starter]) == GetUserId();
}

static Datum
look_state(PG_FUNCTION_ARGS)
{
	int32		queue = PG_GETARG_INT32(0);
	int64		taken = -1;
	const char *waits_for = NULL;
	bool		seen = false;
	pg_uuid_t	head;
	WfRunRow	row;
	Datum		values[3] = {0};
	bool		nulls[3];

	wf_api_connect_to_look();
	wf_member_load_if_changed();
	if (wf_queue_right_may(GetUserId(), queue, WF_QUEUE_READ))
	{
		taken = wf_run_permit_taken(queue);
		if (wf_run_head(queue, &row) && wf_tenant_sees(wf_run_row_tenant(&row)))
		{
			waits_for = wf_run_look_waits_for(&row);
			seen = sees(&row);
			head = *wf_run_row_id(&row);
		}
	}
	SPI_finish();
	values[0] = Int64GetDatum(taken);
	nulls[0] = taken < 0;
	values[1] = UUIDPGetDatum(&head);
	nulls[1] = !seen;
	values[2] = waits_for == NULL ? (Datum) 0 : CStringGetTextDatum(waits_for);
	nulls[2] = waits_for == NULL;
	return wf_result_row(fcinfo, values, nulls);
}

/* SQL function workflow.queue_state(queue) of sql/parts/queue.sql.  Locks nothing. */
Datum
workflow_queue_state(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_state, fcinfo);
}

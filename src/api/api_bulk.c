/*-------------------------------------------------------------------------
 *
 * api_bulk.c
 *	  Bulk operations: asking for one, pausing, ending it, waiting for it.
 *
 * Runs in client backends.  Whatever changes an operation locks its row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "api/waiting.h"
#include "api/worker_arg.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_json.h"
#include "bulk/bulk_make.h"
#include "bulk/bulk_slice.h"
#include "bulk/bulk_state.h"
#include "definition/owner_role.h"
#include "store/origin.h"
#include "store/tenant.h"
#include "work/bulk_batch.h"

PG_FUNCTION_INFO_V1(workflow_bulk);
PG_FUNCTION_INFO_V1(workflow_pause_bulk);
PG_FUNCTION_INFO_V1(workflow_resume_bulk);
PG_FUNCTION_INFO_V1(workflow_cancel_bulk);
PG_FUNCTION_INFO_V1(workflow_await_bulk);
PG_FUNCTION_INFO_V1(workflow_work_bulks);

/* Of what may be data of processes or runs it is only noted that it was given. */
static Jsonb *
without_data(Jsonb *object)
{
	static const char *const keys[] = {"attributes", "data", "patch", "params"};

	for (int i = 0; i < (int) lengthof(keys); i++)
	{
		JsonbValue	value;

		if (wf_bulk_json_member(object, keys[i], true, &value))
			object = wf_jsonb_merge(object, wf_note_detail(keys[i], wf_jsonb_string("...")));
	}
	return object;
}

/* The filter that is noted; ids only by their number. */
static Jsonb *
filter_noted(const WfBulk *bulk)
{
	Jsonb	   *filter = without_data(bulk->filter);

	if (bulk->total < 0)
		return filter;
	return wf_jsonb_merge(filter, wf_note_detail("ids", wf_note_number(bulk->total)));
}

/* What was asked for. */
static Jsonb *
asked_for(const WfBulk *bulk)
{
	static const char *const keys[] = {"act", "filter", "changes"};
	Jsonb	   *values[] = {
		wf_jsonb_string(wf_bulk_act_name(bulk->act)), filter_noted(bulk), without_data(bulk->changes)
	};

	return wf_jsonb_object(lengthof(keys), (const char **) keys, values);
}

/*
 * SQL function workflow.bulk(...) of sql/parts/bulk.sql.  Locks nothing.
 */
Datum
workflow_bulk(PG_FUNCTION_ARGS)
{
	char	   *act = wf_arg_string(fcinfo, 0, "act");
	WfBulk		bulk = {0};
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	wf_worker_arg_require(fcinfo, 1, "filter");
	bulk.filter = PG_GETARG_JSONB_P(1);
	bulk.changes = wf_arg_jsonb_or_null(fcinfo, 2);
	bulk.actor = PG_ARGISNULL(3) ? NULL : wf_arg_actor(fcinfo, 3);
	bulk.note = wf_arg_string_or_null(fcinfo, 4);
	bulk.keep_all = wf_arg_bool(fcinfo, 5, "keep_all");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_bulk_make(act, &bulk);
	if (bulk.act == WF_BULK_SEND)
		wf_arg_check_event(wf_bulk_json_string(bulk.changes, "event"));
	*id = bulk.id;
	wf_note_object("bulk", "bulk", wf_uuid_text(id), bulk.owner, bulk.note, asked_for(&bulk));
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/* --- those that are there ------------------------------------------------------------ */

static bool
is_admin(void)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	return OidIsValid(admin) && has_privs_of_role(GetUserId(), admin);
}

/*
 * Error WF002 unless the current user has the rights of the role that has asked for it, or is
 * an administrator.
 */
static void
require(const WfBulk *bulk)
{
	Oid			role = wf_owner_role_of(bulk->owner);

	if (!is_admin() && !(OidIsValid(role) && has_privs_of_role(GetUserId(), role)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied for bulk operation %s", wf_uuid_text(&bulk->id)),
				 errdetail("It belongs to who has asked for it, and to members of workflow_admin.")));
}

/* Does it exist for the tenant for whom the session works, if it does for one? */
static bool
is_seen(const WfBulk *bulk)
{
	return wf_tenant_sees(bulk->tenant == NULL ? (Datum) 0 : CStringGetTextDatum(bulk->tenant));
}

pg_noreturn static void
refuse_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("bulk operation %s does not exist", wf_uuid_text(id))));
}

/* Lock the operation that argument 0 names, for a change.  Errors 22004, WF010, WF002. */
static void
hold(FunctionCallInfo fcinfo, WfBulk *bulk)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "bulk");

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (!wf_bulk_row_find(id, bulk) || !is_seen(bulk))
		refuse_missing(id);
	require(bulk);				/* who may not have it keeps nobody waiting */
	wf_bulk_slice_refuse_inside(id);
	if (!wf_bulk_row_lock(id, bulk))
		refuse_missing(id);
	require(bulk);
}

/* Write a change, if it is one. */
static Datum
end_change(const char *what, const WfBulk *bulk, const char *note, bool changed)
{
	if (changed)
	{
		wf_bulk_row_update(bulk);
		wf_note_object(what, "bulk", wf_uuid_text(&bulk->id), bulk->owner, note, NULL);
	}
	SPI_finish();
	return BoolGetDatum(changed);
}

/* SQL function workflow.pause_bulk(bulk, note) of sql/parts/bulk.sql. */
Datum
workflow_pause_bulk(PG_FUNCTION_ARGS)
{
	char	   *note = wf_arg_string_or_null(fcinfo, 1);
	WfBulk		bulk;

	hold(fcinfo, &bulk);
	return end_change("pause_bulk", &bulk, note, wf_bulk_state_pause(&bulk, note));
}

/* SQL function workflow.resume_bulk(bulk) of sql/parts/bulk.sql. */
Datum
workflow_resume_bulk(PG_FUNCTION_ARGS)
{
	WfBulk		bulk;

	hold(fcinfo, &bulk);
	return end_change("resume_bulk", &bulk, NULL, wf_bulk_state_resume(&bulk));
}

/* SQL function workflow.cancel_bulk(bulk, note) of sql/parts/bulk.sql. */
Datum
workflow_cancel_bulk(PG_FUNCTION_ARGS)
{
	char	   *note = wf_arg_string_or_null(fcinfo, 1);
	WfBulk		bulk;

	hold(fcinfo, &bulk);
	return end_change("cancel_bulk", &bulk, note, wf_bulk_state_cancel(&bulk, note));
}

/* --- waiting ------------------------------------------------------------------------ */

/* What is waited for, and how it stands. */
typedef struct Wanted
{
	pg_uuid_t	id;
	WfBulkState state;
} Wanted;

static bool
look(void *arg, TimestampTz *next)
{
	Wanted	   *wanted = arg;
	WfBulk		bulk;

	if (!wf_bulk_row_find(&wanted->id, &bulk) || !is_seen(&bulk))
		refuse_missing(&wanted->id);
	require(&bulk);
	wanted->state = bulk.state;
	return bulk.state != WF_BULK_WAITING && bulk.state != WF_BULK_RUNNING;
}

/*
 * SQL procedure workflow.await_bulk(bulk, timeout, state) of sql/parts/bulk.sql.  Locks
 * nothing, and needs to be called outside of a transaction block.
 */
Datum
workflow_await_bulk(PG_FUNCTION_ARGS)
{
	Wanted	   *wanted = MemoryContextAllocZero(PortalContext, sizeof(Wanted));
	Datum		value;

	wf_waiting_require(fcinfo);
	wanted->id = *wf_arg_uuid(fcinfo, 0, "bulk");
	if (!wf_waiting(look, wanted, wf_waiting_until(fcinfo, 1), WaitEventExtensionNew("WorkflowAwaitBulk")))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the bulk operation did not end before the timeout")));
	value = CStringGetTextDatum(wf_bulk_row_state_name(wanted->state));
	return wf_result_row(fcinfo, &value, NULL);
}

/* --- by hand ------------------------------------------------------------------------ */

/*
 * SQL function workflow.work_bulks(max) of sql/parts/bulk.sql.  Locks an operation and what it
 * is done to, skipping what is locked, until the end of the transaction.
 */
Datum
workflow_work_bulks(PG_FUNCTION_ARGS)
{
	WfBatch		batch = {.kind = WF_LANE_BULKS,.by_hand = true};
	TimestampTz next;
	int			done = 0;

	wf_worker_arg_require(fcinfo, 0, "max");
	if (PG_GETARG_INT32(0) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be at least 1, not %d", PG_GETARG_INT32(0))));
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("bulk operations cannot be done in transaction isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errhint("Use READ COMMITTED.")));
	wf_bulk_slice_refuse_inside(NULL);
	batch.owner = wf_owner_role_id(GetUserId());
	if (batch.owner != 0)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		(void) wf_bulk_batch(&batch, WF_POSITION(DT_NOBEGIN), wf_clock_now(), 0, PG_GETARG_INT32(0), &next, &done);
		PopActiveSnapshot();
	}
	SPI_finish();
	PG_RETURN_INT32(done);
}

/*-------------------------------------------------------------------------
 *
 * api_runtime.c
 *	  Runtimes register, end, and are looked after by operators.
 *
 * Runs in sessions of application servers and of operators.  Locks the row of the
 * runtime, and runs that it has claimed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "api/runtime_arg.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "cluster/registration.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_register_runtime);
PG_FUNCTION_INFO_V1(workflow_shutdown_runtime);
PG_FUNCTION_INFO_V1(workflow_set_runtime_role);
PG_FUNCTION_INFO_V1(workflow_approve_runtime);
PG_FUNCTION_INFO_V1(workflow_remove_runtime);

/* Bytes of what a runtime says of itself. */
#define INFO_MAX	65536

/* The role of a runtime.  Error 22023. */
static WfMemberRole
read_role(FunctionCallInfo fcinfo, int n)
{
	const char *name = wf_arg_string(fcinfo, n, "role");
	WfMemberRole role;

	if (!wf_runtime_row_read_role(name, &role))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid role \"%s\"", wf_quote(name)),
				 errdetail("A runtime has the role both, interface or engine.")));
	return role;
}

/* The kind of a runtime that registers.  Error 22023. */
static WfRuntimeKind
read_kind(FunctionCallInfo fcinfo, int n)
{
	const char *name = wf_arg_string(fcinfo, n, "kind");
	WfRuntimeKind kind;

	if (!wf_runtime_row_read_kind(name, &kind) || kind == WF_RUNTIME_LOCAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of runtime \"%s\"", wf_quote(name)),
				 errdetail("What registers is an application, or a remote server or a standby. The server that holds the database registers itself.")));
	return kind;
}

static char *
read_fingerprint(FunctionCallInfo fcinfo, int n)
{
	char	   *fingerprint = wf_arg_string_or_null(fcinfo, n);

	if (fingerprint != NULL)
		wf_arg_check_length("the fingerprint of a runtime is too long", strlen(fingerprint));
	return fingerprint;
}

/* What it says of itself: for people, who do not read a book. */
static Jsonb *
read_info(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *info = wf_arg_jsonb_or_null(fcinfo, n);

	if (info != NULL && VARSIZE(info) > INFO_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the info of a runtime is too long"),
				 errdetail("It has %d bytes, of %d that are allowed.", (int) VARSIZE(info), INFO_MAX)));
	return info;
}

/* Where the client of this session is; NULL: on this host. */
static const char *
address(void)
{
	LOCAL_FCINFO(call, 0);
	Datum		value;

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	value = inet_client_addr(call);
	return call->isnull ? NULL : DatumGetCString(DirectFunctionCall1(inet_out, value));
}

/* The row of the result. */
static Datum
result_of(FunctionCallInfo fcinfo, const WfRegistrationAnswer *answer)
{
	TupleDesc	desc;
	char	   *values[3] = {NULL};

	desc = wf_result_type(fcinfo);
	if (answer->epoch != 0)
		values[0] = psprintf(INT64_FORMAT, answer->epoch);
	values[1] = pstrdup(wf_runtime_row_state_name(answer->state));
	values[2] = psprintf(INT64_FORMAT " microseconds", answer->wait);
	return HeapTupleGetDatum(BuildTupleFromCStrings(TupleDescGetAttInMetadata(desc), values));
}

/*
 * SQL function workflow.register_runtime(...) of sql/parts/runtime.sql.  Locks the row of
 * the runtime, and then what it had claimed before.
 */
Datum
workflow_register_runtime(PG_FUNCTION_ARGS)
{
	WfRegistrationAsk ask = {.id = wf_runtime_arg_id(fcinfo, 0)};
	WfRegistrationAnswer answer;

	ask.kind = read_kind(fcinfo, 1);
	ask.role = read_role(fcinfo, 2);
	ask.fingerprint = read_fingerprint(fcinfo, 3);
	ask.info = read_info(fcinfo, 4);
	ask.address = address();
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	answer = wf_registration_ask(&ask);
	SPI_finish();
	return result_of(fcinfo, &answer);
}

/* SQL function workflow.shutdown_runtime(id, epoch).  Locks as the one above. */
Datum
workflow_shutdown_runtime(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);
	int64		epoch = wf_runtime_arg_epoch(fcinfo, 1);

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_registration_end(id, epoch);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.set_runtime_role(id, role).  Locks the row of the runtime. */
Datum
workflow_set_runtime_role(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);
	WfMemberRole role = read_role(fcinfo, 1);

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_registration_role(id, role);
	wf_note_object("set_runtime_role", "runtime", id, 0, NULL,
				   wf_note_detail("role", wf_jsonb_string(wf_runtime_row_role_name(role))));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.approve_runtime(id).  Locks the row of the runtime. */
Datum
workflow_approve_runtime(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);

	wf_api_require_admin("workflow.approve_runtime()");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_registration_approve(id);
	wf_note_object("approve_runtime", "runtime", id, 0, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.remove_runtime(id).  Locks the row of the runtime. */
Datum
workflow_remove_runtime(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);

	wf_api_require_admin("workflow.remove_runtime()");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_registration_remove(id);
	wf_note_object("remove_runtime", "runtime", id, 0, NULL, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

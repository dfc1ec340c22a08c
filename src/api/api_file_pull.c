/*-------------------------------------------------------------------------
 *
 * api_file_pull.c
 *	  Runtimes take files over: workflow.pull_files() and its kin.
 *
 * Runs in the sessions of runtimes.  Locks how far the runtime is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/xid8.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/runtime_arg.h"
#include "file/file_pull.h"

PG_FUNCTION_INFO_V1(workflow_pull_files);
PG_FUNCTION_INFO_V1(workflow_confirm_files);
PG_FUNCTION_INFO_V1(workflow_forget_files);
PG_FUNCTION_INFO_V1(workflow_file_position);

/* So many at a time. */
#define MANY	10000

/* The first two arguments. */
static WfMemberBeat
read_beat(FunctionCallInfo fcinfo)
{
	WfMemberBeat beat = {.settings = -1,.files = -1};

	beat.id = wf_runtime_arg_named(fcinfo, 0, "runtime");
	beat.epoch = wf_runtime_arg_epoch(fcinfo, 1);
	return beat;
}

/* Error 22004 for an argument that is null. */
static void
require_arg(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* A row of the result of pull_files(). */
static void
put(void *arg, const WfFileRow *row, bytea *content)
{
	ReturnSetInfo *result = arg;
	bytea	   *sha256 = palloc(VARHDRSZ + sizeof(row->sha256));
	Datum		values[8] = {
		Int64GetDatum(row->request), CStringGetTextDatum(row->path), Int64GetDatum(row->version),
		PointerGetDatum(sha256), Int64GetDatum(row->size), BoolGetDatum(row->deleted),
		PointerGetDatum(content)
	};
	bool		nulls[8] = {false, false, false, row->deleted, row->deleted, false, content == NULL, row->mode == NULL};

	SET_VARSIZE(sha256, VARHDRSZ + sizeof(row->sha256));
	memcpy(VARDATA(sha256), row->sha256, sizeof(row->sha256));
	if (row->mode != NULL)
		values[7] = CStringGetTextDatum(row->mode);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL function workflow.pull_files(runtime, epoch, n, with_content) of sql/parts/file.sql. */
Datum
workflow_pull_files(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo);
	int			n;

	require_arg(fcinfo, 2, "n");
	require_arg(fcinfo, 3, "with_content");
	n = PG_GETARG_INT32(2);
	if (n < 1 || n > MANY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d, not %d", MANY, n)));
	InitMaterializedSRF(fcinfo, 0);
	wf_api_connect_to_write(fcinfo);
	wf_file_pull(&beat, n, PG_GETARG_BOOL(3), put, fcinfo->resultinfo);
	SPI_finish();
	PG_RETURN_NULL();
}

/* How many elements an array has.  Error 22004 for one that is null. */
static int
count_requests(ArrayType *requests)
{
	if (array_contains_nulls(requests))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an element of \"%s\" is null", "requests")));
	return ArrayGetNItems(ARR_NDIM(requests), ARR_DIMS(requests));
}

/* As many nulls. */
static ArrayType *
no_errors(int n)
{
	Datum	   *values = palloc0(sizeof(Datum) * (n + 1));
	bool	   *nulls = palloc(sizeof(bool) * (n + 1));
	int			dims[1] = {n};
	int			lower_bounds[1] = {1};

	memset(nulls, true, sizeof(bool) * (n + 1));
	return construct_md_array(values, nulls, 1, dims, lower_bounds, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Argument 3, or nulls.  Error 2202E for more or fewer than requests. */
static ArrayType *
read_errors(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *errors;

	if (PG_ARGISNULL(3))
		return no_errors(n);
	errors = PG_GETARG_ARRAYTYPE_P(3);
	if (ArrayGetNItems(ARR_NDIM(errors), ARR_DIMS(errors)) != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("\"errors\" must have as many elements as \"requests\""),
				 errhint("Null for each file that the runtime has.")));
	return errors;
}

/* SQL function workflow.confirm_files(runtime, epoch, requests, errors) of sql/parts/file.sql. */
Datum
workflow_confirm_files(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo);
	ArrayType  *requests;
	ArrayType  *errors;
	int			left;

	require_arg(fcinfo, 2, "requests");
	requests = PG_GETARG_ARRAYTYPE_P(2);
	errors = read_errors(fcinfo, count_requests(requests));
	wf_api_connect_to_write(fcinfo);
	left = wf_file_pull_confirm(&beat, requests, errors);
	SPI_finish();
	PG_RETURN_INT32(left);
}

/* SQL function workflow.forget_files(runtime, epoch) of sql/parts/file.sql. */
Datum
workflow_forget_files(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo);

	wf_api_connect_to_write(fcinfo);
	wf_file_pull_begin_anew(&beat);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.file_position(runtime, epoch, xid, request) of sql/parts/file.sql. */
Datum
workflow_file_position(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo);
	bool		given = !PG_ARGISNULL(2);
	FullTransactionId xid = InvalidFullTransactionId;
	int64		request = 0;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (PG_ARGISNULL(3) == given)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"xid\" and \"request\" must both be given, or neither")));
	if (given)
	{
		xid = DatumGetFullTransactionId(PG_GETARG_DATUM(2));
		request = PG_GETARG_INT64(3);
	}
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	wf_api_connect_to_write(fcinfo);
	wf_file_pull_position(&beat, given, &xid, &request);
	SPI_finish();
	values[0] = FullTransactionIdGetDatum(xid);
	values[1] = Int64GetDatum(request);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

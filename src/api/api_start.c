/*-------------------------------------------------------------------------
 *
 * api_start.c
 *	  workflow.start() and start_many(): making processes.
 *
 * Runs in client backends.  Keys are taken first, in their own order, so that
 * calls with the same keys cannot deadlock; new process rows need no lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "process/context.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/key.h"
#include "store/statement.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_start);
PG_FUNCTION_INFO_V1(workflow_start_many);

/* Processes that are in memory at a time. */
#define CHUNK 1000

/* What is the same for all processes of a call. */
typedef struct Start
{
	WfDefinition *definition;
	bool		later;			/* start at `at`, by a timer */
	TimestampTz at;
	const char *actor;
} Start;

/* Error 22001 for a key that is too long for its index. */
static void
check_keys(int n, Datum *keys, bool *nulls)
{
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			wf_arg_check_length("the key of a process is too long", toast_raw_datum_size(keys[i]) - VARHDRSZ);
}

/* Add a new process to a stepper, and start it, or arm the timer that will. */
static void
start_one(WfStepper *stepper, const Start *start, const pg_uuid_t *id,
		  Jsonb *input, const char *key)
{
	Jsonb	   *context;
	WfProcess  *process;

	/* Checked here, since a call for a key that is taken starts nothing. */
	wf_pause_refuse(start->definition);
	context = wf_context_initial(start->definition, input, start->actor, key);
	process = wf_stepper_add_new(stepper, start->definition, id, context, key);

	if (start->later)
	{
		WfTimerRow	timer = {.process = *id,.due = start->at,
		.event = WF_START_EVENT,.actor = start->actor,.data = input};

		wf_changes_arm(wf_stepper_changes(stepper), &timer,
					   start->definition->owner, false, false);
	}
	else
		wf_step_start(stepper, process, input, start->actor);
}

/* Start n processes and fill in their ids; those of keys that are taken, too. */
static void
start_chunk(const Start *start, int n, Datum *inputs, bool *input_nulls,
			Datum *keys, bool *key_nulls, pg_uuid_t *ids)
{
	WfStepper  *stepper;
	bool	   *is_new = palloc(sizeof(bool) * n);

	memset(is_new, true, sizeof(bool) * n);
	for (int i = 0; i < n; i++)
		wf_uuid_make(&ids[i]);
	if (keys != NULL)
	{
		check_keys(n, keys, key_nulls);
		wf_key_take(start->definition->name, n, keys, key_nulls, ids, is_new);
	}

	stepper = wf_stepper_new(0);
	for (int i = 0; i < n; i++)
		if (is_new[i])
			start_one(stepper, start, &ids[i],
					  input_nulls[i] ? NULL : DatumGetJsonbP(inputs[i]),
					  keys == NULL || key_nulls[i] ? NULL : TextDatumGetCString(keys[i]));
	wf_step_write(stepper);
	wf_stepper_end(stepper);
}

/*
 * Read the arguments that both functions share: 0 (definition), 3 (version), 4
 * (at) and 5 (actor), and check privileges.  SPI must be connected.
 */
static void
read_start(FunctionCallInfo fcinfo, Start *start)
{
	int32		version = wf_arg_version(fcinfo, 3);

	start->definition = wf_definition_by_name(wf_arg_string(fcinfo, 0, "definition"),
											  version);
	wf_privilege_require(start->definition, "start");
	wf_arg_check_actor(fcinfo, 5, start->definition);
	wf_definition_keep(start->definition);
	start->later = !PG_ARGISNULL(4);
	start->at = start->later ? PG_GETARG_TIMESTAMPTZ(4) : 0;
	if (start->later && TIMESTAMP_NOT_FINITE(start->at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a process cannot start at an infinite time")));
}

/*
 * SQL function workflow.start(...) of sql/parts/process.sql.  Takes the key,
 * for which it waits if another transaction is taking it.
 */
Datum
workflow_start(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		input = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);
	Datum		key = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	bool		no_input = PG_ARGISNULL(1);
	bool		no_key = PG_ARGISNULL(2);
	Start		start = {.actor = wf_arg_actor(fcinfo, 5)};

	wf_api_connect_to_write(fcinfo);
	read_start(fcinfo, &start);
	start_chunk(&start, 1, &input, &no_input, no_key ? NULL : &key, &no_key, id);
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/*
 * SQL function workflow.start_many(...) of sql/parts/process.sql.  Takes the
 * keys in their own order, a chunk of processes at a time.
 */
Datum
workflow_start_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum	   *inputs;
	bool	   *input_nulls;
	Datum	   *keys = NULL;
	bool	   *key_nulls = NULL;
	int			n;
	int			nkeys;
	pg_uuid_t  *ids;
	Start		start = {.actor = wf_arg_actor(fcinfo, 5)};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"inputs\" must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), JSONBOID, -1, false, TYPALIGN_INT,
					  &inputs, &input_nulls, &n);
	if (!PG_ARGISNULL(2))
	{
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT,
						  &keys, &key_nulls, &nkeys);
		if (nkeys != n)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("arguments \"inputs\" and \"keys\" must have the same number of elements"),
					 errdetail("They have %d and %d.", n, nkeys)));
	}

	ids = palloc(sizeof(pg_uuid_t) * (n + 1));
	wf_api_connect_to_write(fcinfo);
	read_start(fcinfo, &start);
	SPI_finish();
	for (int from = 0; from < n; from += CHUNK)
	{
		/* Disconnecting frees the memory of the chunk. */
		wf_statement_connect();
		start_chunk(&start, Min(CHUNK, n - from), inputs + from, input_nulls + from,
					keys ? keys + from : NULL, keys ? key_nulls + from : NULL,
					ids + from);
		SPI_finish();
	}
	for (int i = 0; i < n; i++)
	{
		Datum		value = UUIDPGetDatum(&ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

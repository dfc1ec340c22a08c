/*-------------------------------------------------------------------------
 *
 * api_start.c
 *	  workflow.start(), start_or_get() and start_many(): making processes.
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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/api_start.h"
#include "api/arg.h"
#include "api/result.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "process/start.h"
#include "store/statement.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_start);
PG_FUNCTION_INFO_V1(workflow_start_or_get);
PG_FUNCTION_INFO_V1(workflow_start_many);

/* Processes that are in memory at a time. */
#define CHUNK 1000

/* The number of the argument on_key, which versions before 0.3.0 do not have. */
#define ON_KEY 6

/* Errors as of wf_arg_check_key().  SQL of versions before 0.3.0 takes an empty key. */
static void
check_keys(FunctionCallInfo fcinfo, const WfStartMany *many)
{
	for (int i = 0; many->keys != NULL && i < many->n; i++)
	{
		if (!many->key_nulls[i])
			wf_arg_check_key(toast_raw_datum_size(many->keys[i]) - VARHDRSZ,
							 PG_NARGS() <= ON_KEY);
	}
}

/*
 * Make the ids of all processes, which carry the slots of their keys; with SQL of
 * versions before 0.3.0 they sort by time alone.
 */
static void
make_ids(FunctionCallInfo fcinfo, WfStartMany *many)
{
	bool		older = PG_NARGS() <= ON_KEY;

	many->ids = palloc(sizeof(pg_uuid_t) * (many->n + 1));
	many->created = palloc(sizeof(bool) * (many->n + 1));
	for (int i = 0; i < many->n; i++)
	{
		text	   *key = many->keys == NULL || many->key_nulls[i] ? NULL : DatumGetTextPP(many->keys[i]);

		many->created[i] = true;
		wf_uuid_make(&many->ids[i], older ? WF_UUID_NO_SLOT : key == NULL ? WF_UUID_ANY_SLOT :
					 wf_uuid_slot_of_key(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)));
	}
}

/* The number of the argument tenant, which versions before 0.3.0 do not have. */
#define TENANT	7

/* Read the argument on_key.  Error 22023 if it has no meaning, 22004 if it is null. */
static void
read_policy(FunctionCallInfo fcinfo, WfStart *start)
{
	char	   *policy;

	if (PG_NARGS() <= ON_KEY)
		return;
	start->looks_for_early = true;
	policy = wf_arg_string(fcinfo, ON_KEY, "on_key");
	start->refuse = strcmp(policy, "refuse") == 0;
	start->renew = strcmp(policy, "active") == 0;
	if (!start->refuse && !start->renew && strcmp(policy, "existing") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown value \"%s\" of argument \"on_key\"", wf_quote(policy)),
				 errhint("A key that is taken can be \"existing\", \"refuse\" or \"active\".")));
}

/*
 * Read the arguments that all functions share: 0 (definition), 3 (version), 4
 * (at), 5 (actor) and 6 (on_key), and check privileges.  SPI must be connected.
 */
static void
read_start(FunctionCallInfo fcinfo, WfStart *start)
{
	int32		version = wf_arg_version(fcinfo, 3);

	read_policy(fcinfo, start);
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
 * Find the process of a definition with this key, or start one with this input, for a
 * command that is to be sent to it.  *id becomes that of the process.  Waits for
 * transactions that are starting one with the key.  SPI must be connected.
 */
void
wf_api_start_keyed(const char *name, const char *key, Jsonb *input, const WfCommand *cmd,
				   pg_uuid_t *id)
{
	WfStart		start = {.actor = cmd->actor,.looks_for_early = true,.trace = cmd->trace};

	wf_arg_check_key(strlen(key), false);
	start.definition = wf_definition_by_name(name, 0);
	wf_privilege_require(start.definition, "start");
	if (cmd->claimed)
		wf_privilege_require_actor(start.definition, cmd->actor);
	wf_definition_keep(start.definition);
	(void) wf_start_one(&start, key, input, id);
}

/* The whole of start() and start_or_get().  Returns the id. */
static pg_uuid_t *
start_alone(FunctionCallInfo fcinfo, bool *created)
{
	static const int first = 0;
	Datum		input = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);
	Datum		key = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	bool		no_input = PG_ARGISNULL(1);
	bool		no_key = PG_ARGISNULL(2);
	WfStart		start = {.actor = wf_arg_actor(fcinfo, 5),.trace = wf_arg_trace(fcinfo, TENANT + 1)};
	WfStartMany many = {.n = 1,.inputs = &input,.input_nulls = &no_input,
	.keys = no_key ? NULL : &key,.key_nulls = &no_key};
	int			level;

	check_keys(fcinfo, &many);
	make_ids(fcinfo, &many);
	wf_api_connect_to_write(fcinfo);
	level = wf_api_for_tenant(fcinfo, TENANT);
	read_start(fcinfo, &start);
	wf_start_many(&start, &many, &first, 1);
	wf_tenant_work_on(level);
	SPI_finish();
	*created = many.created[0];
	return many.ids;
}

/*
 * SQL function workflow.start(...) of sql/parts/process.sql.  Takes the key,
 * for which it waits if another transaction is taking it.
 */
Datum
workflow_start(PG_FUNCTION_ARGS)
{
	bool		created;

	PG_RETURN_UUID_P(start_alone(fcinfo, &created));
}

/*
 * SQL function workflow.start_or_get(...) of sql/parts/process.sql.  As
 * start(), and tells whether the process is new.
 */
Datum
workflow_start_or_get(PG_FUNCTION_ARGS)
{
	bool		created;
	Datum		values[2] = {UUIDPGetDatum(start_alone(fcinfo, &created))};
	bool		nulls[2] = {0};

	values[1] = BoolGetDatum(created);
	PG_RETURN_DATUM(wf_result_row(fcinfo, values, nulls));
}

/* Read the arrays of start_many(). */
static void
read_many(FunctionCallInfo fcinfo, WfStartMany *many)
{
	int			nkeys;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"inputs\" must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), JSONBOID, -1, false, TYPALIGN_INT,
					  &many->inputs, &many->input_nulls, &many->n);
	if (PG_ARGISNULL(2))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT,
					  &many->keys, &many->key_nulls, &nkeys);
	if (nkeys != many->n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arguments \"inputs\" and \"keys\" must have the same number of elements"),
				 errdetail("They have %d and %d.", many->n, nkeys)));
}

/* By key, in the order in which keys are taken; those without one come last. */
static int
compare_keys(const void *a, const void *b, void *arg)
{
	const WfStartMany *many = arg;
	int			i = *(const int *) a;
	int			j = *(const int *) b;
	int			order = many->key_nulls[i] - many->key_nulls[j];

	if (order == 0 && !many->key_nulls[i])
	{
		text	   *left = DatumGetTextPP(many->keys[i]);
		text	   *right = DatumGetTextPP(many->keys[j]);
		int			nleft = VARSIZE_ANY_EXHDR(left);
		int			nright = VARSIZE_ANY_EXHDR(right);

		order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right), Min(nleft, nright));
		if (order == 0)
			order = nleft - nright;
	}
	return order != 0 ? order : i - j;
}

static int
compare_positions(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/*
 * The positions of all processes, chunk by chunk: keys are taken in their order
 * in all chunks together, while the processes of a chunk start in the order in
 * which they were given.
 */
static int *
divide(WfStartMany *many)
{
	int		   *at = palloc(sizeof(int) * (many->n + 1));

	for (int i = 0; i < many->n; i++)
		at[i] = i;
	if (many->keys == NULL || many->n <= CHUNK)
		return at;
	qsort_arg(at, many->n, sizeof(int), compare_keys, many);
	for (int from = 0; from < many->n; from += CHUNK)
		qsort(at + from, Min(CHUNK, many->n - from), sizeof(int), compare_positions);
	return at;
}

/*
 * SQL function workflow.start_many(...) of sql/parts/process.sql.  Takes the
 * keys in their own order, a chunk of processes at a time.
 */
Datum
workflow_start_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfStart		start = {.actor = wf_arg_actor(fcinfo, 5),.trace = wf_arg_trace(fcinfo, TENANT + 1)};
	WfStartMany many = {0};
	int		   *at;
	int			level;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	read_many(fcinfo, &many);
	check_keys(fcinfo, &many);
	make_ids(fcinfo, &many);
	at = divide(&many);
	wf_api_connect_to_write(fcinfo);
	level = wf_api_for_tenant(fcinfo, TENANT);
	read_start(fcinfo, &start);
	SPI_finish();
	for (int from = 0; from < many.n; from += CHUNK)
	{
		/* Disconnecting frees the memory of the chunk. */
		wf_statement_connect();
		wf_start_many(&start, &many, at + from, Min(CHUNK, many.n - from));
		SPI_finish();
	}
	wf_tenant_work_on(level);
	for (int i = 0; i < many.n; i++)
	{
		Datum		value = UUIDPGetDatum(&many.ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

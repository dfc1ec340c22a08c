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
#include "base/errcodes.h"
#include "base/quote.h"
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
#include "store/early.h"
#include "store/key.h"
#include "store/statement.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_start);
PG_FUNCTION_INFO_V1(workflow_start_or_get);
PG_FUNCTION_INFO_V1(workflow_start_many);

/* Processes that are in memory at a time. */
#define CHUNK 1000

/* The number of the argument on_key, which versions before 0.3.0 do not have. */
#define ON_KEY 6

/* What is the same for all processes of a call. */
typedef struct Start
{
	WfDefinition *definition;
	bool		later;			/* start at `at`, by a timer */
	TimestampTz at;
	const char *actor;
	bool		refuse;			/* on_key: a key that is taken, */
	bool		renew;			/* or only one of a process that is not over */
	bool		looks_for_early;	/* the SQL has events that came early */
} Start;

/* The processes of a call, and what becomes of them. */
typedef struct Many
{
	int			n;
	Datum	   *inputs;
	bool	   *input_nulls;
	Datum	   *keys;			/* NULL: no key at all */
	bool	   *key_nulls;
	pg_uuid_t  *ids;
	bool	   *created;
} Many;

/* Errors as of wf_arg_check_key().  SQL of versions before 0.3.0 takes an empty key. */
static void
check_keys(FunctionCallInfo fcinfo, const Many *many)
{
	for (int i = 0; many->keys != NULL && i < many->n; i++)
	{
		if (!many->key_nulls[i])
			wf_arg_check_key(toast_raw_datum_size(many->keys[i]) - VARHDRSZ,
							 PG_NARGS() <= ON_KEY);
	}
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

/* Error WF016: the key of a process that is to be started is taken. */
pg_noreturn static void
refuse_key(const Start *start, Datum key, const pg_uuid_t *holder)
{
	ereport(ERROR,
			(errcode(WF_ERR_KEY_TAKEN),
			 errmsg("a process of \"%s\" has the key \"%s\" already", start->definition->name,
					wf_quote(TextDatumGetCString(key))),
			 errdetail("It is process %s.", wf_uuid_text(holder))));
}

/*
 * Take the keys of the n processes at these positions.  Returns true if events were
 * kept for some of them.
 */
static bool
take_keys(const Start *start, const Many *many, const int *at, int n)
{
	bool		early = false;

	Datum	   *keys = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	bool	   *is_new = palloc(sizeof(bool) * n);

	for (int i = 0; i < n; i++)
	{
		keys[i] = many->keys[at[i]];
		nulls[i] = many->key_nulls[at[i]];
		ids[i] = many->ids[at[i]];
	}
	wf_key_take(start->definition->name, n, keys, nulls, start->renew,
				start->looks_for_early ? &early : NULL, ids, is_new);
	for (int i = 0; i < n; i++)
	{
		if (!is_new[i] && start->refuse)
			refuse_key(start, keys[i], &ids[i]);
		many->ids[at[i]] = ids[i];
		many->created[at[i]] = is_new[i];
	}
	return early;
}

/* The first of the n processes at these positions that is new and has this key. */
static const pg_uuid_t *
find_new(const Many *many, const int *at, int n, const char *key)
{
	size_t		len = strlen(key);

	for (int i = 0; i < n; i++)
	{
		text	   *own;

		if (!many->created[at[i]] || many->key_nulls[at[i]])
			continue;
		own = DatumGetTextPP(many->keys[at[i]]);
		if (VARSIZE_ANY_EXHDR(own) == len && memcmp(VARDATA_ANY(own), key, len) == 0)
			return &many->ids[at[i]];
	}
	return NULL;
}

/* Give new processes what was kept for their keys. */
static void
give_early(WfStepper *stepper, const Start *start, const Many *many, const int *at, int n)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);
	int			nkeys = 0;
	WfEarly    *events;
	int			nevents;

	for (int i = 0; i < n; i++)
		if (many->created[at[i]] && !many->key_nulls[at[i]])
			keys[nkeys++] = many->keys[at[i]];
	nevents = wf_early_take(start->definition->name,
							construct_array(keys, nkeys, TEXTOID, -1, false, TYPALIGN_INT), &events);
	for (int i = 0; i < nevents; i++)
	{
		const pg_uuid_t *process = find_new(many, at, n, events[i].key);

		Assert(process != NULL);
		events[i].timer.process = *process;
		wf_changes_arm(wf_stepper_changes(stepper), &events[i].timer,
					   start->definition->owner, false, false);
	}
}

/* Start the n processes at these positions, as far as their keys are free. */
static void
start_chunk(const Start *start, const Many *many, const int *at, int n)
{
	WfStepper  *stepper;
	bool		early = many->keys != NULL && take_keys(start, many, at, n);

	stepper = wf_stepper_new(0);
	for (int i = 0; i < n; i++)
		if (many->created[at[i]])
			start_one(stepper, start, &many->ids[at[i]],
					  many->input_nulls[at[i]] ? NULL : DatumGetJsonbP(many->inputs[at[i]]),
					  many->keys == NULL || many->key_nulls[at[i]] ? NULL :
					  TextDatumGetCString(many->keys[at[i]]));
	if (unlikely(early))
		give_early(stepper, start, many, at, n);
	wf_step_write(stepper);
	wf_stepper_end(stepper);
}

/*
 * Make the ids of all processes, which carry the slots of their keys; with SQL of
 * versions before 0.3.0 they sort by time alone.
 */
static void
make_ids(FunctionCallInfo fcinfo, Many *many)
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

/* Read the argument on_key.  Error 22023 if it has no meaning, 22004 if it is null. */
static void
read_policy(FunctionCallInfo fcinfo, Start *start)
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
read_start(FunctionCallInfo fcinfo, Start *start)
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
 * Find the process of a definition with this key, or start one with this input.  actor:
 * on whose behalf; claimed: which the caller has named.  *id becomes that of the process.
 * Waits for transactions that are starting one with the key.  SPI must be connected.
 */
void
wf_api_start_keyed(const char *name, const char *key, Jsonb *input, const char *actor,
				   bool claimed, pg_uuid_t *id)
{
	static const int first = 0;
	Datum		input_datum = JsonbPGetDatum(input);
	Datum		key_datum = CStringGetTextDatum(key);
	bool		given = false;
	bool		created = true;
	Start		start = {.actor = actor,.looks_for_early = true};
	Many		many = {.n = 1,.inputs = &input_datum,.input_nulls = &given,.keys = &key_datum,
	.key_nulls = &given,.ids = id,.created = &created};

	wf_arg_check_key(strlen(key), false);
	start.definition = wf_definition_by_name(name, 0);
	wf_privilege_require(start.definition, "start");
	if (claimed)
		wf_privilege_require_actor(start.definition, actor);
	wf_definition_keep(start.definition);
	wf_uuid_make(id, wf_uuid_slot_of_key(key, strlen(key)));
	start_chunk(&start, &many, &first, 1);
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
	Start		start = {.actor = wf_arg_actor(fcinfo, 5)};
	Many		many = {.n = 1,.inputs = &input,.input_nulls = &no_input,
	.keys = no_key ? NULL : &key,.key_nulls = &no_key};

	check_keys(fcinfo, &many);
	make_ids(fcinfo, &many);
	wf_api_connect_to_write(fcinfo);
	read_start(fcinfo, &start);
	start_chunk(&start, &many, &first, 1);
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
	TupleDesc	desc;

	values[1] = BoolGetDatum(created);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Read the arrays of start_many(). */
static void
read_many(FunctionCallInfo fcinfo, Many *many)
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
	const Many *many = arg;
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
divide(Many *many)
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
	Start		start = {.actor = wf_arg_actor(fcinfo, 5)};
	Many		many = {0};
	int		   *at;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	read_many(fcinfo, &many);
	check_keys(fcinfo, &many);
	make_ids(fcinfo, &many);
	at = divide(&many);
	wf_api_connect_to_write(fcinfo);
	read_start(fcinfo, &start);
	SPI_finish();
	for (int from = 0; from < many.n; from += CHUNK)
	{
		/* Disconnecting frees the memory of the chunk. */
		wf_statement_connect();
		start_chunk(&start, &many, at + from, Min(CHUNK, many.n - from));
		SPI_finish();
	}
	for (int i = 0; i < many.n; i++)
	{
		Datum		value = UUIDPGetDatum(&many.ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

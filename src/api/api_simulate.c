/*-------------------------------------------------------------------------
 *
 * api_simulate.c
 *	  workflow.dry_run() and simulate(): what would happen.
 *
 * Runs in client backends, and locks no process; see simulate/.  The scripts of
 * simulate() are read here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/jsonb.h"
#include "definition/define.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "eval/evaluator.h"
#include "process/known.h"
#include "process/process.h"
#include "simulate/simulate.h"
#include "simulate/trace.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_dry_run);
PG_FUNCTION_INFO_V1(workflow_simulate);
PG_FUNCTION_INFO_V1(workflow_simulate_json);

/* --- effects ------------------------------------------------------------ */

/* A list of effects as a jsonb array. */
static Jsonb *
effects_array(List *effects)
{
	Jsonb	  **items = palloc(sizeof(Jsonb *) * (list_length(effects) + 1));
	ListCell   *cell;

	foreach(cell, effects)
		items[foreach_current_index(cell)] = lfirst(cell);
	return wf_jsonb_array(list_length(effects), items);
}

/*
 * All effects of a command, including those of events that the process sent to
 * itself; at the end the error, if it failed.
 */
static Jsonb *
all_effects(const WfSimulation *sim)
{
	List	   *effects = NIL;
	ListCell   *cell;

	foreach(cell, sim->steps)
	{
		WfSimulatedStep *step = lfirst(cell);

		if (foreach_current_index(cell) > 0)
			effects = lappend(effects,
							  wf_trace_effect("received", "event", wf_jsonb_string(step->event),
											  "taken", wf_jsonb_scalar(BoolGetDatum(step->taken), BOOLOID),
											  NULL));
		effects = list_concat(effects, step->effects);
	}
	effects = list_concat(effects, sim->effects);
	if (sim->error != NULL)
		effects = lappend(effects,
						  wf_trace_error(sim->refused ? "refused" : "error", sim->error, DT_NOEND));
	return effects_array(effects);
}

/* --- dry_run ------------------------------------------------------------ */

/* The argument of dry_run(). */
typedef struct DryRun
{
	WfSimulation *sim;
	WfStimulus	stimulus;
} DryRun;

static void
dry_run(void *arg)
{
	DryRun	   *run = arg;

	(void) wf_simulate(run->sim, &run->stimulus);
}

/*
 * SQL function workflow.dry_run(...) of sql/parts/simulate.sql.  Locks no
 * process; the author's code may lock.
 */
Datum
workflow_dry_run(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	DryRun		run = {
		.stimulus = {
			.kind = WF_STIMULUS_COMMAND,
			.event = wf_arg_event(fcinfo, 1),
			.data = wf_arg_jsonb_or_null(fcinfo, 2),
			.actor = wf_arg_actor(fcinfo, 3)
		}
	};
	TupleDesc	desc;
	WfRow		row;
	WfDefinition *definition;
	WfSimulation *sim;
	WfSimulatedStep *step;
	Datum		values[6];
	bool		nulls[6] = {0};
	Datum		result;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	wf_statement_connect();
	wf_api_read(id, &row);
	/* Loaded outside of the simulation, it stays in the cache afterwards. */
	definition = wf_definition(row.definition);
	wf_privilege_require(definition, "send");
	wf_arg_check_actor(fcinfo, 3, definition);
	if (!wf_known_to(definition, run.stimulus.event))
		wf_known_tell(definition->name, run.stimulus.event, true);
	run.sim = sim = wf_simulate_of(definition, &row);
	wf_simulate_forgotten("workflow.dry_run()", dry_run, &run);

	step = sim->error == NULL ? linitial(sim->steps) : NULL;
	values[0] = BoolGetDatum(step != NULL && step->taken);
	values[1] = ObjectIdGetDatum(wf_status_oid(sim->row.status));
	values[2] = sim->row.states;
	values[3] = wf_sensitive_show(definition, sim->row.context, sim->row.context);
	values[4] = wf_sensitive_show(definition, JsonbPGetDatum(all_effects(sim)), sim->row.context);
	/* The SQL function of version 0.1.0 has one column less. */
	values[5] = BoolGetDatum(step != NULL && step->deferred);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

/* --- the rows of a simulation ------------------------------------------- */

#define N_COLUMNS 10

/* A script that is being played. */
typedef struct Play
{
	WfSimulation *sim;
	const WfStimulus *start;
	Jsonb	   *script;			/* a jsonb array */
	ReturnSetInfo *result;
	TimestampTz now;			/* simulated time */
	int			nevents;		/* so far */
	int			max_events;
} Play;

/*
 * Set the simulated time.  SQL that reads workflow.test_clock, which is how an
 * author's tests set it, finds it there; the setting goes with what is forgotten.
 */
static void
set_clock(Play *play, TimestampTz now)
{
	play->now = now;
	(void) wf_clock_simulate(now);
	(void) set_config_option("workflow.test_clock", timestamptz_to_str(now),
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* Columns of a row, from 0. */
#define CONTEXT	7
#define ERROR_COLUMN 9

/* Add a row, without what is hidden from the current user. */
static void
put_row(Play *play, Datum *values, bool *nulls)
{
	const WfDefinition *definition = play->sim->definition;
	Datum		context = nulls[CONTEXT] ? JsonbPGetDatum(wf_jsonb_object(0, NULL, NULL)) : values[CONTEXT];

	for (int i = CONTEXT; i <= ERROR_COLUMN; i++)
		if (!nulls[i])
			values[i] = wf_sensitive_show(definition, values[i], context);
	tuplestore_putvalues(play->result->setResult, play->result->setDesc, values, nulls);
}

/* Add a row for a step. */
static void
put_step(Play *play, const char *kind, const WfSimulatedStep *step)
{
	Datum		values[N_COLUMNS] = {
		TimestampTzGetDatum(play->now), CStringGetTextDatum(step->event),
		CStringGetTextDatum(kind), BoolGetDatum(step->taken), step->from_states,
		step->to_states, ObjectIdGetDatum(wf_status_oid(step->status)),
		JsonbPGetDatum(step->context), JsonbPGetDatum(effects_array(step->effects))
	};
	bool		nulls[N_COLUMNS] = {0};

	nulls[ERROR_COLUMN] = true;
	put_row(play, values, nulls);
}

/* Add a row for an event that failed: the process as it is now, and the error. */
static void
put_error(Play *play, const char *kind, const char *event)
{
	const WfSimulation *sim = play->sim;
	List	   *effects = NIL;
	ListCell   *cell;
	Datum		values[N_COLUMNS] = {
		TimestampTzGetDatum(play->now), CStringGetTextDatum(event),
		CStringGetTextDatum(kind), BoolGetDatum(false), sim->row.states,
		sim->row.states, ObjectIdGetDatum(wf_status_oid(sim->row.status)),
		sim->row.context
	};
	bool		nulls[N_COLUMNS] = {0};

	foreach(cell, sim->steps)
		effects = list_concat(effects, ((WfSimulatedStep *) lfirst(cell))->effects);
	values[8] = JsonbPGetDatum(effects_array(list_concat(effects, sim->effects)));
	values[9] = JsonbPGetDatum(wf_trace_error(NULL, sim->error, sim->again));
	if (!sim->exists)
		nulls[4] = nulls[5] = nulls[6] = nulls[7] = true;
	put_row(play, values, nulls);
}

/* Count an event.  Error 54000 if there are more than max_events. */
static void
count_event(Play *play)
{
	if (++play->nevents > play->max_events)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the simulation did not end after %d events", play->max_events),
				 errhint("A timer that is armed again each time never comes to an end: let some time pass (\"after\") instead of waiting for the end (\"until_idle\"), or raise max_events.")));
}

/* Deliver an event and add its rows to the result.  Returns whether it succeeded. */
static bool
play_event(Play *play, const WfStimulus *stimulus)
{
	static const char *const kinds[] = {
		[WF_STIMULUS_START] = "start",
		[WF_STIMULUS_COMMAND] = "command",
		[WF_STIMULUS_TIMER] = "timer",
		[WF_STIMULUS_REPLY] = "reply"
	};
	WfSimulation *sim = play->sim;
	const char *kind = kinds[stimulus->kind];
	char	   *event = pstrdup(stimulus->event);
	bool		went_well;
	ListCell   *cell;

	count_event(play);
	went_well = wf_simulate(sim, stimulus);
	if (!went_well)
		put_error(play, kind, event);
	else
		foreach(cell, sim->steps)
		{
			if (foreach_current_index(cell) > 0)
				count_event(play);
			put_step(play, foreach_current_index(cell) > 0 ? "self" : kind, lfirst(cell));
		}
	return went_well;
}

/* Deliver the timers that are due up to an instant, each at its due time. */
static void
play_until(Play *play, TimestampTz until)
{
	MemoryContext passing = AllocSetContextCreate(CurrentMemoryContext, "simulated timer",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(passing);
	const WfTimerRow *timer;

	while ((timer = wf_simulate_next(play->sim)) != NULL && timer->due <= until)
	{
		WfStimulus	stimulus = {.kind = WF_STIMULUS_TIMER,.event = timer->event,
		.timer = timer};

		set_clock(play, Max(play->now, timer->due));
		(void) play_event(play, &stimulus);
		MemoryContextReset(passing);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(passing);
	if (until != DT_NOEND)
		set_clock(play, Max(play->now, until));
}

/* --- scripts ------------------------------------------------------------ */

/* An element of a script. */
typedef struct Line
{
	int			number;			/* from 1 */
	JsonbContainer *object;
} Line;

/* Error 22023 with this message, and a hint that may be NULL. */
pg_noreturn static void
wrong_line(const Line *line, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errdetail("The error is in element %d of the script.", line->number),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* A member of an element, or NULL. */
static JsonbValue *
find(const Line *line, const char *key)
{
	return getKeyJsonValueFromContainer(line->object, key, strlen(key), NULL);
}

/* A member of an element as jsonb, or NULL. */
static Jsonb *
find_jsonb(const Line *line, const char *key)
{
	JsonbValue *value = find(line, key);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* A member that must be a string which is not empty; NULL if there is none. */
static char *
find_string(const Line *line, const char *key)
{
	JsonbValue *value = find(line, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString || value->val.string.len == 0)
		wrong_line(line, psprintf("\"%s\" is not a string", key), NULL);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A member that must be a boolean; false if there is none. */
static bool
find_true(const Line *line, const char *key)
{
	JsonbValue *value = find(line, key);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		wrong_line(line, psprintf("\"%s\" is neither true nor false", key), NULL);
	return value->val.boolean;
}

/* Check the keys of an element, and those that exclude each other. */
static void
check_keys(const Line *line)
{
	static const char *const known[] = {"after", "at", "event", "data", "actor",
	"done", "output", "error", "until_idle", "guards"};
	JsonbIterator *it = JsonbIteratorInit(line->object);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool		found = token != WJB_KEY;

		for (int i = 0; i < (int) lengthof(known) && !found; i++)
			found = value.val.string.len == (int) strlen(known[i]) &&
				memcmp(value.val.string.val, known[i], value.val.string.len) == 0;
		if (!found)
			wrong_line(line, psprintf("unknown key \"%.*s\"", value.val.string.len,
									  value.val.string.val),
					   "Keys are after, at, event, data, actor, done, output, error, until_idle and guards.");
	}
	if ((find(line, "event") != NULL) + (find(line, "done") != NULL) +
		(find(line, "error") != NULL) > 1)
		wrong_line(line, "\"event\", \"done\" and \"error\" exclude each other", NULL);
	if (find(line, "after") != NULL && find(line, "at") != NULL)
		wrong_line(line, "\"after\" and \"at\" exclude each other", NULL);
}

/* The instant to which an element of the script moves the clock, at least now. */
static TimestampTz
line_time(const Line *line, TimestampTz now)
{
	JsonbValue *after = find(line, "after");
	char	   *at = find_string(line, "at");
	Datum		then = TimestampTzGetDatum(now);

	if (at != NULL)
		then = DirectFunctionCall3(timestamptz_in, CStringGetDatum(at),
								   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	else if (after != NULL && after->type == jbvNumeric)
	{
		double		ms = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
															NumericGetDatum(after->val.numeric)));

		if (!(ms >= 0 && ms <= 1e14))
			wrong_line(line, "\"after\" is out of range", NULL);
		return now + (TimestampTz) (ms * 1000);
	}
	else if (after != NULL)
	{
		Datum		interval = DirectFunctionCall3(interval_in,
												   CStringGetDatum(find_string(line, "after")),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

		then = DirectFunctionCall2(timestamptz_pl_interval, then, interval);
	}
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(then)))
		wrong_line(line, "the time is not finite", NULL);
	if (DatumGetTimestampTz(then) < now)
		wrong_line(line, "time does not go backwards", NULL);
	return DatumGetTimestampTz(then);
}

/* Deliver the answer of a simulated child, which the script gives. */
static void
play_reply(Play *play, const Line *line, const char *child, bool done,
		   const char *actor)
{
	WfSimulation *sim = play->sim;
	WfStimulus	stimulus = {
		.kind = WF_STIMULUS_REPLY,
		.event = psprintf("%s.invoke.%s", done ? "done" : "error", child),
		.data = find_jsonb(line, done ? "output" : "data"),
		.actor = actor
	};
	ListCell   *cell;

	foreach(cell, sim->children)
		if (strcmp(lfirst(cell), child) == 0)
		{
			sim->children = foreach_delete_current(sim->children, cell);
			(void) play_event(play, &stimulus);
			return;
		}
	wrong_line(line, psprintf("no child \"%s\" is running at %s", child,
							  timestamptz_to_str(play->now)),
			   "An invoke without an id is named after its state: \"STATE.0\".");
}

/* Has the chart a guard that is a function of this name, with or without schema? */
static bool
is_guard(const WfChart *chart, const JsonbValue *name)
{
	char	   *wanted = pnstrdup(name->val.string.val, name->val.string.len);

	for (int i = 0; i < chart->nexprs; i++)
	{
		const WfExpr *expr = chart->exprs[i];
		const char *dot = strrchr(expr->text, '.');

		if (expr->is_function && expr->use == WF_USE_GUARD &&
			(strcmp(expr->text, wanted) == 0 || (dot != NULL && strcmp(dot + 1, wanted) == 0)))
			return true;
	}
	return false;
}

/*
 * The answers that guards give from now on, instead of functions that are called
 * or do not exist yet.
 */
static void
play_guards(Play *play, const Line *line)
{
	const WfDefinition *definition = play->sim->definition;
	Jsonb	   *guards = find_jsonb(line, "guards");
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (guards == NULL)
		return;
	if (definition->id != 0)
		wrong_line(line, "the guards of a definition that is stored are its functions",
				   "Pass the definition as json.");
	if (!JB_ROOT_IS_OBJECT(guards))
		wrong_line(line, "\"guards\" is not an object of booleans by the names of functions", NULL);
	it = JsonbIteratorInit(&guards->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_KEY && !is_guard(definition->chart, &value))
			wrong_line(line, psprintf("no guard is the function \"%.*s\"",
									  value.val.string.len, value.val.string.val), NULL);
		else if (token == WJB_VALUE && value.type != jbvBool)
			wrong_line(line, "the answer of a guard is neither true nor false", NULL);
	wf_evaluator_stub(definition->evaluator, guards);
}

/* Play an element of the script: first the time passes, then the event comes. */
static void
play_line(Play *play, const Line *line)
{
	char	   *event = find_string(line, "event");
	char	   *done = find_string(line, "done");
	char	   *error = find_string(line, "error");
	char	   *actor = find_string(line, "actor");

	check_keys(line);
	play_guards(play, line);
	if (actor != NULL)
		wf_privilege_require_actor(play->sim->definition, actor);
	play_until(play, line_time(line, play->now));
	if (event != NULL)
	{
		WfStimulus	stimulus = {.kind = WF_STIMULUS_COMMAND,.event = event,
			.data = find_jsonb(line, "data"),
			.actor = actor != NULL ? actor : play->start->actor
		};

		wf_arg_check_event(event);
		if (!wf_known_to(play->sim->definition, event))
			wf_known_tell(play->sim->definition->name, event, false);
		(void) play_event(play, &stimulus);
	}
	else if (done != NULL || error != NULL)
		play_reply(play, line, done != NULL ? done : error, done != NULL, actor);

	/* Deliver also what the event has made due at once. */
	play_until(play, find_true(line, "until_idle") ? DT_NOEND : play->now);
}

/* The n-th element of the script, from 0. */
static Line
line_of(const Play *play, int n)
{
	Line		line = {.number = n + 1};
	JsonbValue *value = getIthJsonbValueFromContainer(&play->script->root, n);

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		wrong_line(&line, "an element of a script must be an object", NULL);
	line.object = value->val.binary.data;
	return line;
}

/*
 * Play the script from the start of the process to the end.  The guards of the
 * first element answer at the start, too.
 */
static void
play_script(void *arg)
{
	Play	   *play = arg;
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext passing = AllocSetContextCreate(outer, "line of a script",
												  ALLOCSET_DEFAULT_SIZES);
	int			n = JsonContainerSize(&play->script->root);

	set_clock(play, play->now);
	MemoryContextSwitchTo(passing);
	if (n > 0)
	{
		Line		first = line_of(play, 0);

		play_guards(play, &first);
	}
	if (!play_event(play, play->start))
		return;
	play_until(play, play->now);
	for (int i = 0; i < n; i++)
	{
		Line		line;

		MemoryContextReset(passing);
		line = line_of(play, i);
		play_line(play, &line);
	}
	MemoryContextSwitchTo(outer);
}

/* --- simulate ----------------------------------------------------------- */

/* The script, argument n.  Error 22023 if it is not an array. */
static Jsonb *
arg_script(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *script = wf_arg_jsonb_or_null(fcinfo, n);

	if (script == NULL || !JB_ROOT_IS_ARRAY(script) || JB_ROOT_IS_SCALAR(script))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a script is a JSON array of objects"),
				 errhint("For example: [{\"event\": \"pay\"}, {\"after\": \"1 day\"}]")));
	return script;
}

/*
 * The part that both functions share: read the script, the input (argument 2) and
 * the arguments from start_arg on (start, max_events, actor), and play it.
 */
static void
simulate(FunctionCallInfo fcinfo, WfDefinition *definition, int start_arg)
{
	WfStimulus	start = {.kind = WF_STIMULUS_START,.event = WF_START_EVENT,
		.data = wf_arg_jsonb_or_null(fcinfo, 2),
		.actor = wf_arg_actor(fcinfo, start_arg + 2)
	};
	Play		play = {
		.start = &start,
		.script = arg_script(fcinfo, 1),
		.result = (ReturnSetInfo *) fcinfo->resultinfo,
		.now = PG_ARGISNULL(start_arg) ? wf_clock_now() : PG_GETARG_TIMESTAMPTZ(start_arg),
		.max_events = PG_ARGISNULL(start_arg + 1) ? 10000 : PG_GETARG_INT32(start_arg + 1)
	};

	wf_arg_check_actor(fcinfo, start_arg + 2, definition);
	if (TIMESTAMP_NOT_FINITE(play.now))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a process cannot start at an infinite time")));
	if (play.max_events < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_events must be at least 1, not %d", play.max_events)));
	play.sim = wf_simulate_new(definition);
	wf_simulate_forgotten("workflow.simulate()", play_script, &play);
}

/*
 * SQL function workflow.simulate(definition text, ...) of
 * sql/parts/simulate.sql.  Locks no process; the author's code may lock.
 */
Datum
workflow_simulate(PG_FUNCTION_ARGS)
{
	WfDefinition *definition;

	InitMaterializedSRF(fcinfo, 0);
	wf_statement_connect();
	definition = wf_definition_by_name(wf_arg_string(fcinfo, 0, "definition"),
									   wf_arg_version(fcinfo, 3));
	wf_privilege_require(definition, "start");
	wf_privilege_require(definition, "send");
	simulate(fcinfo, definition, 4);
	SPI_finish();
	return (Datum) 0;
}

/*
 * SQL function workflow.simulate(definition json, ...) of
 * sql/parts/simulate.sql, of a definition that need not be stored.
 */
Datum
workflow_simulate_json(PG_FUNCTION_ARGS)
{
	text	   *source = wf_arg_text(fcinfo, 0, "definition");
	WfDefinition *definition;

	InitMaterializedSRF(fcinfo, 0);
	wf_statement_connect();
	definition = wf_define_unstored(source);
	PG_TRY();
	{
		simulate(fcinfo, definition, 3);
	}
	PG_FINALLY();
	{
		wf_definition_free(definition);
	}
	PG_END_TRY();
	SPI_finish();
	return (Datum) 0;
}

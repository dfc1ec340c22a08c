/*-------------------------------------------------------------------------
 *
 * api_simulate.c
 *	  workflow.dry_run() and simulate(): what would happen.
 *
 * Runs in client backends, and locks no process; see simulate/.
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
#include "api/result.h"
#include "api/script.h"
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

	desc = wf_result_type(fcinfo);

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

/* Deliver the answer of a simulated child, which the script gives. */
static void
play_reply(Play *play, const WfScriptLine *line, const char *child, bool done,
		   const char *actor)
{
	WfSimulation *sim = play->sim;
	WfStimulus	stimulus = {
		.kind = WF_STIMULUS_REPLY,
		.event = psprintf("%s.invoke.%s", done ? "done" : "error", child),
		.data = wf_script_jsonb(line, done ? "output" : "data"),
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
	wf_script_wrong(line, psprintf("no child \"%s\" is running at %s", child,
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
play_guards(Play *play, const WfScriptLine *line)
{
	const WfDefinition *definition = play->sim->definition;
	Jsonb	   *guards = wf_script_jsonb(line, "guards");
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (guards == NULL)
		return;
	if (definition->id != 0)
		wf_script_wrong(line, "the guards of a definition that is stored are its functions",
				   "Pass the definition as json.");
	if (!JB_ROOT_IS_OBJECT(guards))
		wf_script_wrong(line, "\"guards\" is not an object of booleans by the names of functions", NULL);
	it = JsonbIteratorInit(&guards->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_KEY && !is_guard(definition->chart, &value))
			wf_script_wrong(line, psprintf("no guard is the function \"%.*s\"",
									  value.val.string.len, value.val.string.val), NULL);
		else if (token == WJB_VALUE && value.type != jbvBool)
			wf_script_wrong(line, "the answer of a guard is neither true nor false", NULL);
	wf_evaluator_stub(definition->evaluator, guards);
}

/* Play an element of the script: first the time passes, then the event comes. */
static void
play_line(Play *play, const WfScriptLine *line)
{
	char	   *event = wf_script_string(line, "event");
	char	   *done = wf_script_string(line, "done");
	char	   *error = wf_script_string(line, "error");
	char	   *actor = wf_script_string(line, "actor");

	wf_script_check(line);
	play_guards(play, line);
	if (actor != NULL)
		wf_privilege_require_actor(play->sim->definition, actor);
	play_until(play, wf_script_time(line, play->now));
	if (event != NULL)
	{
		WfStimulus	stimulus = {.kind = WF_STIMULUS_COMMAND,.event = event,
			.data = wf_script_jsonb(line, "data"),
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
	play_until(play, wf_script_is(line, "until_idle") ? DT_NOEND : play->now);
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
		WfScriptLine first = wf_script_line(play->script, 0);

		play_guards(play, &first);
	}
	if (!play_event(play, play->start))
		return;
	play_until(play, play->now);
	for (int i = 0; i < n; i++)
	{
		WfScriptLine line;

		MemoryContextReset(passing);
		line = wf_script_line(play->script, i);
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

/*-------------------------------------------------------------------------
 *
 * child_run.c
 *	  Runs of jobs that a state invokes while it is active.
 *
 * Runs in any backend, under the lock on the process row.  A run is thought of when
 * its state is entered: rights, queue and parameters are checked then, so that what is
 * wrong becomes an event.  It is made if the state is active when the macrostep ends,
 * and written with all that the step writes.  Its end comes as an event from
 * run/run_tell.c; what it is when the state is left, run/run_unwanted.c finds out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "eval/eval_delay.h"
#include "interpreter/machine.h"
#include "job/job.h"
#include "parameter/parameters.h"
#include "process/call.h"
#include "process/child_input.h"
#include "process/child_run.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "run/run_make.h"
#include "run/run_rules.h"
#include "run/run_unwanted.h"
#include "store/run.h"
#include "store/tenant.h"

/* The arguments of call_settings(). */
typedef struct Settings
{
	WfProcess  *process;
	const WfEvent *event;
	WfRunOrder *order;
} Settings;

/* The arguments of make(), and its result. */
typedef struct Make
{
	WfProcess  *process;
	const WfRunOrder *order;
	Jsonb	   *params;			/* or NULL */
	bool		is_element;
	WfRunRow   *row;
} Make;

/* --- what the author says of it ------------------------------------------------ */

/* A value of the invoke; NULL: there is none, or it is null. */
static Jsonb *
value_of(const Settings *settings, const WfValue *value)
{
	Jsonb	   *jsonb = wf_event_scope_value(settings->process, value, settings->event);
	JsonbValue	scalar;

	if (jsonb != NULL && JB_ROOT_IS_SCALAR(jsonb) &&
		JsonbExtractScalar(&jsonb->root, &scalar) && scalar.type == jbvNull)
		return NULL;
	return jsonb;
}

/* A string, or NULL: error 22023 if it is anything else. */
static char *
text_of(const Settings *settings, const WfValue *value, const char *key)
{
	Jsonb	   *jsonb = value_of(settings, value);
	char	   *text;

	if (jsonb == NULL)
		return NULL;
	text = wf_jsonb_text(jsonb);
	if (text == NULL || text[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of the job at %s is not a string", key, settings->order->invoke->path)));
	return text;
}

/* How long an attempt may take; 0: as the job says. */
static int64
timeout_of(const Settings *settings)
{
	const WfInvoke *invoke = settings->order->invoke;
	TimestampTz now = wf_clock_now();
	TimestampTz due;
	WfProcessScope scope;

	if (invoke->timeout == NULL ||
		!wf_eval_delay(settings->process->definition->evaluator, invoke->timeout,
					   wf_event_scope(&scope, settings->process, settings->event), now, &due))
		return 0;
	if (due <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"timeout\" of the job at %s is not positive", invoke->path)));
	return due - now;
}

static void
call_settings(void *arg)
{
	Settings   *settings = arg;
	WfRunOrder *order = settings->order;

	order->queue = text_of(settings, order->invoke->queue, "queue");
	order->partition = text_of(settings, order->invoke->partition, "partition");
	order->priority = value_of(settings, order->invoke->priority);
	order->timeout = timeout_of(settings);
}

/*
 * Evaluate what an invoke says of its runs.  False: that failed with an error that
 * becomes an event.
 */
bool
wf_child_run_order(WfProcess *process, const WfInvoke *invoke, const WfEvent *event,
				   WfRunOrder *order)
{
	Settings	settings = {process, event, order};
	WfCode		code = {"invoke", invoke->path, false};

	*order = (WfRunOrder) {.invoke = invoke,.actor = wf_event_scope_actor(process, event),
	.trace = wf_step_trace_span(process)};
	if (invoke->queue == NULL && invoke->partition == NULL && invoke->priority == NULL &&
		invoke->timeout == NULL)
		return true;
	if (wf_call_catches(process))
		return wf_error_event_catch(process, event, &code, call_settings, &settings);
	call_settings(&settings);
	return true;
}

/* --- the run ---------------------------------------------------------------------- */

/* That of the invoke, or of the job.  Error 22023 if there is no such priority. */
static int
priority_of(const WfRunOrder *order, const WfJob *job)
{
	char	   *text;
	char	   *end;
	long		priority;

	if (order->priority == NULL)
		return job->priority;
	text = JsonbToCString(NULL, &order->priority->root, VARSIZE(order->priority));
	priority = strtol(text, &end, 10);
	if (end == text || *end != '\0' || priority < WF_RUN_PRIORITY_LEAST || priority > WF_RUN_PRIORITY_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST),
				 errdetail("That of the job at %s is %s.", order->invoke->path, text)));
	return priority;
}

/* The number of an element is for jobs that want it. */
static Jsonb *
params_of(const Make *make, const WfJob *job)
{
	if (!make->is_element || job->parameters == NULL ||
		wf_parameters_get(job->parameters, WF_MAP_INDEX) != NULL)
		return make->params;
	return wf_jsonb_patch(make->params, wf_jsonb_parse("{\"" WF_MAP_INDEX "\": null}"));
}

/* Fill in the row of a run, as the owner of the definition. */
static void
make(void *arg)
{
	Make	   *make = arg;
	const WfRunOrder *order = make->order;
	WfProcess  *process = make->process;
	Oid			role = process->definition->role;
	const WfJob *job = wf_job_newest(order->invoke->src);
	WfRunRequest request = {.job = job,.at = wf_clock_now(),.actor = order->actor,.starter = role,
	.trace = order->trace};
	WfRunWanted wanted = {
		.params = params_of(make, job),
		.partition = order->partition,
		.process = &process->row.id,
		.invoke = order->invoke->id,
		.rules = wf_run_rules(order->timeout, order->invoke->retry)
	};
	int			level;

	wf_job_require_of(role, job, "run");
	request.priority = priority_of(order, job);
	request.queue = wf_run_make_queue(job, order->queue, role);
	level = wf_tenant_work_for(wf_tenant_name(process->row.tenant));
	make->row = wf_run_make_row(&request, &wanted);
	wf_tenant_work_on(level);
}

/* What was thrown, for error.invoke.ID. */
static Jsonb *
jsonb_of(const ErrorData *error)
{
	static const char *keys[] = {"code", "sqlstate", "message", "detail", "hint"};
	Jsonb	   *values[] = {
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		wf_jsonb_string(error->message != NULL ? error->message : ""),
		error->detail == NULL ? NULL : wf_jsonb_string(error->detail),
		error->hint == NULL ? NULL : wf_jsonb_string(error->hint)
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*
 * A run with these parameters (or NULL), of an element or not, for process->new_runs.  If
 * there can be none (no such job or queue, no right, wrong parameters, the queue is full),
 * returns NULL with the error, or, if error is NULL, throws WF010, WF002, WF013, WF011.
 */
WfRunRow *
wf_child_run_make(WfProcess *process, const WfRunOrder *order, Jsonb *params, bool is_element,
				  Jsonb **error)
{
	Make		arguments = {process, order, params, is_element, NULL};
	ErrorData  *thrown;

	if (error == NULL)
	{
		wf_user_context_leave(&process->user_context);
		make(&arguments);
		return arguments.row;
	}
	thrown = wf_error_event_try(process, true, make, &arguments);
	if (thrown == NULL)
		return arguments.row;
	*error = jsonb_of(thrown);
	return NULL;
}

/*
 * A state with a job is entered: think of a run.  If there can be none, raises
 * error.invoke.ID if an active state handles that, else throws.
 */
void
wf_child_run_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	WfRunOrder	order;
	Jsonb	   *input;
	Jsonb	   *error;
	WfRunRow   *row;
	WfChild    *child;

	if (!wf_child_input(process, invoke, event, &input) ||
		!wf_child_run_order(process, invoke, event, &order))
		return;
	row = wf_child_run_make(process, &order, input, false,
							wf_child_input_is_heard(process, invoke) ? &error : NULL);
	if (row == NULL)
	{
		wf_child_input_fail(process, invoke, error);
		return;
	}
	child = wf_child_list_add(process, invoke->id, wf_run_row_id(row));
	child->is_run = true;
	child->run = row;
	child->input = input;
}

/* A macrostep ends, and the state of a run is active: the run is made. */
void
wf_child_run_start(WfProcess *process, WfChild *child)
{
	process->new_runs = lappend(process->new_runs, child->run);
	child->started = true;
	process->children_changed = true;
}

/*
 * A run is not wanted any more.  What it has told by now does not count, either: that is
 * only its end.
 */
void
wf_child_run_let_go(WfProcess *process, const pg_uuid_t *id)
{
	pg_uuid_t  *unwanted;
	ListCell   *cell;

	foreach(cell, process->new_runs)
	{
		if (memcmp(wf_run_row_id(lfirst(cell)), id, UUID_LEN) != 0)
			continue;
		process->new_runs = foreach_delete_current(process->new_runs, cell);
		return;
	}
	unwanted = palloc(sizeof(pg_uuid_t));
	*unwanted = *id;
	process->unwanted_runs = lappend(process->unwanted_runs, unwanted);
}

/* --- writing ------------------------------------------------------------------------ */

static void
insert_new(const WfStepper *stepper)
{
	WfRunRow   *rows;
	ListCell   *process;
	ListCell   *cell;
	int			n = 0;

	foreach(process, stepper->processes)
		n += list_length(((WfProcess *) lfirst(process))->new_runs);
	if (n == 0)
		return;
	rows = palloc(sizeof(WfRunRow) * n);
	n = 0;
	foreach(process, stepper->processes)
	{
		foreach(cell, ((WfProcess *) lfirst(process))->new_runs)
			rows[n++] = *(WfRunRow *) lfirst(cell);
		((WfProcess *) lfirst(process))->new_runs = NIL;
	}
	wf_run_insert(n, rows);
}

/*
 * Write the runs that the processes of a stepper have invoked, and cancel those that
 * they do not want any more; not those of a simulation.  Waits for no run.
 */
void
wf_child_run_write(WfStepper *stepper)
{
	ListCell   *process;
	ListCell   *cell;

	if (stepper->observer != NULL)
		return;
	insert_new(stepper);
	foreach(process, stepper->processes)
	{
		foreach(cell, ((WfProcess *) lfirst(process))->unwanted_runs)
			wf_run_unwanted(lfirst(cell));
		((WfProcess *) lfirst(process))->unwanted_runs = NIL;
	}
}

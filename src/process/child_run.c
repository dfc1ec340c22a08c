/*-------------------------------------------------------------------------
 *
 * child_run.c
 *	  Runs of jobs that a state invokes while it is active.
 *
 * Runs in any backend, under the lock on the process row.  A run is thought of when
 * its state is entered: rights, queue and parameters are checked then, so that what is
 * wrong becomes an event.  It is made if the state is active when the macrostep ends,
 * and written with all that the step writes.  Its end comes as an event from
 * job/run_tell.c; what it is when the state is left, job/run_unwanted.c finds out.
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
#include "job/run_make.h"
#include "job/run_rules.h"
#include "job/run_unwanted.h"
#include "process/call.h"
#include "process/child_input.h"
#include "process/child_run.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/run.h"

/* A run that is thought of. */
typedef struct Thought
{
	WfProcess  *process;
	const WfInvoke *invoke;
	const WfEvent *event;
	Jsonb	   *input;			/* or NULL */

	/* What the invoke says of it; NULL and 0: as its job says. */
	char	   *queue;
	char	   *partition;
	Jsonb	   *priority;
	int64		timeout;		/* us */

	WfRunRow   *row;			/* the result */
} Thought;

/* --- what the author says of it ------------------------------------------------ */

/* A value of the invoke; NULL: there is none, or it is null. */
static Jsonb *
value_of(const Thought *thought, const WfValue *value)
{
	Jsonb	   *jsonb = wf_event_scope_value(thought->process, value, thought->event);
	JsonbValue	scalar;

	if (jsonb != NULL && JB_ROOT_IS_SCALAR(jsonb) &&
		JsonbExtractScalar(&jsonb->root, &scalar) && scalar.type == jbvNull)
		return NULL;
	return jsonb;
}

/* A string, or NULL: error 22023 if it is anything else. */
static char *
text_of(const Thought *thought, const WfValue *value, const char *key)
{
	Jsonb	   *jsonb = value_of(thought, value);
	char	   *text;

	if (jsonb == NULL)
		return NULL;
	text = wf_jsonb_text(jsonb);
	if (text == NULL || text[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of the job at %s is not a string", key, thought->invoke->path)));
	return text;
}

/* How long an attempt may take; 0: as the job says. */
static int64
timeout_of(const Thought *thought)
{
	const WfDelay *delay = thought->invoke->timeout;
	TimestampTz now = wf_clock_now();
	TimestampTz due;
	WfProcessScope scope;

	if (delay == NULL ||
		!wf_eval_delay(thought->process->definition->evaluator, delay,
					   wf_event_scope(&scope, thought->process, thought->event), now, &due))
		return 0;
	if (due <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"timeout\" of the job at %s is not positive", thought->invoke->path)));
	return due - now;
}

static void
call_settings(void *arg)
{
	Thought    *thought = arg;
	const WfInvoke *invoke = thought->invoke;

	thought->queue = text_of(thought, invoke->queue, "queue");
	thought->partition = text_of(thought, invoke->partition, "partition");
	thought->priority = value_of(thought, invoke->priority);
	thought->timeout = timeout_of(thought);
}

/* Evaluate it.  False: it failed with an error that becomes an event. */
static bool
evaluate(Thought *thought)
{
	const WfInvoke *invoke = thought->invoke;
	WfCode		code = {"invoke", invoke->path, false};

	if (!wf_child_input(thought->process, invoke, thought->event, &thought->input))
		return false;
	if (invoke->queue == NULL && invoke->partition == NULL && invoke->priority == NULL &&
		invoke->timeout == NULL)
		return true;
	if (wf_call_catches(thought->process))
		return wf_error_event_catch(thought->process, thought->event, &code, call_settings, thought);
	call_settings(thought);
	return true;
}

/* --- the run ---------------------------------------------------------------------- */

/* That of the invoke, or of the job.  Error 22023 if there is no such priority. */
static int
priority_of(const Thought *thought, const WfJob *job)
{
	char	   *text;
	char	   *end;
	long		priority;

	if (thought->priority == NULL)
		return job->priority;
	text = JsonbToCString(NULL, &thought->priority->root, VARSIZE(thought->priority));
	priority = strtol(text, &end, 10);
	if (end == text || *end != '\0' || priority < WF_RUN_PRIORITY_LEAST || priority > WF_RUN_PRIORITY_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST),
				 errdetail("That of the job at %s is %s.", thought->invoke->path, text)));
	return priority;
}

/* Fill in its row, as the owner of the definition. */
static void
make(void *arg)
{
	Thought    *thought = arg;
	WfProcess  *process = thought->process;
	Oid			role = process->definition->role;
	const WfJob *job = wf_job_newest(thought->invoke->src);
	WfRunRequest request = {
		.job = job,
		.at = wf_clock_now(),
		.actor = wf_event_scope_actor(process, thought->event),
		.starter = role
	};
	WfRunWanted wanted = {
		.params = thought->input,
		.partition = thought->partition,
		.process = &process->row.id,
		.invoke = thought->invoke->id,
		.rules = wf_run_rules(thought->timeout, thought->invoke->retry)
	};

	wf_job_require_of(role, job, "run");
	request.priority = priority_of(thought, job);
	request.queue = wf_run_make_queue(job, thought->queue, role);
	thought->row = wf_run_make_row(&request, &wanted);
}

/* Raise error.invoke.ID with what was thrown. */
static void
raise_error(const Thought *thought, const ErrorData *error)
{
	static const char *keys[] = {"code", "sqlstate", "message", "detail", "hint"};
	Jsonb	   *values[] = {
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		wf_jsonb_string(error->message != NULL ? error->message : ""),
		error->detail == NULL ? NULL : wf_jsonb_string(error->detail),
		error->hint == NULL ? NULL : wf_jsonb_string(error->hint)
	};

	wf_child_input_fail(thought->process, thought->invoke,
				   wf_jsonb_object(lengthof(keys), keys, values));
}

/*
 * A state with a job is entered: think of a run.  If there can be none (no such job or
 * queue, no right, wrong parameters, the queue is full), raises error.invoke.ID if an
 * active state handles that, else throws WF010, WF002, WF013, WF011.
 */
void
wf_child_run_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	Thought		thought = {.process = process,.invoke = invoke,.event = event};
	ErrorData  *error = NULL;
	WfChild    *child;

	if (!evaluate(&thought))
		return;
	if (wf_child_input_is_heard(process, invoke))
		error = wf_error_event_try(process, true, make, &thought);
	else
	{
		wf_user_context_leave(&process->user_context);
		make(&thought);
	}
	if (error != NULL)
	{
		raise_error(&thought, error);
		return;
	}
	child = wf_child_list_add(process, invoke->id, wf_run_row_id(thought.row));
	child->is_run = true;
	child->run = thought.row;
	child->input = thought.input;
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
 * The state of a run is left: it is not wanted any more, unless it is detached.  What
 * it has told by now does not count, either: that is only its end.
 */
void
wf_child_run_let_go(WfProcess *process, WfChild *child, bool detached)
{
	pg_uuid_t  *id;

	if (detached)
		return;
	if (child->run != NULL && list_member_ptr(process->new_runs, child->run))
	{
		process->new_runs = list_delete_ptr(process->new_runs, child->run);
		return;
	}
	id = palloc(sizeof(pg_uuid_t));
	*id = child->id;
	process->unwanted_runs = lappend(process->unwanted_runs, id);
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

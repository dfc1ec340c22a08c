/*-------------------------------------------------------------------------
 *
 * task.c
 *	  What people may or have to do while states of a process are active.
 *
 * Runs in any backend, under the lock on the process row.  A task is made when its state
 * is entered, of what is computed then, and closed when the state is left.  What people do
 * with it meanwhile is in api/.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/numeric.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/task.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/task_row.h"

/* A state with a task that was left, and by which event on whose behalf. */
typedef struct Closing
{
	const char *state;
	const char *event;			/* NULL until the step is finished */
	const char *actor;			/* or NULL */
} Closing;

/* --- what is computed ---------------------------------------------------------- */

/* A name that a task is for. */
static char *
name_of(const WfTask *task, const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len == 0 ||
		value->val.string.len > WF_MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("whom the task at %s is for is not a name or a list of names", task->path),
				 errdetail("A name is a string of 1 to %d bytes.", WF_MAX_NAME_LENGTH)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Add a name to those of a task, of which there is a bound: each is compared with all. */
static List *
add_name(const WfTask *task, List *names, char *name)
{
	if (wf_task_row_has(names, name))
		return names;
	if (list_length(names) >= WF_MAX_TASK_NAMES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the task at %s is for too many names", task->path),
				 errdetail("It may be for %d.", WF_MAX_TASK_NAMES),
				 errhint("Let it be for a group that has them as its members.")));
	return lappend(names, name);
}

/* Whom a task is for, each name once.  Error 22023 for nobody, and for too many. */
static List *
names_of(const WfTask *task, Jsonb *people)
{
	List	   *names = NIL;
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token = WJB_DONE;

	if (people != NULL)
	{
		it = JsonbIteratorInit(&people->root);
		while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		{
			CHECK_FOR_INTERRUPTS();
			if (token == WJB_ELEM || token == WJB_BEGIN_OBJECT)
				names = add_name(task, names, name_of(task, &value));
		}
	}
	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the task at %s is for nobody", task->path)));
	return names;
}

static int16
priority_of(const WfTask *task, Jsonb *jsonb)
{
	JsonbValue	value;
	int32		priority;

	if (jsonb == NULL)
		return 0;
	if (!JB_ROOT_IS_SCALAR(jsonb) || !JsonbExtractScalar(&jsonb->root, &value) ||
		(value.type != jbvNumeric && value.type != jbvNull))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the priority of the task at %s is not a number", task->path)));
	if (value.type == jbvNull)
		return 0;
	priority = DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
	if (priority < WF_PRIORITY_LEAST || priority > WF_PRIORITY_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the priority of the task at %s is %d", task->path, priority),
				 errdetail("It must be between %d and %d.", WF_PRIORITY_LEAST, WF_PRIORITY_MOST)));
	return priority;
}

static char *
title_of(const WfTask *task, Jsonb *jsonb)
{
	char	   *title;
	JsonbValue	value;

	if (jsonb == NULL || (JB_ROOT_IS_SCALAR(jsonb) &&
						  JsonbExtractScalar(&jsonb->root, &value) && value.type == jbvNull))
		return NULL;
	title = wf_jsonb_text(jsonb);
	if (title == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the title of the task at %s is not a string", task->path)));
	return title;
}

/* The arguments of compute(), and its result. */
typedef struct Asking
{
	WfProcess  *process;
	const WfTask *task;
	const WfEvent *event;
	WfTaskRow  *row;
} Asking;

static void
compute(void *arg)
{
	Asking	   *asking = arg;
	const WfTask *task = asking->task;

	asking->row->names = names_of(task, wf_event_scope_value(asking->process, task->people, asking->event));
	asking->row->title = title_of(task, wf_event_scope_value(asking->process, task->title, asking->event));
	asking->row->priority = priority_of(task, wf_event_scope_value(asking->process, task->priority, asking->event));
	asking->row->data = wf_event_scope_value(asking->process, task->data, asking->event);
}

/* When it is due: as the timer says that was armed for it, if there is one. */
static TimestampTz
due_of(WfProcess *process, const WfState *state, const WfEvent *event)
{
	TimestampTz due;

	if (state->task->due == NULL)
		return DT_NOEND;
	due = wf_process_timer_due(process, state, WF_TASK_DUE_TIMER);
	if (due == DT_NOEND && !wf_call_delay(process, state->task->due, event, wf_clock_now(), &due))
		due = DT_NOEND;
	return due;
}

/* --- states that are entered and left ------------------------------------------------ */

/*
 * A state is entered, whose timers are armed: its task is made.  There is none where the
 * author's code fails with an error that becomes an event.
 */
void
wf_task_arm(WfProcess *process, const WfState *state, const WfEvent *event)
{
	WfTaskRow  *row;
	Asking		asking;
	WfCode		code;

	if (likely(state->task == NULL))
		return;
	row = palloc0(sizeof(WfTaskRow));
	asking = (Asking) {process, state->task, event, row};
	code = (WfCode) {"task", state->task->path, false};
	if (!wf_call_catches(process))
		compute(&asking);
	else if (!wf_error_event_catch(process, event, &code, compute, &asking))
		return;
	wf_uuid_make(&row->id, wf_uuid_slot(&process->row.id));
	row->process = process->row.id;
	row->definition = process->definition->name;
	row->tenant = process->row.tenant;
	row->state = state->name;
	row->due = due_of(process, state, event);
	row->need = state->task->need;
	for (int i = 0; i < state->task->nevents; i++)
		row->events = lappend(row->events, unconstify(char *, state->task->events[i]));
	process->tasks = lappend(process->tasks, row);
}

/*
 * The process has got another version, in which the task of a state is that of this one: it
 * goes on, with its votes.
 */
void
wf_task_move(WfProcess *process, const WfState *from, const WfState *to, WfChanges *changes)
{
	List	   *events = NIL;

	for (int i = 0; i < to->task->nevents; i++)
		events = lappend(events, unconstify(char *, to->task->events[i]));
	wf_changes_move_task(changes, &process->row.id, from->name, to->name, events);
}

/* A state is left: its task is closed. */
void
wf_task_disarm(WfProcess *process, const WfState *state)
{
	ListCell   *cell;
	Closing    *closing;

	if (likely(state->task == NULL))
		return;
	foreach(cell, process->tasks)
		if (strcmp(((WfTaskRow *) lfirst(cell))->state, state->name) == 0)
			process->tasks = foreach_delete_current(process->tasks, cell);
	if (process->is_new)
		return;
	closing = palloc(sizeof(Closing));
	*closing = (Closing) {state->name, NULL, NULL};
	process->closings = lappend(process->closings, closing);
}

/* A step has ended: by this event states were left. */
void
wf_task_stepped(WfProcess *process, const char *event, const char *actor)
{
	ListCell   *cell;

	foreach(cell, process->closings)
	{
		Closing    *closing = lfirst(cell);

		if (closing->event != NULL)
			continue;
		closing->event = event;
		closing->actor = actor;
	}
}

/* Collect what is to be written of the tasks of a process. */
void
wf_task_write(WfProcess *process, WfChanges *changes)
{
	ListCell   *cell;

	foreach(cell, process->closings)
	{
		const Closing *closing = lfirst(cell);

		wf_changes_close_task(changes, &process->row.id, closing->state, closing->event, closing->actor);
	}
	foreach(cell, process->tasks)
		wf_changes_ask(changes, lfirst(cell));
	process->tasks = process->closings = NIL;
}

/* The task of a state, by its name, in the version that the process has; or NULL. */
const WfTask *
wf_task_of(const WfProcess *process, const char *state)
{
	const WfChart *chart = process->definition->chart;
	WfStateId	id = wf_chart_find(chart, state, strlen(state));

	return id == WF_NO_STATE ? NULL : chart->states[id].task;
}

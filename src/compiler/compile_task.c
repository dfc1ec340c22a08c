/*-------------------------------------------------------------------------
 *
 * compile_task.c
 *	  What people may or have to do while a state is active.
 *
 * Pure C.  What follows on the events of a task is compiled with the handlers of its
 * state; the task itself comes after them, since its events are read off them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_invoke.h"
#include "compiler/compile_read.h"
#include "compiler/compile_task.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* --- its own events --------------------------------------------------------- */

/* The event that a key of a task has transitions for, or NULL. */
const char *
wf_compile_task_reply(const WfState *state, const char *key)
{
	static const char *const keys[][2] = {
		{"onDue", WF_TASK_DUE},
		{"onRemind", WF_TASK_REMIND},
		{"onUndecided", WF_TASK_UNDECIDED}
	};

	for (int i = 0; i < (int) lengthof(keys); i++)
		if (strcmp(key, keys[i][0]) == 0)
			return psprintf("%s%s", keys[i][1], state->name);
	return NULL;
}

/* Does the state, or one around it, handle this event? */
static bool
is_handled(const WfCompiler *c, const WfState *state, const char *event)
{
	for (WfStateId up = state->id; up != WF_NO_STATE; up = c->chart->states[up].parent)
	{
		const WfState *at = &c->chart->states[up];

		for (int h = 0; h < at->nhandlers; h++)
			if (wf_chart_descriptor_matches(at->handlers[h].descriptor, event))
				return true;
	}
	return false;
}

/* Add a timer to those of the state.  Without anybody who handles its event there is none. */
static void
add_timer(WfCompiler *c, WfState *state, const char *name, const char *event, WfDelay *delay)
{
	WfTimer    *timers;

	if (delay == NULL || !is_handled(c, state, event))
		return;
	timers = palloc0(sizeof(WfTimer) * (state->ntimers + 1));
	if (state->ntimers > 0)
		memcpy(timers, state->timers, sizeof(WfTimer) * state->ntimers);
	timers[state->ntimers++] = (WfTimer) {.name = name,.event = event,.delay = delay,.of_task = true};
	state->timers = timers;
}

static void
compile_due(WfCompiler *c, WfState *state, WfTask *task, const WfJson *json, const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, "due");
	const char *event = wf_compile_task_reply(state, "onDue");

	if (value != NULL)
		task->due = wf_compile_delay(c, value, WF_AT_KEY(path, "due"));
	else if (wf_compile_read_get(json, "onDue") != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "onDue"), NULL, "the task has no \"due\"");
	add_timer(c, state, WF_TASK_DUE_TIMER, event, task->due);
}

static void
compile_reminders(WfCompiler *c, WfState *state, WfTask *task, const WfJson *json,
				  const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, "remind");
	const WfPath *at = WF_AT_KEY(path, "remind");
	const char *event = wf_compile_task_reply(state, "onRemind");
	bool		single = value != NULL && value->kind != WF_JSON_ARRAY;
	int			n = value == NULL ? 0 : single ? 1 : value->n;

	if (n == 0 && wf_compile_read_get(json, "onRemind") != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "onRemind"), NULL, "the task has no \"remind\"");
	if (n > 0 && !is_handled(c, state, event))
		wf_compile_fault_warning(c, at, "Write what happens then under \"onRemind\".",
								 "nothing reacts to the reminders of the task");
	task->reminders = palloc0(sizeof(WfDelay *) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		WfDelay    *delay = single ? wf_compile_delay(c, value, at) :
			wf_compile_delay(c, value->items[i], WF_AT_INDEX(at, i));

		if (delay == NULL)
			continue;
		task->reminders[task->nreminders++] = delay;
		add_timer(c, state, psprintf(WF_TASK_REMIND_TIMER "%d", i + 1), event, delay);
	}
}

/* A timer of `after` cannot be called as one of a task. */
static void
check_timer_names(WfCompiler *c, const WfState *state, const WfPath *path)
{
	for (int i = 0; i < state->ntimers; i++)
		if (strcmp(state->timers[i].name, WF_TASK_DUE_TIMER) == 0 ||
			strncmp(state->timers[i].name, WF_TASK_REMIND_TIMER, strlen(WF_TASK_REMIND_TIMER)) == 0)
			wf_compile_fault(c, path, "Give the delay another name.",
							 "timer \"%s\" has the name of one of a task", state->timers[i].name);
}

/* --- the events that people vote for ------------------------------------------ */

/* The commands with full names that a state handles. */
static int
commands_of(const WfState *state, const char **events)
{
	int			n = 0;

	for (int h = 0; h < state->nhandlers; h++)
		if (state->handlers[h].prefix < 0 &&
			wf_chart_reserved_prefix(state->handlers[h].descriptor, false) == NULL)
			events[n++] = state->handlers[h].descriptor;
	return n;
}

/* Those of the innermost state that has any, unless they are written. */
static void
find_events(WfCompiler *c, const WfState *state, WfTask *task)
{
	for (WfStateId up = state->id; up != WF_NO_STATE && task->nevents == 0;
		 up = c->chart->states[up].parent)
	{
		task->events = palloc(sizeof(char *) * (c->chart->states[up].nhandlers + 1));
		task->nevents = commands_of(&c->chart->states[up], task->events);
	}
}

static bool
is_event(const WfTask *task, const char *event)
{
	for (int i = 0; i < task->nevents; i++)
		if (strcmp(task->events[i], event) == 0)
			return true;
	return false;
}

/* A string or a list of strings, each of which is an event of the task if that has any. */
static const char **
compile_names(WfCompiler *c, const WfTask *task, const WfJson *json, const WfPath *path, int *n)
{
	const char **names = wf_compile_read_strings(c, json, path, n);

	for (int i = 0; i < *n; i++)
		if (task->nevents > 0 && !is_event(task, names[i]))
			wf_compile_fault(c, path, NULL, "the task has no event \"%s\"", names[i]);
	return names;
}

static void
compile_events(WfCompiler *c, const WfState *state, WfTask *task, const WfJson *json,
			   const WfPath *path)
{
	const WfJson *events = wf_compile_read_get(json, "events");
	const WfJson *any = wf_compile_read_get(json, "any");

	if (events != NULL)
	{
		const WfPath *at = WF_AT_KEY(path, "events");

		task->events = wf_compile_read_strings(c, events, at, &task->nevents);
		task->named = true;
		for (int i = 0; i < task->nevents; i++)
			if (task->events[i][0] == '\0' || strlen(task->events[i]) > WF_MAX_NAME_LENGTH ||
				wf_chart_reserved_prefix(task->events[i], false) != NULL)
				wf_compile_fault(c, at, NULL, "nobody can send the event \"%s\"", task->events[i]);
	}
	else
		find_events(c, state, task);
	if (task->nevents == 0)
		wf_compile_fault(c, path, "Handle an event under \"on\", or name it in \"events\".",
						 "no event ends the task");
	if (any != NULL)
		task->any = compile_names(c, task, any, WF_AT_KEY(path, "any"), &task->nany);
}

/* --- the rest --------------------------------------------------------------------- */

/* How many votes: "one", "all", or a number. */
static void
compile_need(WfCompiler *c, WfTask *task, const WfJson *json, const WfPath *path)
{
	const WfJson *need = wf_compile_read_get(json, "need");
	char	   *end;
	long		n = 0;

	task->need = 1;
	if (need == NULL)
		return;
	if (need->kind == WF_JSON_NUMBER)
	{
		n = strtol(need->text, &end, 10);
		if (*end != '\0' || n > WF_MAX_STATES)
			n = 0;
	}
	else if (need->kind == WF_JSON_STRING && strcmp(need->text, "one") == 0)
		n = 1;
	if (n < 1 && (need->kind != WF_JSON_STRING || strcmp(need->text, "all") != 0))
		wf_compile_fault(c, WF_AT_KEY(path, "need"), NULL,
						 "must be \"one\", \"all\" or an integer from 1 to %d", WF_MAX_STATES);
	else
		task->need = n;
}

/* Who: a name, a list of names, or what is computed. */
static void
compile_people(WfCompiler *c, WfTask *task, const WfJson *json, const WfPath *path)
{
	const WfJson *people = wf_compile_read_get(json, "for");
	const WfPath *at = WF_AT_KEY(path, "for");
	int			n;

	if (people == NULL)
	{
		wf_compile_fault(c, path, "Name people or groups, or compute their names: {\"@expr\": ...}.",
						 "the task has no \"for\"");
		return;
	}
	if (people->kind == WF_JSON_STRING)
	{
		if (people->text[0] == '\0')
			wf_compile_fault(c, at, NULL, "the name is empty");
	}
	else if (people->kind == WF_JSON_ARRAY)
	{
		for (n = 0; n < people->n; n++)
			if (people->items[n]->kind != WF_JSON_OBJECT &&
				wf_compile_read_expect(c, people->items[n], WF_AT_INDEX(at, n), WF_JSON_STRING) &&
				people->items[n]->text[0] == '\0')
				wf_compile_fault(c, WF_AT_INDEX(at, n), NULL, "the name is empty");
		if (people->n == 0)
			wf_compile_fault(c, at, NULL, "the list of names is empty");
	}
	else if (!wf_compile_value_is_expr(people))
		wf_compile_read_expect(c, people, at, WF_JSON_ARRAY);
	task->people = wf_compile_value(c, people, at);
}

/* Whether a vote needs a note: true, or for these events. */
static void
compile_comment(WfCompiler *c, WfTask *task, const WfJson *json, const WfPath *path)
{
	const WfJson *comment = wf_compile_read_get(json, "comment");
	const WfPath *at = WF_AT_KEY(path, "comment");

	if (comment == NULL)
		return;
	if (comment->kind == WF_JSON_BOOL)
		task->comment = wf_compile_read_bool(c, json, "comment", path);
	else
	{
		task->comments = compile_names(c, task, comment, at, &task->ncomments);
		task->comment = task->ncomments > 0;
	}
}

static WfValue *
compile_title(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const WfJson *title = wf_compile_read_get(json, "title");

	if (title == NULL)
		return NULL;
	if (title->kind != WF_JSON_OBJECT)
		wf_compile_read_expect(c, title, WF_AT_KEY(path, "title"), WF_JSON_STRING);
	return wf_compile_value(c, title, WF_AT_KEY(path, "title"));
}

/*
 * Compile the task of a state, whose handlers are complete, and add its timers to those
 * of the state.
 */
void
wf_compile_task(WfCompiler *c, WfState *state, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"for", "need", "any", "events", "due", "onDue", "remind",
		"onRemind", "onUndecided", "priority", "title", "data", "comment",
	NULL};
	WfTask	   *task;
	const WfJson *data;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	task = palloc0(sizeof(WfTask));
	wf_compile_read_keys(c, json, path, known);
	task->path = wf_path_text(path);
	task->undecided = wf_compile_task_reply(state, "onUndecided");
	compile_people(c, task, json, path);
	compile_need(c, task, json, path);
	compile_events(c, state, task, json, path);
	compile_comment(c, task, json, path);
	task->title = compile_title(c, json, path);
	task->priority = wf_compile_invoke_priority(c, json, path);
	data = wf_compile_read_get(json, "data");
	if (data != NULL)
		task->data = wf_compile_value(c, data, WF_AT_KEY(path, "data"));
	check_timer_names(c, state, path);
	compile_due(c, state, task, json, path);
	compile_reminders(c, state, task, json, path);
	state->task = task;
	c->chart->has_tasks = true;
	c->features[WF_HAS_TASK] = true;
}

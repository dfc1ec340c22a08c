/*-------------------------------------------------------------------------
 *
 * child_map.c
 *	  Processes and runs that a state invokes for each element of an array.
 *
 * Runs in any backend, under the lock on the process row.  The elements are rows of
 * workflow.element; the column "children" of the process has their numbers.  What is at
 * an element tells its end by an event, as any child does: it touches nothing that
 * others touch.  The process takes these events one after the other, in its steps, and
 * so knows which of them is the last, and what may begin next.
 *
 * That is no step of its states: they hear of the end of all, or of the first failure
 * beyond those that are tolerated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/child_event.h"
#include "process/child_input.h"
#include "process/child_list.h"
#include "process/child_map.h"
#include "process/child_process.h"
#include "process/child_run.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/send.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/element.h"
#include "store/timer.h"

/* So many elements are read at a time. */
#define PIECE	1000

/* What all elements have in common, as it is stored with them. */
typedef struct Common
{
	Jsonb	   *input;			/* or NULL */
	WfRunOrder	order;
} Common;

/* How a map stands. */
typedef enum Progress
{
	GOES_ON,
	ALL_DONE,
	TOO_MANY_FAILED
} Progress;

static Jsonb *
number_jsonb(int64 number)
{
	return wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(number)), NUMERICOID);
}

static Jsonb *
string_or_absent(const char *text)
{
	return text == NULL ? NULL : wf_jsonb_string(text);
}

/* --- the array ----------------------------------------------------------------- */

typedef struct Over
{
	WfProcess  *process;
	const WfInvoke *invoke;
	const WfEvent *event;
	Jsonb	   *array;
} Over;

static void
call_over(void *arg)
{
	Over	   *over = arg;

	over->array = wf_event_scope_value(over->process, over->invoke->map->over, over->event);
	if (over->array == NULL || !JB_ROOT_IS_ARRAY(over->array) || JB_ROOT_IS_SCALAR(over->array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"over\" of the map at %s is not an array", over->invoke->path)));
}

/* Evaluate the array.  False: that failed with an error that becomes an event. */
bool
wf_child_map_array(WfProcess *process, const WfInvoke *invoke, const WfEvent *event, Jsonb **array)
{
	Over		over = {process, invoke, event, NULL};
	WfCode		code = {"map", invoke->path, false};

	if (!wf_call_catches(process))
		call_over(&over);
	else if (!wf_error_event_catch(process, event, &code, call_over, &over))
		return false;
	*array = over.array;
	return true;
}

/* --- what all elements have ----------------------------------------------------- */

static Jsonb *
common_jsonb(const WfInvoke *invoke, Jsonb *input, const WfRunOrder *order)
{
	const char *keys[] = {"as", "input", "queue", "partition", "priority", "timeout", "actor", "traceparent"};
	Jsonb	   *values[] = {
		wf_jsonb_string(invoke->map->as), input,
		string_or_absent(order->queue), string_or_absent(order->partition), order->priority,
		order->timeout == 0 ? NULL : number_jsonb(order->timeout),
		string_or_absent(order->actor), string_or_absent(order->trace)
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* A member of an object, or NULL. */
static Jsonb *
member(Jsonb *object, const char *key)
{
	JsonbValue	value;

	return getKeyJsonValueFromContainer(&object->root, key, strlen(key), &value) == NULL ? NULL :
		JsonbValueToJsonb(&value);
}

static char *
member_text(Jsonb *object, const char *key)
{
	Jsonb	   *value = member(object, key);

	return value == NULL ? NULL : wf_jsonb_text(value);
}

static void
read_common(const WfInvoke *invoke, Jsonb *stored, Common *common)
{
	JsonbValue	timeout;

	common->input = member(stored, "input");
	common->order = (WfRunOrder) {
		.invoke = invoke,
		.queue = member_text(stored, "queue"),
		.partition = member_text(stored, "partition"),
		.priority = member(stored, "priority"),
		.actor = member_text(stored, "actor"),
		.trace = member_text(stored, "traceparent")
	};
	if (getKeyJsonValueFromContainer(&stored->root, "timeout", strlen("timeout"), &timeout) != NULL)
		common->order.timeout =
			DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(timeout.val.numeric)));
}

/* What one element gets: the input of all, with the element and its number. */
static Jsonb *
input_of(const Common *common, const char *as, const WfElement *element)
{
	const char *keys[] = {as, WF_MAP_INDEX};
	Jsonb	   *values[] = {element->data, number_jsonb(element->number)};
	Jsonb	   *own = wf_jsonb_object(lengthof(keys), keys, values);

	return common->input == NULL ? own : wf_jsonb_merge(common->input, own);
}

/* --- elements begin ------------------------------------------------------------- */

/* Make the process of an element.  Returns NULL, or why there can be none. */
static Jsonb *
begin_process(WfProcess *process, WfChild *map, const Common *common, Jsonb *input,
			  WfElement *element)
{
	const WfInvoke *invoke = common->order.invoke;
	WfChild		child = {.invoke = invoke->id,.input = input};
	int			code;
	const char *refusal = wf_child_process_refusal(process, invoke, &child.definition, &code);

	if (refusal != NULL)
		return wf_child_event_error(unpack_sql_state(code), refusal);
	wf_uuid_make(&element->child, wf_uuid_slot(&process->row.id));
	child.id = element->child;
	map->definition = child.definition;
	child.actor = wf_send_actor(process, child.definition, common->order.actor);
	wf_child_process_start(process, &child);
	return NULL;
}

/* Make the run or the process of an element.  Returns NULL, or why there can be none. */
static Jsonb *
begin(WfProcess *process, WfChild *map, const Common *common, const char *as,
	  WfElement *element)
{
	Jsonb	   *input = input_of(common, as, element);
	Jsonb	   *error = NULL;
	WfRunRow   *row;

	if (!common->order.invoke->is_job)
		return begin_process(process, map, common, input, element);
	row = wf_child_run_make(process, &common->order, input, true, &error);
	if (row == NULL)
		return error;
	element->child = *wf_run_row_id(row);
	process->new_runs = lappend(process->new_runs, row);
	return NULL;
}

/* The error of an element, with its number. */
static Jsonb *
with_number(Jsonb *error, int number)
{
	const char *keys[] = {WF_MAP_INDEX};
	Jsonb	   *values[] = {number_jsonb(number)};

	return error == NULL || !JB_ROOT_IS_OBJECT(error) ? error :
		wf_jsonb_merge(error, wf_jsonb_object(1, keys, values));
}

/* How many more elements may begin now? */
static int
room_of(const WfChild *map)
{
	int			left = map->of - map->next;

	if (map->failed > map->tolerate)
		return 0;
	return map->concurrency == 0 ? left : Min(left, map->concurrency - map->running);
}

/* Begin n elements that were read; *error: of the first that is one too many. */
static void
begin_piece(WfProcess *process, WfChild *map, const Common *common, const char *as,
			WfElement *elements, int n, Jsonb **error)
{
	int			begun = 0;

	for (int i = 0; i < n && *error == NULL; i++)
	{
		Jsonb	   *refusal = begin(process, map, common, as, &elements[i]);

		CHECK_FOR_INTERRUPTS();
		map->next = elements[i].number + 1;
		if (refusal == NULL)
		{
			elements[begun++] = elements[i];
			map->running++;
			continue;
		}
		wf_element_refuse(&process->row.id, map->invoke, elements[i].number, refusal);
		if (++map->failed > map->tolerate)
			*error = with_number(refusal, elements[i].number);
	}
	if (begun > 0)
		wf_element_begin(&process->row.id, map->invoke, begun, elements);
}

/* Let as many elements begin as may. */
static Progress
advance(WfProcess *process, WfChild *map, const WfInvoke *invoke, Jsonb **error)
{
	WfElement  *elements = NULL;
	char	   *as = NULL;
	Common		common;
	int			room;

	process->children_changed = true;
	*error = NULL;
	while (*error == NULL && (room = room_of(map)) > 0)
	{
		int			n;

		if (elements == NULL)
		{
			Jsonb	   *stored = wf_element_common(&process->row.id, map->invoke);

			if (stored == NULL)
				elog(ERROR, "the elements of \"%s\" are gone", map->invoke);
			read_common(invoke, stored, &common);
			wf_step_trace_follow(process, common.order.trace);
			as = member_text(stored, "as");
			elements = palloc(sizeof(WfElement) * Min(room, PIECE));
		}
		n = wf_element_next(&process->row.id, map->invoke, map->next, Min(room, PIECE), elements);
		if (n == 0)
			elog(ERROR, "an element of \"%s\" is gone", map->invoke);
		begin_piece(process, map, &common, as, elements, n, error);
	}
	if (*error != NULL)
		return TOO_MANY_FAILED;
	return map->next == map->of && map->running == 0 && map->failed <= map->tolerate ?
		ALL_DONE : GOES_ON;
}

/* --- the map -------------------------------------------------------------------- */

/* Raise done.invoke.ID in this macrostep; where nothing follows, it comes later. */
static void
raise_done(WfProcess *process, const WfInvoke *invoke, Jsonb *results, Jsonb *failures)
{
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		done = {psprintf(WF_DONE_INVOKE "%s", invoke->id), payload};
	WfTimerRow	timer = {.process = process->row.id,.due = wf_clock_now(),.event = done.name,.data = results,
	.trace = wf_step_trace_span(process)};

	payload->output = results;
	payload->data = failures;
	if (!process->machine->quiet)
		wf_interpret_raise(process->machine, &done);
	else
		wf_changes_arm(wf_stepper_changes(process->stepper), &timer, process->definition->owner,
					   process->row.suspended, false);
}

/* There are no elements: the map is done at once. */
void
wf_child_map_empty(WfProcess *process, const WfInvoke *invoke)
{
	raise_done(process, invoke, wf_jsonb_array(0, NULL), NULL);
}

/*
 * A state with a map is entered: evaluate what it is about.  Its elements begin when the
 * macrostep ends, if the state is active then.
 */
void
wf_child_map_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	static const pg_uuid_t none;
	WfRunOrder	order;
	Jsonb	   *array;
	Jsonb	   *input;
	WfChild    *map;

	if (!wf_child_map_array(process, invoke, event, &array) ||
		!wf_child_input(process, invoke, event, &input) ||
		!wf_child_run_order(process, invoke, event, &order))
		return;
	if (JB_ROOT_COUNT(array) == 0)
	{
		wf_child_map_empty(process, invoke);
		return;
	}
	map = wf_child_list_add(process, invoke->id, &none);
	map->is_map = true;
	map->is_run = invoke->is_job;
	map->of = JB_ROOT_COUNT(array);
	map->concurrency = invoke->map->concurrency;
	map->tolerate = invoke->map->tolerate;
	map->array = array;
	map->common = common_jsonb(invoke, input, &order);
	map->input = input;
}

/* Nothing of a map is left in the table, and it is no child any more. */
static void
forget(WfProcess *process, WfChild *map)
{
	if (process->stepper->observer == NULL)
		wf_element_forget(&process->row.id, map->invoke);
	wf_child_list_forget(process, map);
}

/* So many elements cannot begin that the map has failed, and no state takes that. */
pg_noreturn static void
throw_error(const WfInvoke *invoke, Jsonb *error)
{
	char	   *code = member_text(error, "sqlstate");
	char	   *message = member_text(error, "message");

	ereport(ERROR,
			(errcode(code != NULL && strlen(code) == 5 ?
					 MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]) :
					 ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message != NULL ? message : "an element cannot begin"),
			 errdetail("It is an element of the map at %s, without onError.", invoke->path)));
}

/* A macrostep ends, and the state of a map is active: its first elements begin. */
void
wf_child_map_start(WfProcess *process, WfChild *map, const WfInvoke *invoke)
{
	Jsonb	   *error;
	Jsonb	   *results;
	Jsonb	   *failures;

	map->started = true;
	process->children_changed = true;
	if (process->stepper->observer != NULL)
		return;
	wf_element_add(&process->row.id, map->invoke, map->common, map->array);
	switch (advance(process, map, invoke, &error))
	{
		case GOES_ON:
			break;
		case ALL_DONE:
			results = wf_element_results(&process->row.id, map->invoke, &failures);
			forget(process, map);
			raise_done(process, invoke, results, failures);
			break;
		case TOO_MANY_FAILED:
			if (!wf_child_input_is_heard(process, invoke))
				throw_error(invoke, error);
			wf_child_map_let_go(process, map, false);
			wf_child_input_fail(process, invoke, error);
			break;
	}
}

/*
 * Let go of a map: what its children send does not count any more, and, unless it is
 * detached, they are cancelled.  Takes it out of the list.
 */
void
wf_child_map_let_go(WfProcess *process, WfChild *map, bool detached)
{
	pg_uuid_t  *children;
	int			n = 0;

	if (map->started && !detached && process->stepper->observer == NULL)
		n = wf_element_running(&process->row.id, map->invoke, &children);
	for (int i = 0; i < n; i++)
	{
		if (map->is_run)
		{
			wf_child_run_let_go(process, &children[i]);
			continue;
		}
		wf_stepper_disown(process->stepper, &children[i]);
		wf_child_process_cancel(process, &children[i], map->definition);
	}
	forget(process, map);
}

/* --- what it hears --------------------------------------------------------------- */

/* The invoke with this id of an active state, or NULL. */
static const WfInvoke *
invoke_of(WfProcess *process, const char *id)
{
	const WfChart *chart = process->definition->chart;
	const WfStateId *leaves;
	int			n = wf_machine_leaves(process->machine, &leaves);

	for (int i = 0; i < n; i++)
		for (WfStateId s = leaves[i]; s != WF_NO_STATE; s = chart->states[s].parent)
			for (int j = 0; j < chart->states[s].ninvokes; j++)
				if (strcmp(chart->states[s].invokes[j].id, id) == 0)
					return &chart->states[s].invokes[j];
	return NULL;
}

/* The map has failed.  Where no state takes that, it waits for elements to be mended. */
static WfHeard
hear_failure(WfProcess *process, WfChild *map, WfTimerRow *timer, Jsonb *error)
{
	timer->event = psprintf(WF_ERROR_INVOKE "%s", map->invoke);
	timer->data = error;
	if (wf_machine_handles(process->machine, timer->event))
		wf_child_map_let_go(process, map, false);
	return WF_HEARD_EVENT;
}

/* An element has ended: what follows? */
static WfHeard
hear_end(WfProcess *process, WfChild *map, const WfInvoke *invoke, WfTimerRow *timer)
{
	Jsonb	   *error;

	switch (advance(process, map, invoke, &error))
	{
		case GOES_ON:
			return WF_HEARD_END;
		case TOO_MANY_FAILED:
			return hear_failure(process, map, timer, error);
		case ALL_DONE:
			break;
	}
	timer->event = psprintf(WF_DONE_INVOKE "%s", map->invoke);
	timer->data = wf_element_results(&process->row.id, map->invoke, &process->failures);
	forget(process, map);
	return WF_HEARD_EVENT;
}

/*
 * An event has come from a child that is none of the list: is it at an element?  If it
 * has ended, the next one begins.  With the last one the event becomes that of the map;
 * with the first failure beyond those that are tolerated, too.
 */
WfHeard
wf_child_map_hear(WfProcess *process, WfTimerRow *timer)
{
	WfElementState state;
	int			number;
	char	   *id = !wf_child_list_has_map(process) ? NULL :
		wf_element_find(&process->row.id, &timer->child, &number, &state);
	WfChild    *map = id == NULL ? NULL : wf_child_list_find(process, id);
	const WfInvoke *invoke = id == NULL ? NULL : invoke_of(process, id);
	bool		done = id != NULL && strcmp(timer->event, psprintf(WF_DONE_INVOKE "%s", id)) == 0;
	bool		failed = id != NULL && strcmp(timer->event, psprintf(WF_ERROR_INVOKE "%s", id)) == 0;

	if (map == NULL || !map->is_map || invoke == NULL)
		return WF_HEARD_NOTHING;
	if (!done && !failed)
		return WF_HEARD_EVENT;
	wf_element_end(&timer->child, done ? WF_ELEMENT_DONE : WF_ELEMENT_FAILED, timer->data);
	timer->from_child = false;
	map->running -= state == WF_ELEMENT_RUNS;
	map->failed += failed - (state == WF_ELEMENT_FAILED);
	process->children_changed = true;
	if (failed && map->failed > map->tolerate)
		return hear_failure(process, map, timer, with_number(timer->data, number));
	return hear_end(process, map, invoke, timer);
}

/*-------------------------------------------------------------------------
 *
 * child_list.c
 *	  The children of a process: in memory, and in its row.
 *
 * Runs in any backend, under the lock on the process row.  The column
 * "children" is read when a child is looked for, and written when one has
 * started or has gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/array.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "process/child_event.h"
#include "process/child_list.h"
#include "process/process.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* The key under which the id of a run stands. */
#define RUN		"run"

/* Under this key a map says that it is of runs. */
#define JOB		"job"

/* Add an entry to the list in memory. */
static WfChild *
append(WfProcess *process, const char *invoke, const pg_uuid_t *id)
{
	WfChild    *child = wf_array_grow(process->children, process->nchildren,
								process->children_size);

	child->invoke = invoke;
	child->id = *id;
	return child;
}

/* Read an id, if it is one. */
static bool
read_id(const JsonbValue *value, pg_uuid_t *id)
{
	return value != NULL && value->type == jbvString &&
		wf_uuid_parse(pnstrdup(value->val.string.val, value->val.string.len), id);
}

/* The numbers of a map, in its object. */
static const struct
{
	const char *key;
	size_t		offset;
}			numbers[] = {
	{"of", offsetof(WfChild, of)},
	{"next", offsetof(WfChild, next)},
	{"running", offsetof(WfChild, running)},
	{"failed", offsetof(WfChild, failed)},
	{"concurrency", offsetof(WfChild, concurrency)},
	{"tolerate", offsetof(WfChild, tolerate)}
};

/* Read the object of a map.  False: it is none. */
static bool
load_map(WfProcess *process, const char *invoke, JsonbContainer *object)
{
	static const pg_uuid_t none;
	WfChild		map = {.started = true,.is_map = true};
	JsonbValue	job;
	WfChild    *child;

	map.is_run = getKeyJsonValueFromContainer(object, JOB, strlen(JOB), &job) != NULL;
	for (int i = 0; i < (int) lengthof(numbers); i++)
	{
		JsonbValue	member;

		if (getKeyJsonValueFromContainer(object, numbers[i].key, strlen(numbers[i].key), &member) == NULL ||
			member.type != jbvNumeric)
			return false;
		*(int *) ((char *) &map + numbers[i].offset) =
			DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(member.val.numeric)));
	}
	child = append(process, invoke, &none);
	map.invoke = invoke;
	*child = map;
	return true;
}

/* The object that stands for a run or a map; NULL: it is none. */
static JsonbContainer *
object_of(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data) ?
		value->val.binary.data : NULL;
}

/*
 * May this stand for a child in the row of a process?  A string, which need not be the
 * id of one that is there; {"run": string}; or an object with the numbers of a map.
 */
bool
wf_child_list_may_hold(const JsonbValue *value)
{
	JsonbContainer *object = object_of(value);
	JsonbValue	member;

	if (object == NULL)
		return value->type == jbvString;
	if (getKeyJsonValueFromContainer(object, RUN, strlen(RUN), &member) != NULL)
		return member.type == jbvString;
	for (int i = 0; i < (int) lengthof(numbers); i++)
		if (getKeyJsonValueFromContainer(object, numbers[i].key, strlen(numbers[i].key), &member) == NULL ||
			member.type != jbvNumeric)
			return false;
	return true;
}

/* Read what stands for a child: the id of a process, {"run": id}, or a map. */
static void
load_child(WfProcess *process, const char *invoke, const JsonbValue *value)
{
	JsonbValue	member;
	pg_uuid_t	id;
	WfChild    *child;
	JsonbContainer *object = object_of(value);
	bool		is_run = object != NULL;

	if (is_run && load_map(process, invoke, object))
		return;
	if (is_run)
		value = getKeyJsonValueFromContainer(object, RUN, strlen(RUN), &member);
	if (!read_id(value, &id))
		return;
	child = append(process, invoke, &id);
	child->started = true;
	child->is_run = is_run;
}

/* Read {"invoke id": ..., ...} from the row, unless that was done. */
static void
load_children(WfProcess *process)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	const char *invoke = NULL;

	if (process->children_known)
		return;
	process->children_known = true;
	if (process->row.children == (Datum) 0)
		return;
	it = JsonbIteratorInit(&DatumGetJsonbP(process->row.children)->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			invoke = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			load_child(process, invoke, &value);
	}
}

/*
 * Add a child that has an id and no row yet.  The result is good until the next
 * child is added or forgotten.
 */
WfChild *
wf_child_list_add(WfProcess *process, const char *invoke, const pg_uuid_t *id)
{
	load_children(process);
	return append(process, invoke, id);
}

/* Take a child out of the list; the last one takes its place. */
void
wf_child_list_forget(WfProcess *process, WfChild *child)
{
	*child = process->children[--process->nchildren];
	process->children_changed = true;
}

/* The child with this invoke id, or NULL; good as in wf_child_list_add(). */
WfChild *
wf_child_list_find(WfProcess *process, const char *invoke)
{
	load_children(process);
	for (int i = 0; i < process->nchildren; i++)
		if (strcmp(process->children[i].invoke, invoke) == 0)
			return &process->children[i];
	return NULL;
}

/* Has the process a map? */
bool
wf_child_list_has_map(WfProcess *process)
{
	load_children(process);
	for (int i = 0; i < process->nchildren; i++)
		if (process->children[i].is_map)
			return true;
	return false;
}

/* The child with this process id, or NULL. */
static WfChild *
find_by_id(WfProcess *process, const pg_uuid_t *id)
{
	load_children(process);
	for (int i = 0; i < process->nchildren; i++)
		if (!process->children[i].is_map && memcmp(&process->children[i].id, id, UUID_LEN) == 0)
			return &process->children[i];
	return NULL;
}

/*
 * Is this the last event of a child?  done.invoke.ID is, and so is error.invoke.ID
 * of one that has reached an end which is a failure: one that merely failed may be
 * mended and go on, and a run that failed may be done once more.  The event itself tells, not the row of the child, which may
 * have been mended since and have its end still to tell.
 */
static bool
is_last(const WfChild *child, const WfTimerRow *timer)
{
	if (strncmp(timer->event, WF_DONE_INVOKE, strlen(WF_DONE_INVOKE)) == 0)
		return true;
	return !child->is_run && strncmp(timer->event, WF_ERROR_INVOKE, strlen(WF_ERROR_INVOKE)) == 0 &&
		!wf_child_event_is_error(timer->data);
}

/*
 * Does an event that is marked as a child's still count, that is, does the
 * process have that child?  With its last event a child is forgotten.
 */
bool
wf_child_list_counts(WfProcess *process, const WfTimerRow *timer)
{
	WfChild    *child = find_by_id(process, &timer->child);

	if (child == NULL)
		return false;
	/* When its state is left, there is no child to be cancelled. */
	if (is_last(child, timer))
		wf_child_list_forget(process, child);
	return true;
}

/* What stands for a map in the row. */
static Jsonb *
entry_of_map(const WfChild *child)
{
	const char *keys[lengthof(numbers) + 1] = {[lengthof(numbers)] = JOB};
	Jsonb	   *values[lengthof(numbers) + 1];

	for (int i = 0; i < (int) lengthof(numbers); i++)
	{
		int			number = *(const int *) ((const char *) child + numbers[i].offset);

		keys[i] = numbers[i].key;
		values[i] = wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(number)), NUMERICOID);
	}
	values[lengthof(numbers)] = child->is_run ? wf_jsonb_scalar(BoolGetDatum(true), BOOLOID) : NULL;
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* What stands for a child in the row. */
static Jsonb *
entry_of(const WfChild *child)
{
	static const char *keys[] = {RUN};
	Jsonb	   *id;

	if (child->is_map)
		return entry_of_map(child);
	id = wf_jsonb_string(wf_uuid_text(&child->id));
	return child->is_run ? wf_jsonb_object(1, keys, &id) : id;
}

/* Set the column "children" of the row, if needed, before the row is written. */
void
wf_child_list_write(WfProcess *process)
{
	const char **invokes;
	Jsonb	  **ids;

	if (!process->children_changed)
		return;
	process->children_changed = false;
	process->changed = true;
	process->row.children = (Datum) 0;
	if (process->nchildren == 0)
		return;
	invokes = palloc(sizeof(char *) * process->nchildren);
	ids = palloc(sizeof(Jsonb *) * process->nchildren);
	for (int i = 0; i < process->nchildren; i++)
	{
		invokes[i] = process->children[i].invoke;
		ids[i] = entry_of(&process->children[i]);
	}
	process->row.children = JsonbPGetDatum(wf_jsonb_object(process->nchildren,
														   invokes, ids));
}

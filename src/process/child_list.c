/*-------------------------------------------------------------------------
 *
 * child_list.c
 *	  The children of a process: in memory, and in its row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/array.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "process/child.h"
#include "process/child_list.h"
#include "process/process.h"
#include "store/timer.h"

static WfChild *
append(WfProcess *process, const char *invoke, const pg_uuid_t *id)
{
	WfChild    *child = wf_array_grow(process->children, process->nchildren,
								process->children_size);

	child->invoke = invoke;
	child->id = *id;
	return child;
}

/* From {"invoke id": "process", ...}, when somebody looks. */
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
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		char	   *text;
		pg_uuid_t	id;

		if ((token != WJB_KEY && token != WJB_VALUE) || value.type != jbvString)
			continue;
		text = pnstrdup(value.val.string.val, value.val.string.len);
		if (token == WJB_KEY)
			invoke = text;
		else if (wf_uuid_parse(text, &id))
			append(process, invoke, &id)->started = true;
	}
}

/*
 * A new one, which has its id and no more; out of memory again.
 */
WfChild *
wf_child_list_add(WfProcess *process, const char *invoke, const pg_uuid_t *id)
{
	load_children(process);
	return append(process, invoke, id);
}

void
wf_child_list_forget(WfProcess *process, WfChild *child)
{
	*child = process->children[--process->nchildren];
	process->children_changed = true;
}

/* The present child of an invoke id, or NULL. */
WfChild *
wf_child_list_find(WfProcess *process, const char *invoke)
{
	load_children(process);
	for (int i = 0; i < process->nchildren; i++)
		if (strcmp(process->children[i].invoke, invoke) == 0)
			return &process->children[i];
	return NULL;
}

static WfChild *
find_by_id(WfProcess *process, const pg_uuid_t *id)
{
	load_children(process);
	for (int i = 0; i < process->nchildren; i++)
		if (memcmp(&process->children[i].id, id, UUID_LEN) == 0)
			return &process->children[i];
	return NULL;
}

/*
 * Is an event that is marked as a child's still from one?  Its done.invoke is
 * the last thing we hear of it.
 */
bool
wf_child_list_counts(WfProcess *process, const WfTimerRow *timer)
{
	WfChild    *child = find_by_id(process, &timer->child);

	if (child == NULL)
		return false;
	/* The state that it leaves now has nobody to cancel. */
	if (strncmp(timer->event, WF_DONE_INVOKE, strlen(WF_DONE_INVOKE)) == 0)
		wf_child_list_forget(process, child);
	return true;
}

/* Before the row is written: its column `children`. */
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
		ids[i] = wf_jsonb_string(wf_uuid_text(&process->children[i].id));
	}
	process->row.children = JsonbPGetDatum(wf_jsonb_object(process->nchildren,
														   invokes, ids));
}

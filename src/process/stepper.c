/*-------------------------------------------------------------------------
 *
 * stepper.c
 *	  One transaction's worth of steps: which processes, and what is written.
 *
 * Runs in any backend.  Steppers nest: user code of a step may call us again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "base/errcodes.h"
#include "base/xact_stack.h"
#include "definition/definition.h"
#include "process/context.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"

/*
 * The steppers of this session that are under way, the innermost last: a
 * call of ours, and those that its user code is inside of.  An error leaves
 * its stepper behind, whose memory may be gone by the time we look here.
 */
static WfXactStack under_way;

static uint64 writes = 0;		/* of all steppers of this session */

/* claimed: see wf_changes_new(). */
WfStepper *
wf_stepper_new(int32 claimed)
{
	WfStepper  *stepper = palloc0(sizeof(WfStepper));

	stepper->out = wf_changes_new(claimed);
	stepper->made_after = writes;
	(void) wf_xact_stack_push(&under_way, stepper);
	return stepper;
}

/* The end of a stepper, after the write or when there is nothing to write. */
void
wf_stepper_end(WfStepper *stepper)
{
	/* calls whose errors user code caught are dropped first */
	int			depth = wf_xact_stack_depth(&under_way);

	Assert(depth > 0 && wf_xact_stack_item(&under_way, depth - 1) == stepper);
	wf_xact_stack_pop(&under_way, depth - 1);
}

/*
 * Have the steps of this stepper looked at and not written.  Before
 * the first process is added.
 */
void
wf_stepper_watch(WfStepper *stepper, WfObserver *onlooker)
{
	stepper->onlooker = onlooker;
	wf_changes_divert(stepper->out, &onlooker->sink);
}

/*
 * Its processes are those of timers that were claimed together: what an action
 * of one of them cannot do to another one, it could have done alone.  Before the
 * first process is added.
 */
void
wf_stepper_is_batch(WfStepper *stepper)
{
	stepper->is_batch = true;
}

/* The stepper's collected output; for what comes beside steps. */
WfChanges *
wf_stepper_changes(WfStepper *stepper)
{
	return stepper->out;
}

/* The process, if one of the outermost n steppers has it. */
static WfProcess *
find_under_way(const pg_uuid_t *id, int n)
{
	ListCell   *cell;

	for (int i = 0; i < n; i++)
	{
		WfStepper  *stepper = wf_xact_stack_item(&under_way, i);

		foreach(cell, stepper->processes)
		{
			WfProcess  *process = lfirst(cell);

			if (memcmp(&process->row.id, id, UUID_LEN) == 0)
				return process;
		}
	}
	return NULL;
}

/*
 * Is a process being stepped by this session right now?  Its definition, or
 * NULL.
 */
WfDefinition *
wf_stepper_definition_of(const pg_uuid_t *id)
{
	WfProcess  *process = find_under_way(id, wf_xact_stack_depth(&under_way));

	return process == NULL ? NULL : process->definition;
}

/* If this stepper has the process, it is nobody's child any more. */
void
wf_stepper_disown(WfStepper *stepper, const pg_uuid_t *id)
{
	ListCell   *cell;

	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		if (memcmp(&process->row.id, id, UUID_LEN) == 0)
			process->disowned = true;
	}
}

static WfProcess *
add_process(WfStepper *stepper, WfDefinition *definition)
{
	WfProcess  *process = palloc0(sizeof(WfProcess));

	process->stepper = stepper;
	process->definition = definition;
	stepper->processes = lappend(stepper->processes, process);
	return process;
}

/*
 * What else happens to be in a batch is no matter of the action that meets it
 * there, and no error that a definition could be told of: whoever works the
 * batch does it again in parts, as if another session were at that process.
 */
static void
refuse_under_way(const WfProcess *process)
{
	if (process == NULL)
		return;
	if (process->stepper->is_batch && process->stepper->stepping != process)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the process is in the same batch as the one whose action calls for it"),
				 errhint("Work one event at a time.")));
	ereport(ERROR,
			(errcode(WF_ERR_BUSY),
			 errmsg("the process is being stepped by this very session"),
			 errhint("An action reaches its own process with the actions \"raise\" and \"send\", or with workflow.post().")));
}

/* A row that is in no table, or not locked; as wf_stepper_add(). */
WfProcess *
wf_stepper_add_row(WfStepper *stepper, const WfRow *row,
				   WfDefinition *definition)
{
	int			depth;
	WfProcess  *process;

	/*
	 * Nobody else can hold a row that we hold; but we may be inside of an
	 * action of it.
	 */
	depth = wf_xact_stack_depth(&under_way);
	Assert(depth > 0 && wf_xact_stack_item(&under_way, depth - 1) == stepper);
	refuse_under_way(find_under_way(&row->id, depth - 1));
	process = add_process(stepper, definition != NULL ? definition :
						  wf_definition(row->definition));
	process->row = *row;
	process->loaded = row->context;
	process->unstarted = row->step == 0;
	return process;
}

/*
 * A locked process.  Error WF005 when an outer call of this session is
 * stepping the same one: an action cannot command its own process; error 55P03
 * when it is in the same batch as that one.
 */
WfProcess *
wf_stepper_add(WfStepper *stepper, const WfRow *row)
{
	return wf_stepper_add_row(stepper, row, NULL);
}

/*
 * A process that is not stored yet: initialized, no states, context as given.
 * It is found by wf_stepper_definition_of() from now on.
 */
WfProcess *
wf_stepper_add_new(WfStepper *stepper, WfDefinition *definition,
				   const pg_uuid_t *id, Jsonb *context, const char *key)
{
	WfProcess  *process = add_process(stepper, definition);

	process->is_new = true;
	process->key = key;
	process->starter = GetUserId();
	process->row.id = *id;
	process->row.definition = definition->id;
	process->row.status = WF_INITIALIZED;
	process->row.states = PointerGetDatum(construct_empty_array(TEXTOID));
	wf_context_set(process, context);
	process->changed = true;
	return process;
}

/*
 * Has another stepper, inside of an action of ours, written since this one was
 * made?  Rows that were read before may have been changed.
 */
bool
wf_stepper_is_late(const WfStepper *stepper)
{
	return stepper->made_after != writes;
}

/* A stepper of this session writes: see wf_stepper_is_late(). */
void
wf_stepper_written(void)
{
	writes++;
}

/*-------------------------------------------------------------------------
 *
 * stepper.c
 *	  The processes that are stepped in one transaction, and what is written.
 *
 * Runs in any backend.  A stepper is given rows that its caller has locked, in
 * the order of process_row.c; it locks nothing itself.  It, its processes and
 * the changes they collect live in the memory context that was current when it
 * was made.  Steppers nest: the author's code in a step may call a procedure
 * that makes another one.
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
#include "store/tenant.h"

/*
 * The steppers of this session that are under way, the innermost last.  An
 * error leaves its stepper behind, and with it a pointer to memory that may
 * have been freed; so items are read only after wf_xact_stack_depth(), which
 * drops those of subtransactions that have been rolled back.
 */
static WfXactStack under_way;

static uint64 writes = 0;		/* of all steppers of this session */

/*
 * Make a stepper in the current memory context.  claimed: the owner whose
 * timers were claimed, or 0; see wf_changes_new().
 */
WfStepper *
wf_stepper_new(int32 claimed)
{
	WfStepper  *stepper = palloc0(sizeof(WfStepper));

	stepper->changes = wf_changes_new(claimed);
	stepper->made_after = writes;
	(void) wf_xact_stack_push(&under_way, stepper);
	return stepper;
}

/*
 * End a stepper, after wf_step_write() or without it if nothing is to be
 * written.  It must be the innermost one.  Its memory stays.
 */
void
wf_stepper_end(WfStepper *stepper)
{
	/* drops steppers whose errors the author's code caught */
	int			depth = wf_xact_stack_depth(&under_way);

	Assert(depth > 0 && wf_xact_stack_item(&under_way, depth - 1) == stepper);
	wf_xact_stack_pop(&under_way, depth - 1);
}

/*
 * Have the steps of this stepper observed and not written.  Call it before the
 * first process is added.
 */
void
wf_stepper_observe(WfStepper *stepper, WfObserver *observer)
{
	stepper->observer = observer;
	wf_changes_divert(stepper->changes, &observer->changes);
}

/*
 * Say that the processes are those of timers that were claimed together, by
 * chance.  An action of one of them may call for another one, which is refused
 * in the same batch, but would have been possible if each had been stepped
 * alone; so that refusal has another SQLSTATE, see refuse_under_way().  Call it
 * before the first process is added.
 */
void
wf_stepper_is_batch(WfStepper *stepper)
{
	stepper->is_batch = true;
}

/*
 * Was the last error of this stepper a refusal of the event that was delivered,
 * before anything had changed?  Forgets it.
 */
bool
wf_stepper_refuses(WfStepper *stepper)
{
	bool		refusing = stepper->refusing;

	stepper->refusing = false;
	return refusing;
}

/* What the stepper will write, for callers that add to it beside steps. */
WfChanges *
wf_stepper_changes(WfStepper *stepper)
{
	return stepper->changes;
}

/* The process with this id if one of the n outermost steppers has it, or NULL. */
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

/* A process that this session is stepping, or NULL if it is not stepping that one. */
WfProcess *
wf_stepper_process_of(const pg_uuid_t *id)
{
	return find_under_way(id, wf_xact_stack_depth(&under_way));
}

/* If this stepper has the process, stop it from telling its parent anything. */
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

/* Take a process out again, so that nothing is written of it. */
void
wf_stepper_drop(WfStepper *stepper, WfProcess *process)
{
	stepper->processes = list_delete_ptr(stepper->processes, process);
}

/* Add a process of which nothing is known but the definition. */
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
 * Refuse a process that an outer stepper has, unless it is NULL.
 *
 * An action that commands its own process gets WF005.  One that meets another
 * process of its batch gets 55P03, as if another session had locked it: which
 * processes are in a batch is chance, so this must not become an error event
 * of the definition; the executor divides the batch and tries again.
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

/*
 * Add a process by a row that may be in no table, or not locked.  definition:
 * of the row, or NULL to have it looked up.  Errors as wf_stepper_add().
 */
WfProcess *
wf_stepper_add_row(WfStepper *stepper, const WfRow *row,
				   WfDefinition *definition)
{
	int			depth;
	WfProcess  *process;

	/*
	 * The lock keeps other sessions away, but it does not keep an action of
	 * this session from commanding its own process.
	 */
	depth = wf_xact_stack_depth(&under_way);
	Assert(depth > 0 && wf_xact_stack_item(&under_way, depth - 1) == stepper);
	refuse_under_way(find_under_way(&row->id, depth - 1));
	process = add_process(stepper, definition != NULL ? definition :
						  wf_definition(row->definition));
	process->row = *row;
	process->user_context.tenant = wf_tenant_name(row->tenant);
	process->loaded = row->context;
	process->unstarted = row->step == 0;
	process->loaded_step = row->step;
	process->loaded_status = row->status;
	return process;
}

/*
 * Add a process by its row, which the caller has locked.  Error WF005 if this
 * session is stepping it already, since an action cannot command its own
 * process; error 55P03 if it is in the same batch as the process of that
 * action.
 */
WfProcess *
wf_stepper_add(WfStepper *stepper, const WfRow *row)
{
	return wf_stepper_add_row(stepper, row, NULL);
}

/*
 * Add a process that has no row yet: status initialized, no states, the
 * context as given, started by the current user, for the tenant of the session.  key:
 * its business key, or NULL.  wf_stepper_process_of() finds it from now on.
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
	process->row.tenant = wf_tenant_datum();
	process->user_context.tenant = wf_tenant_name(process->row.tenant);
	wf_context_set(process, context);
	process->changed = true;
	return process;
}

/*
 * Has another stepper of this session written since this one was made?  That
 * is so if an action called a procedure; then rows that were read before it
 * may have been changed.
 */
bool
wf_stepper_is_late(const WfStepper *stepper)
{
	return stepper->made_after != writes;
}

/* Note that a stepper of this session writes, for wf_stepper_is_late(). */
void
wf_stepper_written(void)
{
	writes++;
}

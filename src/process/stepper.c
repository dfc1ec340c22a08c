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

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "process/process.h"

/*
 * The steppers of this session that are under way, the innermost last: a
 * call of ours, and those that its user code is inside of.  An error leaves
 * its stepper behind, whose memory may be gone by the time we look here; so
 * what tells the dead from the living, the subtransaction they belong to, is
 * kept here and not in them.
 */
typedef struct UnderWay
{
	WfStepper  *stepper;
	LocalTransactionId lxid;
	SubTransactionId subid;
} UnderWay;

static UnderWay *under_way = NULL;
static int	nunder_way = 0;
static int	under_way_size = 0;

static uint64 writes = 0;		/* of all steppers of this session */

static void
forget_dead_steppers(void)
{
	while (nunder_way > 0 &&
		   (under_way[nunder_way - 1].lxid != WF_MY_LXID ||
			!SubTransactionIsActive(under_way[nunder_way - 1].subid)))
		nunder_way--;
}

WfStepper *
wf_stepper_new(int32 claimed)
{
	WfStepper  *stepper = palloc0(sizeof(WfStepper));
	UnderWay   *mine;

	stepper->out = wf_output_new(claimed);

	forget_dead_steppers();
	if (nunder_way == under_way_size)
	{
		int			size = Max(8, 2 * under_way_size);

		if (under_way == NULL)
			under_way = MemoryContextAlloc(TopMemoryContext, size * sizeof(UnderWay));
		else
			under_way = repalloc(under_way, size * sizeof(UnderWay));
		under_way_size = size;
	}
	mine = &under_way[nunder_way++];
	stepper->made_after = writes;
	mine->stepper = stepper;
	mine->lxid = WF_MY_LXID;
	mine->subid = GetCurrentSubTransactionId();
	return stepper;
}

void
wf_stepper_end(WfStepper *stepper)
{
	forget_dead_steppers();		/* of calls whose errors user code caught */
	Assert(nunder_way > 0 && under_way[nunder_way - 1].stepper == stepper);
	nunder_way--;
}

void
wf_stepper_watch(WfStepper *stepper, WfOnlooker *onlooker)
{
	stepper->onlooker = onlooker;
	wf_output_divert(stepper->out, &onlooker->sink);
}

void
wf_stepper_is_batch(WfStepper *stepper)
{
	stepper->is_batch = true;
}

WfOutput *
wf_stepper_output(WfStepper *stepper)
{
	return stepper->out;
}

/* The process, if one of the outermost n steppers has it. */
static WfProcess *
find_under_way(const pg_uuid_t *id, int n)
{
	ListCell   *cell;

	for (int i = 0; i < n; i++)
		foreach(cell, under_way[i].stepper->processes)
		{
			WfProcess  *process = lfirst(cell);

			if (memcmp(&process->row.id, id, UUID_LEN) == 0)
				return process;
		}
	return NULL;
}

WfDefinition *
wf_stepping(const pg_uuid_t *id)
{
	WfProcess  *process;

	forget_dead_steppers();
	process = find_under_way(id, nunder_way);
	return process == NULL ? NULL : process->definition;
}

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

WfProcess *
wf_stepper_add_row(WfStepper *stepper, const WfRow *row,
				   WfDefinition *definition)
{
	WfProcess  *process;

	/*
	 * Nobody else can hold a row that we hold; but we may be inside of an
	 * action of it.
	 */
	forget_dead_steppers();
	Assert(nunder_way > 0 && under_way[nunder_way - 1].stepper == stepper);
	refuse_under_way(find_under_way(&row->id, nunder_way - 1));
	process = add_process(stepper, definition != NULL ? definition :
						  wf_definition(row->definition));
	process->row = *row;
	process->loaded = row->context;
	process->unstarted = row->step == 0;
	return process;
}

WfProcess *
wf_stepper_add(WfStepper *stepper, const WfRow *row)
{
	return wf_stepper_add_row(stepper, row, NULL);
}

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
	wf_set_context(process, context);
	process->changed = true;
	return process;
}

bool
wf_stepper_is_late(const WfStepper *stepper)
{
	return stepper->made_after != writes;
}

void
wf_stepper_written(void)
{
	writes++;
}

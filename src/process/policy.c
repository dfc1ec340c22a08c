/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  Which `on_error` counts for an event whose step failed.
 *
 * Runs in any backend.  A step that fails is undone, and the process is where it
 * was when the event came.  So only a state counts that is active there, and a
 * transition only if its source is.  Of these it is the transition whose code
 * has failed or, if that is code of a state that was to be entered, the one that
 * leads to it.  Which one that is can be seen while the error is thrown, and no
 * more when the executor records it in another transaction; so it is noted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "chart/chart.h"
#include "definition/definition.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/policy.h"
#include "process/process.h"
#include "process/restore.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/*
 * The last error of a step in this session: by the numbers of transitions, since
 * the chart may be gone when somebody asks.
 */
static struct
{
	bool		valid;
	pg_uuid_t	process;
	int32		definition;
	int			orders[2];		/* of WfTransition; -1: none */
}			noted;

static int
order_of(const WfTransition *transition)
{
	return transition == NULL ? -1 : transition->order;
}

/*
 * An error is thrown in a step of this process: note where.  For an error context
 * callback, which must not throw.  Of nested steps the outermost is noted last,
 * and it is the one whose event is tried again.
 */
void
wf_policy_note(const WfProcess *process)
{
	const WfMachine *machine = process->machine;
	int			category = ERRCODE_TO_CATEGORY(geterrcode());

	/* The callback is called for notices and warnings, too. */
	if (category == ERRCODE_SUCCESSFUL_COMPLETION || category == ERRCODE_WARNING)
		return;
	noted.valid = false;
	if (likely(!process->definition->chart->inner_policies) ||
		machine == NULL || machine->host != process)
		return;
	noted.valid = true;
	noted.process = process->row.id;
	noted.definition = process->row.definition;
	noted.orders[0] = order_of(wf_interpret_at(machine));
	noted.orders[1] = order_of(machine->cause);
}

/* A step begins: what was noted before is about another one. */
void
wf_policy_forget(void)
{
	noted.valid = false;
}

/* The transition of this number, if an active state has it, or NULL. */
static const WfTransition *
find_active(const WfProcess *process, int order)
{
	const WfChart *chart = process->definition->chart;

	for (int s = 0; s < chart->nstates && order >= 0; s++)
	{
		const WfState *state = &chart->states[s];

		if (!wf_machine_is_active(process->machine, s))
			continue;
		for (int i = 0; i < state->nalways; i++)
			if (state->always[i]->order == order)
				return state->always[i];
		for (int h = 0; h < state->nhandlers; h++)
			for (int i = 0; i < state->handlers[h].ntransitions; i++)
				if (state->handlers[h].transitions[i]->order == order)
					return state->handlers[h].transitions[i];
	}
	return NULL;
}

/*
 * That of the first state in document order that has transitions for the event,
 * climbing from each active leaf; NULL if nobody has.
 */
static const WfPolicy *
of_handler(const WfProcess *process, const char *event, bool *found)
{
	const WfChart *chart = process->definition->chart;
	const WfStateId *leaves;
	int			n = wf_machine_leaves(process->machine, &leaves);

	*found = true;
	for (int i = 0; i < n; i++)
		for (WfStateId id = leaves[i]; id != WF_NO_STATE; id = chart->states[id].parent)
		{
			int			from = 0;
			const WfHandler *handler = wf_chart_handler(&chart->states[id], event, &from);

			if (handler != NULL)
				return handler->ntransitions == 1 ? handler->transitions[0]->on_error :
					chart->states[id].on_error;
		}
	*found = false;
	return NULL;
}

/*
 * The `on_error` that counts for this event, whose step has failed and is undone;
 * or NULL if there is none.  Must be called before another step begins.  Where it
 * is not known which transition failed (at the commit, or before any was looked
 * at), the state counts that would be asked first.
 */
const WfPolicy *
wf_policy_of(WfProcess *process, const WfTimerRow *timer)
{
	const WfChart *chart = process->definition->chart;
	const WfPolicy *policy;
	bool		found;

	if (likely(!chart->inner_policies) || process->row.step == 0 ||
		!wf_restore_is_sound(process))
		return chart->states[0].on_error;
	if (noted.valid && noted.definition == process->row.definition &&
		memcmp(&noted.process, &process->row.id, UUID_LEN) == 0)
		for (int i = 0; i < (int) lengthof(noted.orders); i++)
		{
			const WfTransition *transition = find_active(process, noted.orders[i]);

			if (transition != NULL)
				return transition->on_error;
		}
	policy = of_handler(process, timer->event, &found);
	return found ? policy : chart->states[0].on_error;
}

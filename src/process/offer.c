/*-------------------------------------------------------------------------
 *
 * offer.c
 *	  The commands that a process would take, and why not the others.
 *
 * Runs in any backend, on a row that may be locked or not.  Guards are
 * evaluated, and no transition is taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pg_list.h"

#include "chart/chart.h"
#include "chart/event_type.h"
#include "eval/eval.h"
#include "interpreter/machine.h"
#include "interpreter/select.h"
#include "process/allow.h"
#include "process/event_scope.h"
#include "process/offer.h"
#include "process/process.h"
#include "process/restore.h"
#include "process/stepper.h"

/* What is known of a guard while the data of the event is not. */
typedef enum Truth
{
	NO,
	YES,
	UNKNOWN
} Truth;

static Truth truth_of(WfProcess *process, const WfGuard *guard, const WfEvent *event);

/* The truth of AND, as long as `decides` is NO, and of OR, if it is YES. */
static Truth
truth_of_parts(WfProcess *process, const WfGuard *guard, const WfEvent *event, Truth decides)
{
	Truth		result = decides == NO ? YES : NO;

	for (int i = 0; i < guard->nparts; i++)
	{
		Truth		part = truth_of(process, guard->parts[i], event);

		if (part == decides)
			return part;
		if (part == UNKNOWN)
			result = UNKNOWN;
	}
	return result;
}

/* The truth of a guard, whatever the data of the event; NULL always holds. */
static Truth
truth_of(WfProcess *process, const WfGuard *guard, const WfEvent *event)
{
	Truth		part;

	if (guard == NULL)
		return YES;
	switch (guard->kind)
	{
		case WF_GUARD_EXPR:
			if (wf_eval_depends_on_data(process->definition->evaluator, guard->expr,
										&process->user_context))
				return UNKNOWN;
			break;
		case WF_GUARD_NOT:
			part = truth_of(process, guard->parts[0], event);
			return part == UNKNOWN ? UNKNOWN : part == YES ? NO : YES;
		case WF_GUARD_AND:
			return truth_of_parts(process, guard, event, NO);
		case WF_GUARD_OR:
			return truth_of_parts(process, guard, event, YES);
		case WF_GUARD_IN_STATE:
			break;
	}
	return wf_select_guard_holds(process->machine, guard, event) ? YES : NO;
}

/* Does `allow` keep the actor from this transition? */
static bool
is_denied(WfProcess *process, const WfTransition *transition, const WfEvent *event)
{
	return transition->allow != NULL &&
		!process->machine->host_calls->allowed(process->machine->host, transition, event);
}

/* The transitions that active states have for an event, in document order. */
static List *
transitions_of(WfProcess *process, const WfEvent *event)
{
	const WfChart *chart = process->definition->chart;
	List	   *result = NIL;

	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		for (int h = 0; h < state->nhandlers && wf_machine_is_active(process->machine, i); h++)
		{
			const WfHandler *handler = &state->handlers[h];

			if (!wf_chart_descriptor_matches(handler->descriptor, event->name))
				continue;
			for (int t = 0; t < handler->ntransitions; t++)
				result = lappend(result, handler->transitions[t]);
		}
	}
	return result;
}

/* Why is no transition taken that an active state has for this event? */
static WfOfferKind
why_not(WfProcess *process, const WfEvent *event)
{
	WfOfferKind kind = WF_OFFER_GUARD;
	ListCell   *cell;

	foreach(cell, transitions_of(process, event))
	{
		const WfTransition *transition = lfirst(cell);

		if (truth_of(process, transition->guard, event) == NO)
			continue;
		if (!is_denied(process, transition, event))
			return WF_OFFER_DATA;
		kind = WF_OFFER_ALLOW;
	}
	return kind;
}

/*
 * The transition from which `allow` keeps the actor of an event that is not to be sent yet,
 * NULL: it may cause one.  Guards may think otherwise by then: those that hold count, and if
 * none does, all.
 */
static const WfTransition *
kept_from(WfProcess *process, const WfEvent *event)
{
	const WfTransition *denied = NULL;
	bool		permits = false;
	bool		holds = false;
	ListCell   *cell;

	foreach(cell, transitions_of(process, event))
	{
		const WfTransition *transition = lfirst(cell);
		bool		may_hold = truth_of(process, transition->guard, event) != NO;

		if (holds && !may_hold)
			continue;
		if (!is_denied(process, transition, event))
		{
			if (may_hold)
				return NULL;
			permits = true;
		}
		else if (denied == NULL || (may_hold && !holds))
			denied = transition;
		holds = holds || may_hold;
	}
	return permits && !holds ? NULL : denied;
}

/* As kept_from(), with the event in messages, and the owner's context left. */
static const WfTransition *
ask_kept_from(WfProcess *process, const WfEvent *event)
{
	const WfTransition *denied;

	WF_PUSH_STEP(process, event->name);
	process->asking = true;
	denied = kept_from(process, event);
	process->asking = false;
	wf_user_context_leave(&process->user_context);
	WF_POP_STEP();
	return denied;
}

/* As why_not(), likewise. */
static WfOfferKind
ask(WfProcess *process, const WfEvent *event)
{
	WfOfferKind kind;

	WF_PUSH_STEP(process, event->name);
	process->asking = true;
	kind = why_not(process, event);
	process->asking = false;
	wf_user_context_leave(&process->user_context);
	WF_POP_STEP();
	return kind;
}

/*
 * Error WF002 if `allow` keeps the actor of this event from what the process might do on it,
 * as if the event were sent.  Evaluates guards, and throws what they throw; takes no
 * transition.
 */
void
wf_offer_require(WfProcess *process, const WfEvent *event)
{
	const WfTransition *denied;

	wf_restore(process);
	denied = ask_kept_from(process, event);
	if (denied != NULL)
		wf_allow_refuse(denied, event->name, wf_event_scope_payload(event)->actor);
}

static WfOfferKind
offer(WfProcess *process, const char *event, const char *actor)
{
	WfPayload	payload = {.actor = actor};
	WfEvent		command = {event, &payload};
	const WfEventType *type = wf_event_type_of(process->definition->chart, event);

	if (type != NULL && type->refused)
		return WF_OFFER_UNDECLARED;
	return wf_process_would_take_event(process, &command) ? WF_OFFER_TAKEN : ask(process, &command);
}

/*
 * What would become of a command if `actor` sent it now without data?  Evaluates guards,
 * and throws what they throw.
 */
WfOfferKind
wf_offer(WfProcess *process, const char *event, const char *actor)
{
	wf_restore(process);
	return offer(process, event, actor);
}

/*
 * Call found(arg, event, kind) for each command that an active state handles, in
 * document order and once for each descriptor.  kind: what would become of it if
 * `actor` sent it now without data.  Evaluates guards, and throws what they throw.
 */
void
wf_offer_list(WfProcess *process, const char *actor,
			  void (*found) (void *arg, const char *event, WfOfferKind kind), void *arg)
{
	const WfChart *chart = process->definition->chart;
	List	   *seen = NIL;

	wf_restore(process);
	for (int i = 0; i < chart->nstates; i++)
	{
		if (!wf_machine_is_active(process->machine, i))
			continue;
		for (int h = 0; h < chart->states[i].nhandlers; h++)
		{
			const char *name = chart->states[i].handlers[h].descriptor;
			ListCell   *cell;
			bool		again = false;

			foreach(cell, seen)
				again = again || strcmp(lfirst(cell), name) == 0;
			if (again || !wf_process_is_command(name))
				continue;
			seen = lappend(seen, unconstify(char *, name));
			found(arg, name, offer(process, name, actor));
		}
	}
}

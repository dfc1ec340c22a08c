/*
 * books.c
 *	  A host that keeps books of what it is asked for.
 */
#include "postgres_fe.h"

#include "books.h"
#include "target.h"

/* What a host is asked for, in numbers to keep. */
typedef enum Asked
{
	ASKED_GUARD = 1,
	ASKED_ALLOWED,
	ASKED_ACTION,
	ASKED_ACTION_EVENT,
	ASKED_ARM,
	ASKED_DISARM,
	ASKED_INVOKE,
	ASKED_INVOKE_START,
	ASKED_UNINVOKE,
	ASKED_DONE_PAYLOAD,
	ASKED_DONE,
	ASKED_TOO_MANY,
	ASKED_UNHEARD
} Asked;

static void
see(Host *host, Asked what, int which)
{
	host->seen = (host->seen ^ (what << 16 | which)) * UINT64CONST(0x100000001b3);
}

static bool
guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_GUARD, expr->id);
	if (host->salt == 255)
		longjmp(host->thrown, 1);
	host->machine->guard_failed |= host->salt == 254;
	return ((expr->id + 1) * (host->salt + 1) * 37 >> 3) & 1;
}

static bool
allowed(void *self, const WfTransition *transition, const WfEvent *event)
{
	Host	   *host = self;

	wf_insist(transition->allow != NULL, "asked about a transition for all");
	see(host, ASKED_ALLOWED, transition->order);
	return (host->salt + transition->order) & 1;
}

static void
raise_some(Host *host, const char *name)
{
	WfEvent		event = {pstrdup(name), NULL};

	if (host->rest-- > 0)
		wf_interpret_raise(host->machine, &event);
}

static void
action(void *self, const WfAction *action, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_ACTION, action->kind);
	see(host, ASKED_ACTION_EVENT, event ? strlen(event->name) : 0);
	if (action->kind == WF_ACTION_FOREACH)
	{
		for (int n = choose(&host->bytes, 3); n > 0; n--)
		{
			wf_interpret_actions(host->machine, &action->actions, event);
			if (host->machine->skip_block)
				break;
		}
	}
	else if (action->kind == WF_ACTION_RAISE)
	{
		char	   *name = pstrdup(action->event_type->text + 1);

		name[strlen(name) - 1] = '\0';
		raise_some(host, name);
	}
	else
		switch (choose(&host->bytes, 16))
		{
			case 13:
				raise_some(host, event_names[choose(&host->bytes, EVENT_NAMES)]);
				break;
			case 14:
				raise_some(host, "error.execution");
				host->machine->skip_block = true;
				break;
			case 15:
				if (one_in(&host->bytes, 4))
					longjmp(host->thrown, 1);
				break;
		}
}

static void
arm(void *self, const WfState *state, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_ARM, state->id);
	wf_insist(wf_state_is_armed(state) && !host->armed[state->id]++,
			  "armed for nothing, or twice");
	wf_insist(wf_machine_is_active(host->machine, state->id), "armed, but not active");
}

static void
disarm(void *self, const WfState *state)
{
	Host	   *host = self;

	see(host, ASKED_DISARM, state->id);
	wf_insist(host->armed[state->id]--, "disarmed, but not armed");
}

static void
invoke(void *self, const WfState *state, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_INVOKE, state->id);
	wf_insist(state->ninvokes > 0 && !host->invoked[state->id]++,
			  "invoked for nothing, or twice");
	wf_insist(wf_machine_is_active(host->machine, state->id), "invoked, but not active");
}

static void
invoke_start(void *self, const WfState *state)
{
	Host	   *host = self;

	see(host, ASKED_INVOKE_START, state->id);
	wf_insist(host->invoked[state->id] && !host->started[state->id]++,
			  "started, but not invoked, or twice");
}

static void
uninvoke(void *self, const WfState *state)
{
	Host	   *host = self;

	see(host, ASKED_UNINVOKE, state->id);
	wf_insist(host->invoked[state->id]--, "uninvoked, but not invoked");
	host->started[state->id] = 0;
}

static void *
done_payload(void *self, const WfState *final, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_DONE_PAYLOAD, final->id);
	wf_insist(final->kind == WF_STATE_FINAL, "done without a final state");
	return NULL;
}

static void
done(void *self, const WfState *final, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_DONE, final->id);
	wf_insist(final->kind == WF_STATE_FINAL && host->ends++ == 0,
			  "ended without a final state, or twice");
}

static void
too_many_microsteps(void *self, int limit)
{
	Host	   *host = self;

	see(host, ASKED_TOO_MANY, limit);
	wf_insist(limit == host->machine->max_microsteps, "another limit");
	longjmp(host->thrown, 1);
}

static void
unheard(void *self, const WfEvent *event)
{
	Host	   *host = self;

	see(host, ASKED_UNHEARD, strlen(event->name));
}

const WfHost bookkeeper = {
	.guard = guard,
	.action = action,
	.arm = arm,
	.disarm = disarm,
	.invoke = invoke,
	.invoke_start = invoke_start,
	.uninvoke = uninvoke,
	.done_payload = done_payload,
	.done = done,
	.too_many_microsteps = too_many_microsteps,
	.allowed = allowed,
	.unheard = unheard,
};

void
check_books(Host *host)
{
	WfMachine  *machine = host->machine;
	const WfChart *chart = host->chart;

	wf_insist(machine->running != (host->ends > 0),
			  "it ended without a word, or goes on");
	wf_insist(machine->microsteps <= machine->max_microsteps,
			  "more microsteps than allowed");
	wf_insist(!machine->running || wf_machine_legal(machine),
			  "the configuration is not legal");
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];
		bool		here = machine->running && wf_machine_is_active(machine, i);

		wf_insist(host->armed[i] == (here && wf_state_is_armed(state)),
				  "timers are armed for other states than the active ones");
		wf_insist(host->invoked[i] == (here && state->ninvokes > 0) &&
				  host->started[i] == host->invoked[i],
				  "children run for other states than the active ones");
	}
	for (int i = 0; i < machine->nhistory; i++)
	{
		const WfHistoryValue *value = &machine->history[i];

		wf_insist(value->n > 0 &&
				  chart->states[value->history].kind == WF_STATE_HISTORY,
				  "a history is none");
		for (int k = 0; k < value->n; k++)
			wf_insist(wf_is_descendant(chart, value->states[k],
									   chart->states[value->history].parent) &&
					  (k == 0 || value->states[k] > value->states[k - 1]),
					  "a history remembers other states");
	}
}

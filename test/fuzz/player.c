/*
 * player.c
 *	  Plays charts and says what happens; appendix_d.pl compares.
 *
 * Standard input, line by line:
 *
 *	chart DEFINITION	 compile it and start a machine
 *	event NAME			 let it take an event
 *	restore				 go on with a new machine, made of leaves and history
 *	end					 stop the machine
 *
 * Standard output, for each chart: a line for each action ("NAME@EVENT") and
 * each call of the host, in their order, and after each macrostep a line
 * "rest" with the verdict, the leaves and the history.  After "limit" or
 * "refused" nothing more comes of a chart.
 *
 * The data of a machine are eight bits.  The function "bitN" as a guard is bit
 * N, as an action it turns that bit over; the action "fail" fails softly; any
 * other action is only written down.
 */
#include "postgres_fe.h"

#include <setjmp.h>

#include "compiler/compile.h"
#include "interpreter/interpret.h"
#include "interpreter/select.h"
#include "memory.h"

#define LIMIT	60

typedef struct Player
{
	const WfChart *chart;
	WfMachine  *machine;
	int			bits;
	jmp_buf		limit;
} Player;

static const char *
name_of(const WfEvent *event)
{
	return event ? event->name : "-";
}

static int
bit_of(const char *function)
{
	return strncmp(function, "bit", 3) == 0 ? 1 << (function[3] - '0') : 0;
}

static bool
guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	return (((Player *) self)->bits & bit_of(expr->text)) != 0;
}

static void
raise_event(Player *player, const char *name)
{
	WfEvent		event = {name, NULL};

	wf_interpret_raise(player->machine, &event);
}

/* As many times as the array has elements: it is one of digits. */
static void
repeat(Player *player, const WfAction *action, const WfEvent *event)
{
	for (const char *c = action->event_data->text; *c; c++)
	{
		if (*c < '0' || *c > '9')
			continue;
		wf_interpret_actions(player->machine, &action->actions, event);
		if (player->machine->skip_block)
			break;
	}
}

static void
action(void *self, const WfAction *action, const WfEvent *event)
{
	Player	   *player = self;

	if (action->kind == WF_ACTION_FOREACH)
		repeat(player, action, event);
	else if (action->kind == WF_ACTION_RAISE)
	{
		char	   *name = pstrdup(action->event_type->text + 1);

		name[strlen(name) - 1] = '\0';
		printf("raise %s@%s\n", name, name_of(event));
		raise_event(player, name);
	}
	else
	{
		const char *function = action->expr->text;

		printf("%s@%s\n", function, name_of(event));
		player->bits ^= bit_of(function);
		if (strcmp(function, "fail") == 0)
		{
			raise_event(player, "error.execution");
			player->machine->skip_block = true;
		}
	}
}

static void
arm(void *self, const WfState *state, const WfEvent *event)
{
	printf("arm %s@%s\n", state->name, name_of(event));
}

static void
disarm(void *self, const WfState *state)
{
	printf("disarm %s\n", state->name);
}

static void
invoke(void *self, const WfState *state, const WfEvent *event)
{
	printf("invoke %s@%s\n", state->name, name_of(event));
}

static void
invoke_start(void *self, const WfState *state)
{
	printf("start %s\n", state->name);
}

static void
uninvoke(void *self, const WfState *state)
{
	printf("uninvoke %s\n", state->name);
}

static void *
done_payload(void *self, const WfState *final, const WfEvent *event)
{
	return NULL;
}

static void
done(void *self, const WfState *final, const WfEvent *event)
{
}

static void
too_many_microsteps(void *self, int limit)
{
	longjmp(((Player *) self)->limit, 1);
}

static const WfHost calls = {
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
};

static void
say_rest(Player *player, bool would, bool taken)
{
	WfMachine  *machine = player->machine;
	const WfStateId *leaves;
	int			n = wf_machine_leaves(machine, &leaves);

	if (machine->running && !wf_machine_legal(machine))
		printf("illegal\n");
	printf("rest %d %d %s", would, taken, machine->running ? "runs" : "over");
	for (int i = 0; i < n; i++)
		printf(" %s", player->chart->states[leaves[i]].name);
	printf("\n");
	for (int i = 0; i < machine->nhistory; i++)
	{
		const WfHistoryValue *value = &machine->history[i];

		printf("history %s", player->chart->states[value->history].name);
		for (int k = 0; k < value->n; k++)
			printf(" %s", player->chart->states[value->states[k]].name);
		printf("\n");
	}
}

static void
do_chart(Player *player, const char *text)
{
	WfFaults	faults = {0};

	player->bits = 0;
	player->machine = NULL;
	player->chart = wf_compile(text, strlen(text), &faults);
	if (player->chart && player->chart->warnings.n)
		faults = player->chart->warnings;
	if (faults.n)
	{
		printf("refused %s: %s\n", faults.items[0].path,
			   faults.items[0].message);
		return;
	}
	player->machine = wf_machine_new(player->chart, &calls, player, LIMIT);
	if (setjmp(player->limit))
	{
		printf("limit\n");
		player->machine = NULL;
		return;
	}
	wf_interpret_start(player->machine);
	say_rest(player, false, false);
}

static void
do_event(Player *player, const char *name)
{
	WfEvent		event = {pstrdup(name), NULL};
	bool		would;
	bool		taken;

	if (setjmp(player->limit))
	{
		printf("limit\n");
		player->machine = NULL;
		return;
	}
	would = wf_select_would_take(player->machine, &event);
	taken = wf_interpret_event(player->machine, &event);
	say_rest(player, would, taken);
}

static void
do_restore(Player *player)
{
	WfMachine  *old = player->machine;
	WfMachine  *new = wf_machine_new(player->chart, &calls, player, LIMIT);
	const WfStateId *leaves;
	int			n = wf_machine_leaves(old, &leaves);

	for (int i = 0; i < n; i++)
		wf_machine_activate(new, leaves[i]);
	new->nhistory = old->nhistory;
	new->history = old->history;
	player->machine = new;
}

static void
do_end(Player *player)
{
	if (player->machine && player->machine->running)
	{
		wf_interpret_stop(player->machine, NULL);
		say_rest(player, false, false);
	}
	printf("end\n");
	wf_memory_reset();
}

int
main(void)
{
	static Player player;
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		len;

	while ((len = getline(&line, &size, stdin)) > 0)
	{
		line[len - 1] = '\0';
		if (strncmp(line, "chart ", 6) == 0)
			do_chart(&player, line + 6);
		else if (strcmp(line, "end") == 0)
			do_end(&player);
		else if (player.machine == NULL || !player.machine->running)
			;
		else if (strcmp(line, "restore") == 0)
			do_restore(&player);
		else
			do_event(&player, line + 6);
	}
	free(line);
	return 0;
}

/*
 * speed.c
 *	  How many microsteps a second the interpreter takes, without a host.
 *
 * Charts of several sizes and shapes; each measure is the best of three.
 *
 *	flat		one state after the other
 *	nested		states in states, 10 deep; events handled inside and by the
 *				outermost
 *	one			a parallel state, an event that one region handles
 *	all			the same, an event that all regions handle
 *	memory		its deep history: left and entered again
 *	memories	the same, where each region has a history state, too
 *	finish		all regions finish together, and it starts anew
 *
 * "leaves" is the time that reading the active states takes, "restore" that of
 * making a machine of them.
 */
#include "postgres_fe.h"

#include <time.h>

#include "compiler/compile.h"
#include "interpreter/interpret.h"
#include "memory.h"

static bool
guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	return true;
}

static void
action(void *self, const WfAction *action, const WfEvent *event)
{
}

static void
state_event(void *self, const WfState *state, const WfEvent *event)
{
}

static void
state_only(void *self, const WfState *state)
{
}

static void *
payload(void *self, const WfState *state, const WfEvent *event)
{
	return NULL;
}

static void
limit(void *self, int limit)
{
	abort();
}

static const WfHost calls = {
	.guard = guard,
	.action = action,
	.arm = state_event,
	.disarm = state_only,
	.invoke = state_event,
	.invoke_start = state_only,
	.uninvoke = state_only,
	.done_payload = payload,
	.done = state_event,
	.too_many_microsteps = limit,
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void
write_flat(StringInfo text, int n)
{
	appendStringInfoString(text, "{\"id\":\"m\",\"initial\":\"s0\",\"states\":{");
	for (int i = 0; i < n; i++)
		appendStringInfo(text, "%s\"s%d\":{\"on\":{\"E\":{\"target\":\"s%d\",\"guard\":\"g\"}}}",
						 i ? "," : "", i, (i + 1) % n);
	appendStringInfoString(text, "}}");
}

/* n / 10 columns of ten states, each inside of the one before. */
static void
write_nested(StringInfo text, int n)
{
	appendStringInfoString(text, "{\"id\":\"m\",\"initial\":\"s0\",\"states\":{");
	for (int i = 0; i < n / 10; i++)
	{
		appendStringInfo(text, "%s\"s%d\":{\"on\":{\"F\":\"s%d\"}", i ? "," : "",
						 i, (i + 1) % (n / 10));
		for (int k = 0; k < 8; k++)
			appendStringInfo(text, ",\"initial\":\"d\",\"states\":{\"d\":{\"tags\":[]");
		appendStringInfoString(text, ",\"initial\":\"p\",\"states\":{\"p\":{\"on\":{\"E\":\"q\"}},\"q\":{\"on\":{\"E\":\"p\"}}}");
		for (int k = 0; k < 8; k++)
			appendStringInfoString(text, "}}");
		appendStringInfoChar(text, '}');
	}
	appendStringInfoString(text, "}}");
}

/* n / 3 regions with two states each, or n / 4 with a history state more. */
static void
write_parallel(StringInfo text, int n, bool histories)
{
	appendStringInfoString(text, "{\"id\":\"m\",\"initial\":\"p\",\"states\":{"
						   "\"o\":{\"on\":{\"BACK\":\"p.h\",\"NEW\":\"p\"}},"
						   "\"p\":{\"type\":\"parallel\",\"on\":{\"AWAY\":\"o\"},\"onDone\":\"o\",\"states\":{"
						   "\"h\":{\"history\":\"deep\"}");
	for (int i = 0; i < n / (histories ? 4 : 3); i++)
		appendStringInfo(text, ",\"r%d\":{\"initial\":\"a\",\"states\":{%s"
						 "\"a\":{\"on\":{\"E%d\":\"b\",\"ALL\":\"b\",\"END\":\"f\"}},"
						 "\"b\":{\"on\":{\"E%d\":\"a\",\"ALL\":\"a\",\"END\":\"f\"}},\"f\":{\"type\":\"final\"}}}",
						 i, histories ? "\"h\":{\"type\":\"history\"}," : "", i, i);
	appendStringInfoString(text, "}}}}");
}

static WfMachine *
machine_of(const char *text)
{
	WfFaults	faults = {0};
	WfChart    *chart = wf_compile(text, strlen(text), &faults);
	WfMachine  *machine;

	if (chart == NULL)
	{
		fprintf(stderr, "%s: %s\n", faults.items[0].path,
				faults.items[0].message);
		exit(1);
	}
	machine = wf_machine_new(chart, &calls, NULL, 100000);
	wf_interpret_start(machine);
	return machine;
}

/* Events in turn, for at least a tenth of a second; microseconds a microstep. */
static double
run(WfMachine *machine, const char *const *events, int nevents)
{
	double		best = 1e9;

	for (int round = 0; round < 3; round++)
	{
		double		start = now();
		double		took;
		int64		steps = 0;

		do
		{
			for (int i = 0; i < 4 * nevents; i++)
			{
				WfEvent		event = {events[i % nevents], NULL};

				wf_interpret_event(machine, &event);
				steps += machine->microsteps;
			}
			took = now() - start;
		} while (took < 0.1);
		best = Min(best, took / steps * 1e6);
	}
	return best;
}

static void
report(const char *shape, const char *what, int n, double us)
{
	printf("%-10s %-8s %6d states %10.3f us %12.0f /s\n", shape, what, n, us,
		   1e6 / us);
	fflush(stdout);
}

static void
measure(const char *shape, const char *what, int n,
		WfMachine *machine, const char *const *events, int nevents)
{
	report(shape, what, n, run(machine, events, nevents));
}

static void
measure_rest(const char *shape, int n, WfMachine *machine)
{
	static WfStateId kept[WF_MAX_STATES];
	const WfStateId *leaves;
	int			nleaves = wf_machine_leaves(machine, &leaves);
	int			rounds = 1 + 1000000 / (nleaves + n / 64 + 10);
	double		start = now();

	for (int i = 0; i < rounds; i++)
		nleaves = wf_machine_leaves(machine, &leaves);
	report(shape, "leaves", n, (now() - start) / rounds * 1e6);
	memcpy(kept, leaves, nleaves * sizeof(WfStateId));
	start = now();
	for (int i = 0; i < rounds; i++)
	{
		wf_machine_reset(machine, NULL);
		for (int k = 0; k < nleaves; k++)
			wf_machine_activate(machine, kept[k]);
		if (!wf_machine_legal(machine))
			abort();
	}
	report(shape, "restore", n, (now() - start) / rounds * 1e6);
}

int
main(void)
{
	static const int sizes[] = {10, 100, 1000, 5000};
	static const char *const next[] = {"E"};
	static const char *const inside[] = {"E", "E", "E", "F"};
	static const char *const one[] = {"E0", "E1", "E2"};
	static const char *const all[] = {"ALL"};
	static const char *const memory[] = {"AWAY", "BACK"};
	static const char *const finish[] = {"END", "NEW"};

	for (int i = 0; i < (int) lengthof(sizes); i++)
	{
		int			n = sizes[i];
		StringInfoData text;
		WfMachine  *machine;

		initStringInfo(&text);
		write_flat(&text, n);
		machine = machine_of(text.data);
		measure("flat", "", n, machine, next, lengthof(next));
		measure_rest("flat", n, machine);

		resetStringInfo(&text);
		write_nested(&text, n);
		machine = machine_of(text.data);
		measure("nested", "", n, machine, inside, lengthof(inside));
		measure_rest("nested", n, machine);

		resetStringInfo(&text);
		write_parallel(&text, n, false);
		machine = machine_of(text.data);
		measure("parallel", "one", n, machine, one, lengthof(one));
		measure("parallel", "all", n, machine, all, lengthof(all));
		measure("parallel", "memory", n, machine, memory, lengthof(memory));
		measure_rest("parallel", n, machine);
		measure("parallel", "finish", n, machine, finish, lengthof(finish));

		resetStringInfo(&text);
		write_parallel(&text, n, true);
		machine = machine_of(text.data);
		measure("parallel", "memories", n, machine, memory, lengthof(memory));
		wf_memory_reset();
	}
	return 0;
}

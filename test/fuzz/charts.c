/*
 * charts.c
 *	  Fuzz target: a chart and a sequence of events, both made from the bytes.
 *
 * The bytes are read as a row of decisions: which states there are, their
 * transitions, then events, what guards answer and what actions do.  When they
 * have run out every decision is the first of its choices.  With WF_SHOW in the
 * environment the definition is printed.
 *
 * After each macrostep the host must find its books in order: timers armed and
 * children invoked for exactly the active states that have some, the
 * configuration legal.  And what is kept of a machine between two steps is all
 * there is to it: another one, made of its leaves and history, takes the next
 * event in the same way.
 */
#include "postgres_fe.h"

#include "books.h"
#include "compiler/compile.h"
#include "interpreter/select.h"
#include "memory.h"
#include "target.h"

#define MOST_EVENTS		40

/* ----------------------------------------------------------------
 *						What is kept between two steps
 * ----------------------------------------------------------------
 */
typedef struct Kept
{
	bool		running;
	int			nleaves;
	WfStateId	leaves[MOST_STATES];
	int			nhistory;
	WfHistoryValue *history;
} Kept;

static int
compare_values(const void *a, const void *b)
{
	return ((const WfHistoryValue *) a)->history -
		((const WfHistoryValue *) b)->history;
}

/* In the order of the history states: that of the array means nothing. */
static WfHistoryValue *
copy_history(const WfHistoryValue *history, int n)
{
	WfHistoryValue *copy = palloc(n * sizeof(WfHistoryValue));

	for (int i = 0; i < n; i++)
	{
		copy[i] = history[i];
		copy[i].states = palloc(history[i].n * sizeof(WfStateId));
		memcpy(copy[i].states, history[i].states,
			   history[i].n * sizeof(WfStateId));
	}
	qsort(copy, n, sizeof(WfHistoryValue), compare_values);
	return copy;
}

static bool
same_history(const WfHistoryValue *a, const WfHistoryValue *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i].history != b[i].history || a[i].n != b[i].n ||
			memcmp(a[i].states, b[i].states, a[i].n * sizeof(WfStateId)) != 0)
			return false;
	return true;
}

static void
keep(WfMachine *machine, Kept *kept)
{
	const WfStateId *leaves;

	kept->running = machine->running;
	kept->nleaves = wf_machine_leaves(machine, &leaves);
	wf_insist(kept->nleaves <= machine->chart->nstates, "too many leaves");
	memcpy(kept->leaves, leaves, kept->nleaves * sizeof(WfStateId));
	kept->nhistory = machine->nhistory;
	kept->history = copy_history(machine->history, machine->nhistory);
}

static bool
same_kept(const Kept *a, const Kept *b)
{
	return a->running == b->running && a->nleaves == b->nleaves &&
		memcmp(a->leaves, b->leaves, a->nleaves * sizeof(WfStateId)) == 0 &&
		a->nhistory == b->nhistory &&
		same_history(a->history, b->history, a->nhistory);
}

/* history: the machine's to read, the caller's to keep. */
static void
restore(WfMachine *machine, Host *host, const Kept *kept,
		WfHistoryValue *history)
{
	wf_machine_reset(machine, host);
	for (int i = 0; i < kept->nleaves; i++)
		wf_insist(wf_machine_activate(machine, kept->leaves[i]),
				  "a leaf is none");
	machine->nhistory = kept->nhistory;
	machine->history = history;
}

/* ----------------------------------------------------------------
 *						The play
 * ----------------------------------------------------------------
 */
/* One macrostep.  Returns whether it came to rest; false: it was thrown out. */
static bool
step(Host *host, const char *name, bool *taken)
{
	WfEvent		event = {name, NULL};
	bool		would;

	host->seen = 0;
	host->rest = 30;
	*taken = false;
	if (setjmp(host->thrown))
		return false;
	if (name == NULL)
	{
		wf_interpret_start(host->machine);
		return true;
	}
	would = wf_select_would_take(host->machine, &event);
	host->seen = 0;
	*taken = wf_interpret_event(host->machine, &event);
	wf_insist(*taken || !would, "an event that would be taken was not");
	wf_insist(*taken == host->machine->taken && *taken == (host->machine->microsteps > 0),
			  "taken, or not?");
	return true;
}

/*
 * Some states that may be active together, no history states, perhaps none.
 * Returns how many.
 */
static int
some_places(Bytes *bytes, const WfChart *chart, WfStateId *places)
{
	WfStateId	a;
	WfStateId	b;
	int			n = 0;

	for (int i = choose(bytes, 3); i >= 0; i--)
	{
		int			id = choose(bytes, chart->nstates);

		if (chart->states[id].kind != WF_STATE_HISTORY)
			places[n++] = id;
	}
	return n > 0 && wf_chart_settle(chart, places, &n, &a, &b) ? n : 0;
}

/* Put the machine somewhere, instead of an event. */
static bool
move(Host *host, const WfStateId *places, int n, bool quiet)
{
	host->rest = 30;
	if (setjmp(host->thrown))
		return false;
	wf_interpret_move(host->machine, places, n, quiet, NULL);
	for (int i = 0; i < n && quiet; i++)
		wf_insist(wf_machine_is_active(host->machine, places[i]),
				  "moved, but it is not there");
	return true;
}

/*
 * A second machine that is declared to be where the first was, then where a
 * quiet move has led that.
 */
static void
check_configure(Host *host, const Kept *start, const WfStateId *places, int n)
{
	WfMachine  *other = wf_machine_new(host->chart, &bookkeeper, NULL, 1);
	const WfStateId *leaves;
	const WfStateId *same;
	int			nleaves;

	wf_insist(wf_interpret_configure(other, start->leaves, start->nleaves),
			  "at its end, but it went on");
	wf_insist(wf_interpret_configure(other, places, n) == other->running &&
			  other->running == host->machine->running,
			  "it is at its end, or not?");
	wf_insist(wf_machine_legal(other), "configured, but not legal");
	nleaves = wf_machine_leaves(other, &leaves);
	wf_insist(nleaves == wf_machine_leaves(host->machine, &same) &&
			  memcmp(leaves, same, nleaves * sizeof(WfStateId)) == 0,
			  "configured, and moved elsewhere");
}

/* The names that events may have: also those that the chart waits for. */
static const char *
some_event(Bytes *bytes, const WfChart *chart)
{
	int			which = choose(bytes, 2 + EVENT_NAMES);
	const WfState *state = &chart->states[choose(bytes, chart->nstates)];

	if (which < EVENT_NAMES)
		return event_names[which];
	if (state->ntimers)
		return state->timers[0].event;
	return state->nhandlers ? state->handlers[0].descriptor : "none";
}

/*
 * The same event for a machine that was just restored: it must be taken in the
 * same way.  The books are those of the first from before.
 */
static void
check_twin(Host *host, const Host *before, const Kept *start,
		   const char *name, bool rests, bool taken)
{
	static Host twin;
	WfHistoryValue *history = copy_history(start->history, start->nhistory);
	Kept		here;
	Kept		there;
	bool		twin_taken;

	memcpy(&twin, before, sizeof(Host));
	twin.machine = wf_machine_new(host->chart, &bookkeeper, &twin,
								  host->machine->max_microsteps);
	restore(twin.machine, &twin, start, history);
	wf_insist(step(&twin, name, &twin_taken) == rests &&
			  twin_taken == taken && twin.seen == host->seen,
			  "a restored machine behaves in another way");
	wf_insist(same_history(history, start->history, start->nhistory),
			  "the host's history was written to");
	if (!rests)
		return;
	check_books(&twin);
	keep(host->machine, &here);
	keep(twin.machine, &there);
	wf_insist(same_kept(&here, &there),
			  "a restored machine comes to rest elsewhere");
}

static void
check_stop(Host *host)
{
	WfMachine  *machine = host->machine;
	const WfStateId *leaves;

	if (setjmp(host->thrown))
		return;
	if (!machine->running)
		return;
	wf_interpret_stop(machine, NULL);
	wf_insist(!machine->running && wf_machine_leaves(machine, &leaves) == 0,
			  "stopped, and still active");
	for (int i = 0; i < host->chart->nstates; i++)
		wf_insist(!host->armed[i] && !host->invoked[i],
				  "stopped, and something goes on");
}

/*
 * An event or, now and then, a move to some states.  before and start: the
 * host and the machine as they are.  Returns whether it came to rest.
 */
static bool
go_on(Host *host, const Host *before, const Kept *start, const char *name,
	  const WfStateId *places, int nplaces, bool quiet)
{
	bool		taken;
	bool		rests;

	if (nplaces > 0)
	{
		rests = move(host, places, nplaces, quiet);
		if (rests)
			check_books(host);
		if (rests && quiet)
			check_configure(host, start, places, nplaces);
	}
	else
	{
		rests = step(host, name, &taken);
		if (rests)
			check_books(host);
		check_twin(host, before, start, name, rests, taken);
	}
	return rests;
}

/* As in the server: what was thrown out of never happened. */
static void
undo(Host *host, const Host *before, const Kept *start)
{
	size_t		at = host->bytes.at;
	int			limit = host->machine->max_microsteps;

	memcpy(host, before, sizeof(Host));
	host->bytes.at = at;
	host->machine = wf_machine_new(host->chart, &bookkeeper, host, limit);
	restore(host->machine, host, start, start->history);
	check_books(host);
}

static void
play(Host *host)
{
	Bytes	   *bytes = &host->bytes;
	bool		taken;
	Kept		kept;

	host->machine = wf_machine_new(host->chart, &bookkeeper, host,
								   1 + choose(bytes, 20));
	host->salt = choose(bytes, 255);
	if (!step(host, NULL, &taken))
		return;
	check_books(host);
	for (int n = 0; n < MOST_EVENTS && host->machine->running &&
		 bytes->at < bytes->size; n++)
	{
		static Host before;
		const char *name = some_event(bytes, host->chart);
		WfStateId	places[3];
		int			nplaces = 0;
		bool		quiet = false;

		host->salt = choose(bytes, 256);
		if (one_in(bytes, 8))
		{
			nplaces = some_places(bytes, host->chart, places);
			quiet = one_in(bytes, 2);
		}
		keep(host->machine, &kept);
		memcpy(&before, host, sizeof(Host));
		if (!go_on(host, &before, &kept, name, places, nplaces, quiet))
			undo(host, &before, &kept);
		else if (host->machine->running && one_in(bytes, 3))
		{
			keep(host->machine, &kept);
			restore(host->machine, host, &kept, kept.history);
		}
	}
	check_stop(host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Host host;
	WfFaults	faults = {0};
	const char *text;

	memset(&host, 0, sizeof(Host));
	host.bytes.data = data;
	host.bytes.size = size;
	text = write_definition(&host.bytes);
	if (getenv("WF_SHOW"))
		fprintf(stderr, "%s\n", text);
	host.chart = wf_compile(text, strlen(text), &faults);
	if (host.chart)
		play(&host);
	wf_memory_reset();
	return 0;
}

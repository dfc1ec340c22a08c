/*
 * interpret_internal.h
 *	  What the rooms of the interpreter share; nobody else includes it.
 *
 * interpret.c	actions, microstep, macrostep
 * select.c		guards, which transitions are taken
 * entry.c		which states a microstep enters, history
 * machine.c	memory of a machine, its configuration
 */
#ifndef WF_INTERPRET_INTERNAL_H
#define WF_INTERPRET_INTERNAL_H

#include "port/pg_bitutils.h"

#include "interpreter/interpret.h"

/* A transition that was selected, and the domain in which it moves. */
typedef struct WfEnabled
{
	const WfTransition *transition;
	WfStateId	domain;			/* WF_NO_STATE: above the root */
} WfEnabled;

/* Room for what one history state remembers; slots are in document order. */
typedef struct WfSlot
{
	WfStateId	history;
	int			at;				/* where in machine->history it was seen last;
								 * may have been another machine's */
	int			size;
	WfStateId  *states;
} WfSlot;

/* All of it keeps its memory from one macrostep to the next. */
typedef struct WfMachineScratch
{
#ifndef FRONTEND
	MemoryContext context;
#endif
	bool		has_invokes;	/* some state of the chart has invokes */

	/* sets of states */
	WfStateSet	visited;		/* selection: states that were tried */
	WfStateSet	candidates;		/* selection in wide charts: active states
								 * that have a matching handler */
	WfStateSet	leaving;
	WfStateSet	entering;
	WfStateSet	defaults;		/* entering: compound states by their initial
								 * transition, parallel ones with all of their
								 * regions */
	WfStateId	staying;		/* entering: domain of the transition at hand */
	WfStateSet	completed;		/* parallel states that said done */
	WfStateSet	examined;		/* those whose `unfinished` is known */
	WfStateId  *unfinished;		/* how many first children of a parallel state
								 * were seen to be finished */
	WfStateSet	invoked;		/* children have not started yet */

	WfStateId	final;			/* the final state that ended the machine */

	/* history states without memory, entered by their default transition */
	int			ndefault_history;
	int			default_history_size;
	WfStateId  *default_history;

	/* selected transitions, in the order of their leaves */
	int			nenabled;
	int			enabled_size;
	WfEnabled  *enabled;
	WfStateId	enabled_last;	/* last state that any of them may exit */

	/* the internal queue */
	int			queue_head;
	int			queue_tail;
	int			queue_size;
	WfEvent    *queue;
	WfEvent		current;

	int			ntargets;
	int			targets_size;
	WfStateId  *targets;

	/* history: our own array behind machine->history, and room for values */
	WfHistoryValue *values;
	int			nslots;
	WfSlot	   *slots;

	int			leaves_size;
	WfStateId  *leaves;
} WfMachineScratch;

/* machine.c */
extern void *wf_scratch_grow(WfMachineScratch *scratch, void *array,
							 int *size, Size width);

/* select.c */
extern bool wf_select(WfMachine *machine, const WfEvent *event,
					  bool eventless);

/* entry.c */
extern bool wf_entry_set(WfMachine *machine);
extern void wf_entry_set_initial(WfMachine *machine);
extern void wf_entry_set_targets(WfMachine *machine,
								 const WfStateId *targets, int n);
extern const WfStateId *wf_effective_targets(WfMachine *machine,
											 const WfTransition *transition,
											 int *n);
extern void wf_remember(WfMachine *machine, const WfStateSet *leaving);

/* Does taking it exit anything? */
static inline bool
wf_exits_something(const WfChart *chart, const WfEnabled *enabled)
{
	if (enabled->transition->targetless)
		return false;

	/* an active state has active descendants unless it is a leaf */
	return enabled->domain == WF_NO_STATE ||
		chart->states[enabled->domain].last > enabled->domain;
}

/* Is it a state that stands for itself in a configuration? */
static inline bool
wf_is_leaf(const WfState *state)
{
	return state->kind == WF_STATE_ATOMIC || state->kind == WF_STATE_FINAL;
}

static inline bool
wf_set_has(const WfStateSet *set, int id)
{
	return (set->words[id >> 6] >> (id & 63)) & 1;
}

static inline void
wf_set_add(WfStateSet *set, int id)
{
	set->words[id >> 6] |= UINT64CONST(1) << (id & 63);
}

static inline void
wf_set_remove(WfStateSet *set, int id)
{
	set->words[id >> 6] &= ~(UINT64CONST(1) << (id & 63));
}

static inline void
wf_set_clear(WfStateSet *set)
{
	for (int i = 0; i < set->nwords; i++)
		set->words[i] = 0;
}

static inline void
wf_set_copy(WfStateSet *to, const WfStateSet *from)
{
	for (int i = 0; i < to->nwords; i++)
		to->words[i] = from->words[i];
}

/* The bits of word `word` that lie in [first, last]. */
static inline uint64
wf_range_mask(int word, int first, int last)
{
	uint64		mask = ~UINT64CONST(0);

	if (word == first >> 6)
		mask &= ~UINT64CONST(0) << (first & 63);
	if (word == last >> 6)
		mask &= ~UINT64CONST(0) >> (63 - (last & 63));
	return mask;
}

/* Add those of `from` that lie in [first, last]. */
static inline void
wf_set_add_range(WfStateSet *set, const WfStateSet *from, int first, int last)
{
	for (int i = first >> 6; i <= last >> 6 && first <= last; i++)
		set->words[i] |= from->words[i] & wf_range_mask(i, first, last);
}

/* Has it a member in [first, last]? */
static inline bool
wf_set_any(const WfStateSet *set, int first, int last)
{
	for (int i = first >> 6; i <= last >> 6 && first <= last; i++)
		if (set->words[i] & wf_range_mask(i, first, last))
			return true;
	return false;
}

/* The first member from `id` on, or -1. */
static inline int
wf_set_next(const WfStateSet *set, int id)
{
	int			i = id >> 6;
	uint64		word;

	if (i >= set->nwords)
		return -1;
	word = set->words[i] & (~UINT64CONST(0) << (id & 63));
	while (word == 0)
	{
		if (++i >= set->nwords)
			return -1;
		word = set->words[i];
	}
	return i * 64 + pg_rightmost_one_pos64(word);
}

/* The last member up to `id`, or -1; id may be -1. */
static inline int
wf_set_previous(const WfStateSet *set, int id)
{
	int			i = id >> 6;
	uint64		word;

	if (id < 0)
		return -1;
	word = set->words[i] & (~UINT64CONST(0) >> (63 - (id & 63)));
	while (word == 0)
	{
		if (--i < 0)
			return -1;
		word = set->words[i];
	}
	return i * 64 + pg_leftmost_one_pos64(word);
}

#endif							/* WF_INTERPRET_INTERNAL_H */

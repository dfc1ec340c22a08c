/*
 * state_set.h
 *	  Sets of states as bits.
 *
 * Pure, like chart.h.  A set has a bit for every state of its chart.
 */
#ifndef WF_STATE_SET_H
#define WF_STATE_SET_H

#include "port/pg_bitutils.h"

/* A set of states as bits. */
typedef struct WfStateSet
{
	int			nwords;
	uint64	   *words;
} WfStateSet;

/* Is a state a member? */
static inline bool
wf_state_set_has(const WfStateSet *set, int id)
{
	return (set->words[id >> 6] >> (id & 63)) & 1;
}

/* Add a state. */
static inline void
wf_state_set_add(WfStateSet *set, int id)
{
	set->words[id >> 6] |= UINT64CONST(1) << (id & 63);
}

/* Remove a state. */
static inline void
wf_state_set_remove(WfStateSet *set, int id)
{
	set->words[id >> 6] &= ~(UINT64CONST(1) << (id & 63));
}

/* Remove all states. */
static inline void
wf_state_set_clear(WfStateSet *set)
{
	for (int i = 0; i < set->nwords; i++)
		set->words[i] = 0;
}

/* Make a set equal to another one of the same chart. */
static inline void
wf_state_set_copy(WfStateSet *to, const WfStateSet *from)
{
	for (int i = 0; i < to->nwords; i++)
		to->words[i] = from->words[i];
}

/* Return the bits of a word that lie in [first, last]. */
static inline uint64
wf_state_set_range_mask(int word, int first, int last)
{
	uint64		mask = ~UINT64CONST(0);

	if (word == first >> 6)
		mask &= ~UINT64CONST(0) << (first & 63);
	if (word == last >> 6)
		mask &= ~UINT64CONST(0) >> (63 - (last & 63));
	return mask;
}

/* Add the members of another set that lie in [first, last]. */
static inline void
wf_state_set_add_range(WfStateSet *set, const WfStateSet *from, int first, int last)
{
	for (int i = first >> 6; i <= last >> 6 && first <= last; i++)
		set->words[i] |= from->words[i] & wf_state_set_range_mask(i, first, last);
}

/* Is there a member in [first, last]? */
static inline bool
wf_state_set_any(const WfStateSet *set, int first, int last)
{
	for (int i = first >> 6; i <= last >> 6 && first <= last; i++)
		if (set->words[i] & wf_state_set_range_mask(i, first, last))
			return true;
	return false;
}

/* Return the first member from `id` on, or -1. */
static inline int
wf_state_set_next(const WfStateSet *set, int id)
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

/* Return the last member up to `id`, which may be -1, or -1. */
static inline int
wf_state_set_previous(const WfStateSet *set, int id)
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

#endif							/* WF_STATE_SET_H */

/*-------------------------------------------------------------------------
 *
 * member_state.c
 *	  Which states of a runtime may follow each other.
 *
 *	alive			it works
 *	single			it works, and no other runtime may
 *	dead			it has ended, and there is nothing to recover
 *	terminated		it has ended without a word: to be recovered
 *	restore			another one recovers what it had in flight
 *	self_restore	it has begun anew, and recovers that itself
 *
 * Changes of rows that are locked, in memory; the caller writes them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/quote.h"
#include "cluster/member_state.h"

#define BIT(state)	(1 << (state))

/* By the state that a runtime has, those that it may take. */
static const int followers[] = {
	[WF_RUNTIME_ALIVE] = BIT(WF_RUNTIME_DEAD) | BIT(WF_RUNTIME_TERMINATED) | BIT(WF_RUNTIME_SELF_RESTORE) |
	BIT(WF_RUNTIME_SINGLE),
	[WF_RUNTIME_SINGLE] = BIT(WF_RUNTIME_DEAD) | BIT(WF_RUNTIME_TERMINATED) | BIT(WF_RUNTIME_SELF_RESTORE) |
	BIT(WF_RUNTIME_ALIVE),
	[WF_RUNTIME_DEAD] = BIT(WF_RUNTIME_ALIVE),
	[WF_RUNTIME_TERMINATED] = BIT(WF_RUNTIME_RESTORE) | BIT(WF_RUNTIME_SELF_RESTORE),
	[WF_RUNTIME_RESTORE] = BIT(WF_RUNTIME_DEAD),
	[WF_RUNTIME_SELF_RESTORE] = BIT(WF_RUNTIME_ALIVE) | BIT(WF_RUNTIME_SINGLE) | BIT(WF_RUNTIME_TERMINATED)
};

/* Does a runtime in this state beat, or should? */
bool
wf_member_state_lives(WfRuntimeState state)
{
	return state == WF_RUNTIME_ALIVE || state == WF_RUNTIME_SELF_RESTORE || state == WF_RUNTIME_SINGLE;
}

/* A runtime takes a state.  Error 55000 unless it may follow on the one that it has. */
void
wf_member_state_change(WfRuntimeRow *row, WfRuntimeState to)
{
	if ((followers[row->state] & BIT(to)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("runtime \"%s\" is %s and cannot become %s", wf_quote(row->id),
						wf_runtime_row_state_name(row->state), wf_runtime_row_state_name(to))));
	row->state = to;
	row->since = wf_clock_now();
}

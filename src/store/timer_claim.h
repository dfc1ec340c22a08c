/*
 * timer_claim.h
 *	  What is due in a lane of workflow.timer: claimed, counted off, asked for.
 */
#ifndef WF_TIMER_CLAIM_H
#define WF_TIMER_CLAIM_H

#include "shmem/lane.h"
#include "store/process_row.h"
#include "store/timer_row.h"

/*
 * What one claim takes of contexts and data at most, and what a batch has in
 * memory before it ends (bytes).
 */
#define WF_CLAIM_MEMORY	(64 * 1024 * 1024)

/* The position behind all that is due until then. */
#define WF_TIMER_CLAIM_BEHIND(until)	((WfPosition) {(until), PG_INT64_MAX})

/* What a claim has taken, in the memory context of the call. */
typedef struct WfClaim
{
	int			n;
	WfTimerRow *timers;			/* in delivery order (due, seq) */
	WfRow	  **rows;			/* of their processes, equal pointers for equal ones */
	bool		complete;		/* it saw all there was; else it had enough before */
	WfPosition	from;			/* where it began */
	WfPosition	left;			/* if asked for: the first timer from there on, due or
								 * not, that was not claimed; due infinity: none */
	bool		left_stays;		/* its process was not claimed, so no step ends it */
} WfClaim;

extern int	wf_timer_claim(int32 owner, WfPosition from, WfPosition to, int limit,
						   bool look_on, WfClaim *claimed);
extern WfPosition wf_timer_claim_part_end(int32 owner, WfPosition from, WfPosition to, int rows,
								int *found);
extern WfPosition wf_timer_claim_next(int32 owner, WfPosition mark);

#endif							/* WF_TIMER_CLAIM_H */

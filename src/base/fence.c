/*-------------------------------------------------------------------------
 *
 * fence.c
 *	  Numbers by which is known who may still do something.
 *
 * Runs in any process, the postmaster included.  They are random, and compared for
 * equality: what a server that was restored, or has taken over, gives away again is not
 * what somebody has from before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/fence.h"

/* So large at most, that a number of JavaScript holds it exactly. */
#define FENCE_BITS	53

/* So many are made at once. */
#define FENCES_MADE	32

/*
 * A fence that nobody can guess: 1 to 2^53 - 1.  The postmaster keeps none for later: all
 * of its children would have the same.
 */
int64
wf_fence_make(void)
{
	static uint64 made[FENCES_MADE];
	static int	left = 0;
	uint64		fence;

	do
	{
		if (left == 0 || !IsUnderPostmaster)
		{
			if (!pg_strong_random(made, sizeof(made)))
				ereport(ERROR,
						(errcode(ERRCODE_INTERNAL_ERROR),
						 errmsg("could not generate a random number")));
			left = FENCES_MADE;
		}
		fence = made[--left] & ((UINT64CONST(1) << FENCE_BITS) - 1);
	} while (fence == 0);
	if (!IsUnderPostmaster)
		left = 0;
	return (int64) fence;
}

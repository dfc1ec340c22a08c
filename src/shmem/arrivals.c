/*-------------------------------------------------------------------------
 *
 * arrivals.c
 *	  When work is due that has come to a lane, for those who remember where it began.
 *
 * Runs in every process, at the end of transactions among other places: holds a
 * spinlock for a few assignments and throws nothing.
 *
 * A mark says where the work of a lane begins, and there is one.  Runs have places, and
 * each of those begins somewhere else; who has looked remembers where (run_floor.c).
 * That is right for as long as nothing comes before it.  So who commits work notes
 * here when it is due, after it is visible, in the moment in which he lowers the mark;
 * and who has a snapshot to look with has read this before he took it.  What his snapshot
 * did not show is noted after that, and he reads it the next time.  If it is visible
 * and not yet noted when he looks again, he may miss it once more, as with the mark; and as
 * there the note that follows calls somebody who looks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/arrivals.h"

/* Once, when shared memory is filled. */
void
wf_arrivals_init(WfArrivals *arrivals)
{
	SpinLockInit(&arrivals->mutex);
}

/* Work has come that is due then; -infinity: nothing is known any more. */
void
wf_arrivals_note(WfArrivals *arrivals, TimestampTz due)
{
	SpinLockAcquire(&arrivals->mutex);
	if (arrivals->read || arrivals->last == 0)
	{
		arrivals->last++;
		arrivals->due[arrivals->last % WF_ARRIVALS] = due;
		arrivals->read = false;
	}
	else
		arrivals->due[arrivals->last % WF_ARRIVALS] = Min(arrivals->due[arrivals->last % WF_ARRIVALS], due);
	SpinLockRelease(&arrivals->mutex);
}

/*
 * The earliest due of what has come since the number *seen was the last one; infinity:
 * nothing has, -infinity: that is not known any more.  *seen becomes the last one.
 */
TimestampTz
wf_arrivals_since(WfArrivals *arrivals, uint64 *seen)
{
	TimestampTz earliest = DT_NOEND;

	SpinLockAcquire(&arrivals->mutex);
	if (arrivals->last - *seen > WF_ARRIVALS)
		earliest = DT_NOBEGIN;
	else
		for (uint64 i = *seen + 1; i <= arrivals->last; i++)
			earliest = Min(earliest, arrivals->due[i % WF_ARRIVALS]);
	arrivals->read = true;
	*seen = arrivals->last;
	SpinLockRelease(&arrivals->mutex);
	return earliest;
}

/*
 * held.h
 *	  Work of a lane that is due, and locked by others.
 */
#ifndef WF_HELD_H
#define WF_HELD_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"
#include "shmem/slot.h"

/* A part of the head that is to be looked at once more. */
typedef struct WfHeldPart
{
	WfPosition	from;
	WfPosition	to;
	int			rows;			/* look at so many of them at most */
} WfHeldPart;

extern void wf_held_init_locked(WfLane *lane);
extern WfPosition wf_held_head(WfLane *lane, WfPosition mark);
extern void wf_held_set(WfLane *lane, uint64 generation, TimestampTz until);
extern void wf_held_lower_locked(WfLane *lane, WfPosition first);
extern void wf_held_aside(WfLane *lane, WfPosition position);
extern void wf_held_freed(WfLane *lane, WfPosition first);
extern bool wf_held_released_locked(WfLane *lane, int rows);
extern bool wf_held_walk(WfLane *lane, WfSlot *me, WfPosition mark, WfHeldPart *part);
extern void wf_held_walked(WfLane *lane, const WfHeldPart *part, WfPosition reached,
						   int rows, int found);
extern TimestampTz wf_held_next(WfLane *lane, const WfSlot *me, WfPosition mark);

#endif							/* WF_HELD_H */

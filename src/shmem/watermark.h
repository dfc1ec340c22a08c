/*
 * watermark.h
 *	  Where the work of a lane begins: marks and cursors.
 */
#ifndef WF_WATERMARK_H
#define WF_WATERMARK_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"
#include "shmem/slot.h"

static inline bool
wf_position_before(WfPosition a, WfPosition b)
{
	return a.due < b.due || (a.due == b.due && a.seq < b.seq);
}

static inline WfPosition
wf_position_first(WfPosition a, WfPosition b)
{
	return wf_position_before(b, a) ? b : a;
}

extern WfPosition wf_watermark_read(WfLane *lane, uint64 *generation);
extern uint64 wf_watermark_calls(WfLane *lane);
extern void wf_watermark_looked(WfLane *lane, uint64 generation);
extern bool wf_watermark_news(WfLane *lane, uint64 calls);
extern bool wf_watermark_keep_watch(WfLane *lane, WfSlot *me, TimestampTz until);
extern bool wf_watermark_advance(WfLane *lane, uint64 generation, WfPosition mark);
extern void wf_watermark_publish(WfLane *lane, int claimed, uint64 generation, WfPosition mark,
								 TimestampTz inserted);
extern uint64 wf_watermark_cursor_read(WfLane *lane, WfPosition *cursor);
extern void wf_watermark_cursor_advance(WfLane *lane, uint64 epoch, WfPosition cursor);
extern void wf_watermark_cursor_reset(WfLane *lane);
extern void wf_watermark_lower(WfLane *lane, TimestampTz due);
extern void wf_watermark_call(WfLane *lane);
extern void wf_watermark_look_for(Oid dbid, int32 owner, WfLaneKind kind);
extern void wf_watermark_look(Oid dbid, WfLaneKind kind);
extern void wf_watermark_left_behind(WfLane *lane);
extern void wf_watermark_released(WfLane *lane, int rows);
extern void wf_watermark_forget(Oid dbid);
extern TimestampTz wf_watermark_of_database(Oid dbid);
extern void wf_watermark_wake(WfLane *lane);
extern void wf_watermark_wake_other(WfLane *lane);

#endif							/* WF_WATERMARK_H */

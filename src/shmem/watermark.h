/*
 * watermark.h
 *	  Where the work of an owner begins: marks and cursors.
 */
#ifndef WF_WATERMARK_H
#define WF_WATERMARK_H

#include "datatype/timestamp.h"

#include "shmem/owner.h"

extern TimestampTz wf_watermark_read(WfOwner *entry, uint64 *generation);
extern bool wf_watermark_advance(WfOwner *entry, uint64 generation, TimestampTz mark);
extern void wf_watermark_publish(WfOwner *entry, uint64 generation,
								 TimestampTz mark, TimestampTz inserted);
extern uint64 wf_watermark_cursor_read(WfOwner *entry, TimestampTz *due, int64 *seq);
extern void wf_watermark_cursor_advance(WfOwner *entry, uint64 epoch, TimestampTz due, int64 seq);
extern void wf_watermark_cursor_reset(WfOwner *entry);
extern void wf_watermark_lower(WfOwner *entry, TimestampTz due);
extern void wf_watermark_released(WfOwner *entry);
extern void wf_watermark_wake(WfOwner *entry);
extern void wf_watermark_forget(Oid dbid);
extern TimestampTz wf_watermark_of_database(Oid dbid);

#endif							/* WF_WATERMARK_H */

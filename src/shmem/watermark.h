/*
 * watermark.h
 *	  Where the work of an owner begins: marks and cursors.
 */
#ifndef WF_WATERMARK_H
#define WF_WATERMARK_H

#include "datatype/timestamp.h"

#include "shmem/owner.h"

extern TimestampTz wf_mark_read(WfOwner *entry, uint64 *generation);
extern bool wf_mark_advance(WfOwner *entry, uint64 generation, TimestampTz mark);
extern void wf_mark_publish(WfOwner *entry, uint64 generation,
							TimestampTz mark, TimestampTz inserted);
extern uint64 wf_cursor_read(WfOwner *entry, TimestampTz *due, int64 *seq);
extern void wf_cursor_advance(WfOwner *entry, uint64 epoch, TimestampTz due, int64 seq);
extern void wf_cursor_reset(WfOwner *entry);
extern void wf_mark_lower(WfOwner *entry, TimestampTz due);
extern void wf_mark_released(WfOwner *entry);
extern void wf_owner_wake(WfOwner *entry);
extern void wf_mark_forget(Oid dbid);
extern TimestampTz wf_database_mark(Oid dbid);

#endif							/* WF_WATERMARK_H */

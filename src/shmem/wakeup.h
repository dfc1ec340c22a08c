/*
 * wakeup.h
 *	  What this transaction will tell the background workers when it ends.
 *
 * Collected per transaction in backend-local memory; at commit, abort and
 * subtransaction abort one pass over the touched owners lowers their marks
 * (see lane.h) and sets latches.  Spurious wakes are allowed, lost ones are
 * not: nothing is taken back when a savepoint is rolled back.
 */
#ifndef WF_WAKEUP_H
#define WF_WAKEUP_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"
#include "shmem/prepared.h"

extern void wf_wakeup_init(void);
extern void wf_wakeup_timer(int32 owner, TimestampTz due);
extern void wf_wakeup_work(int32 owner, WfLaneKind kind, TimestampTz due);
extern void wf_wakeup_released(int32 owner);
extern void wf_wakeup_released_of(int32 owner, WfLaneKind kind);
extern void wf_wakeup_claimed(int32 owner, WfLaneKind kind, int claimed, uint64 generation,
							  WfPosition mark, TimestampTz inserted);
extern void wf_wakeup_claiming(void);
extern void wf_wakeup_stepped(void);
extern TimestampTz wf_wakeup_own_runs(int32 executor);
extern void wf_wakeup_alerts(void);
extern void wf_wakeup_watches(void);
extern void wf_wakeup_extension(void);
extern void wf_wakeup_release(Oid dbid);
extern void wf_wakeup_changing(void);
extern void wf_wakeup_roles(void);

/*
 * From begin to end, nothing that is done will be told to anybody: it will
 * all have been rolled back by then.  But the locks it held are seen to be
 * free at that rollback, as always.  They nest; errors need the end, too.
 */
typedef struct WfWakeupSilence
{
	bool		outer;
	int			ntouched;
} WfWakeupSilence;

extern void wf_wakeup_silence_begin(WfWakeupSilence *silence);
extern void wf_wakeup_silence_end(const WfWakeupSilence *silence);
extern void wf_wakeup_database(Oid dbid);

/*
 * A transaction that is prepared tells nobody anything: that is kept by
 * prepared.c, and told by whoever ends it.
 */
extern void wf_wakeup_preparing(const char *gid);
extern void wf_wakeup_prepared_ended(const WfPrepared *prepared, bool committed);
extern void wf_wakeup_prepared_unknown(void);

#endif							/* WF_WAKEUP_H */

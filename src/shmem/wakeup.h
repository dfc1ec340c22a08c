/*
 * wakeup.h
 *	  What this transaction will tell the workers when it ends.
 *
 * Collected per transaction in backend-local memory; at commit, abort and
 * subtransaction abort one pass over the touched owners lowers their marks
 * (see shmem.h) and sets latches.  Spurious wakes are allowed, lost ones are
 * not: nothing is taken back when a savepoint is rolled back.
 */
#ifndef WF_WAKE_H
#define WF_WAKE_H

#include "datatype/timestamp.h"

/* Registers the callbacks; once per backend, lazily or from _PG_init. */
extern void wf_wake_init(void);

/* This transaction inserted (or un-parked) a timer of `owner` due at `due`. */
extern void wf_wake_timer(int32 owner, TimestampTz due);

/*
 * This transaction holds a process row of `owner` that an executor may have
 * skipped: when it ends, committed or not, that owner is looked at again if
 * it has due work.
 */
extern void wf_wake_released(int32 owner);

/*
 * This transaction claimed timers of `owner` after it read `generation`; a
 * scan of its own found nothing due before `mark`; it inserted timers of that
 * owner, the earliest due at `inserted` (infinity: none).  Published at the
 * very commit, so that an executor that ends right after it leaves nothing
 * unannounced.
 */
extern void wf_wake_claimed(int32 owner, uint64 generation, TimestampTz mark,
							TimestampTz inserted);

/*
 * This transaction claimed work of whatever kind: PREPARE TRANSACTION is
 * refused unless the claim is rolled back to a savepoint.
 */
extern void wf_wake_claiming(void);

/* This transaction changed a process: wake await()ers at commit. */
extern void wf_wake_stepped(void);

/* This transaction created or dropped the extension: have that seen at commit. */
extern void wf_wake_extension(void);

/*
 * A database that is held for a command of this transaction is held until it
 * ends, committed or not: nobody can connect before.
 */
extern void wf_wake_release(Oid dbid);

/*
 * This transaction changes what sessions keep of our tables: until it has told
 * all of them, at its end, WfShared.changing counts it.
 */
extern void wf_wake_changing(void);

/*
 * From begin to end, nothing that is done will be told to anybody: it will
 * all have been rolled back by then.  But the locks it held are seen to be
 * free at that rollback, as always.  They nest; errors need the end, too.
 */
typedef struct WfWakeSilence
{
	bool		outer;
	int			ntouched;
} WfWakeSilence;

extern void wf_wake_silence_begin(WfWakeSilence *silence);
extern void wf_wake_silence_end(const WfWakeSilence *silence);

/* The same for any database. */
extern void wf_wake_database(Oid dbid);

/*
 * A transaction with pending wakes is being prepared: the callback for
 * PREPARE forgets them, and the utility hook calls wf_mark_forget() after
 * COMMIT PREPARED.
 */

#endif							/* WF_WAKE_H */

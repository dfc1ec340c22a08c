/*
 * slot.h
 *	  The slots of executors.
 */
#ifndef WF_SLOT_H
#define WF_SLOT_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "utils/uuid.h"

#include "shmem/lane.h"
#include "shmem/progress.h"

typedef enum WfSlotState
{
	WF_SLOT_FREE,
	WF_SLOT_STARTING,			/* registered, not yet attached */
	WF_SLOT_BUSY,
	WF_SLOT_IDLE				/* waits on its latch, warm */
} WfSlotState;

/* Longer names of events are cut. */
#define WF_SLOT_EVENT_NAME	64

/* The event, or the run, that an executor is at; see wf_slot_event(). */
typedef struct WfSlotEvent
{
	uint32		changes;		/* odd while it is being written */
	int32		definition;		/* its id; 0: at no event */
	int32		job;			/* its id; 0: at no run */
	pg_uuid_t	process;		/* or the run */
	TimestampTz since;
	char		name[WF_SLOT_EVENT_NAME];	/* of the event */
} WfSlotEvent;

typedef struct WfSlot
{
	/* Under the lock of the instance, but `state` of one that is attached. */
	WfSlotState state;
	uint32		generation;		/* counts uses of this slot */
	Oid			dbid;
	int32		owner;
	WfLaneKind	kind;
	Oid			role;
	WfLane	   *lane;			/* which counts it: its owner's, or that of all
								 * owners without a place */
	pid_t		pid;			/* 0 until attached */
	Latch	   *latch;			/* or NULL until attached */
	bool		evict;			/* give the slot up after this batch */

	/* Written by its executor without a lock, see wf_slot_state(). */
	bool		stalled;		/* BUSY with one batch for longer than
								 * WF_STALL_MS */
	bool		paused;			/* IDLE, and does nothing for a second at most,
								 * whatever it is called for */
	TimestampTz since;			/* when it took its present state */
	int64		steps;			/* events stepped so far, for the activity view */
	int64		batches;
	int64		looks;			/* for work, in vain or not */
	WfSlotEvent event;
	int64		fence;			/* of the tracked run it is at; 0: at none */
	bool		asked_to_stop;	/* that run is: see wf_slot_cancel() */
	bool		interrupted;	/* amid this run, which is atomic: see wf_slot_interrupt() */
	pg_uuid_t	interrupted_at;
	WfProgress	progress;		/* of the tracked run that it is at */
} WfSlot;

/* A batch that takes longer (ms) no longer counts as looking after its lane. */
#define WF_STALL_MS		200

/* The slots of one kind of work, by their indexes. */
typedef struct WfSlotRange
{
	int			first;
	int			end;			/* behind the last one */
} WfSlotRange;

extern WfSlot *wf_slots;		/* wf_slot_count() of them */
extern WfSlot *wf_my_slot;		/* of this process, or NULL */

/* Is it in use for this work of this owner?  Not by `lane`: see there. */
static inline bool
wf_slot_serves(const WfSlot *slot, Oid dbid, int32 owner, WfLaneKind kind)
{
	return slot->state != WF_SLOT_FREE && slot->owner == owner &&
		slot->kind == kind && slot->dbid == dbid;
}

extern WfSlotRange wf_slot_range(WfLaneKind kind);
extern WfSlotRange wf_slot_range_of_all(void);
extern int	wf_slot_count(void);
extern Size wf_slot_shmem_size(void);
extern void wf_slot_shmem_attach(void *segment, bool created);
extern uint32 wf_slot_take_locked(WfSlot *slot, WfLane *lane, int32 owner, Oid role);
extern WfLane *wf_slot_free(WfSlot *slot, uint32 generation);
extern bool wf_slot_attach_locked(WfSlot *slot, uint32 generation);
extern void wf_slot_evict_locked(WfSlot *slot);
extern bool wf_slot_is_unattached(const WfSlot *slot, Oid dbid, uint32 *generation,
								  TimestampTz *since, WfLane **lane);
extern void wf_slot_state(WfSlotState state);
extern void wf_slot_pause(bool paused);
extern void wf_slot_stalled(void);
extern void wf_slot_event(int32 definition, const pg_uuid_t *process, const char *name);
extern void wf_slot_run(int32 job, const pg_uuid_t *run, TimestampTz since);
extern void wf_slot_event_done(void);
extern void wf_slot_fence(int64 fence);
extern void wf_slot_progress(const pg_uuid_t *run, int64 done, const int64 *total, const char *note);
extern bool wf_slot_progress_read(const pg_uuid_t *run, WfProgress *progress);
extern bool wf_slot_has_fence(int64 fence);
extern bool wf_slot_cancel(int64 fence, bool force);
extern bool wf_slot_is_cancelled(void);
extern void wf_slot_interrupt(const pg_uuid_t *run);
extern bool wf_slot_was_interrupted(const pg_uuid_t *run, bool *another);
extern bool wf_slot_event_read(const WfSlot *slot, WfSlotEvent *event);
extern void wf_slot_batch_done(int steps, bool empty);
extern bool wf_slot_trial_begin(void);
extern void wf_slot_trial_end(void);

#endif							/* WF_SLOT_H */

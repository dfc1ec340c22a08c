/*-------------------------------------------------------------------------
 *
 * eviction.c
 *	  Which executor gives up its slot to somebody who waits for one.
 *
 * Used by runtimes, and by the launcher when there are too few background
 * workers for all slots (bgworker_slots.c).  All under the lock of the instance.
 *
 * The executor that has been idle longest leaves; when none is idle, the one
 * that has been busy longest, after its present batch, if that is longer than
 * a quantum.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/eviction.h"
#include "shmem/instance.h"
#include "shmem/slot.h"

#define QUANTUM			200		/* ms; a busy executor is let alone so long */
#define WARM			1000	/* ms; so long an idle one is left to its
								 * owner when others only want help */
#define ASK_AGAIN		50		/* ms */

/* Has a slot been in its present state for so long (ms)? */
static bool
has_been(const WfSlot *slot, int ms)
{
	return wf_clock_is_over(TimestampTzPlusMilliseconds(slot->since, ms), ms);
}

/*
 * Who needs its slot least; under the lock.  NULL: nobody, ask at *again.  Of
 * the busy ones first those that can leave soon: one that is stalled will not
 * before its batch ends, whenever that is.
 */
static WfSlot *
least_needy(WfSlotRange range, WfEviction whom, TimestampTz now, TimestampTz *again)
{
	WfSlot	   *idle = NULL;
	WfSlot	   *busy = NULL;
	bool		starting = false;

	*again = DT_NOEND;
	for (int i = range.first; i < range.end; i++)
	{
		WfSlot	   *slot = &wf_slots[i];

		if (slot->evict)
			continue;
		if (slot->state == WF_SLOT_STARTING)
			starting = true;
		if (slot->state == WF_SLOT_IDLE &&
			(idle == NULL || slot->since < idle->since))
			idle = slot;
		if (slot->state == WF_SLOT_BUSY &&
			(busy == NULL || slot->stalled < busy->stalled ||
			 (slot->stalled == busy->stalled && slot->since < busy->since)))
			busy = slot;
	}

	if (whom == WF_EVICT_COLD)
	{
		if (idle && !has_been(idle, WARM))
		{
			*again = TimestampTzPlusMilliseconds(idle->since, WARM + 1);
			return NULL;
		}
		return idle;
	}
	if (idle || whom == WF_EVICT_IDLE)
		return idle;
	if (busy && has_been(busy, QUANTUM))
		return busy;
	if (busy || starting)
		*again = TimestampTzPlusMilliseconds(now, ASK_AGAIN);
	return NULL;
}

/* Ask one executor of these slots to leave; see wf_eviction_ask_locked(). */
static bool
ask(WfSlotRange range, WfEviction whom, TimestampTz *again)
{
	WfSlot	   *slot = least_needy(range, whom, GetCurrentTimestamp(), again);

	if (slot == NULL)
		return false;
	wf_slot_evict_locked(slot);
	return true;
}

/*
 * Under the lock, exclusive: ask one executor of the instance to leave.
 * False: there is none; one may be at *again, infinity: not known.
 */
bool
wf_eviction_ask_locked(WfEviction whom, TimestampTz *again)
{
	return ask(wf_slot_range_of_all(), whom, again);
}

/* Under the lock: executors of these slots that were asked to leave, and will soon. */
int
wf_eviction_leaving_locked(WfSlotRange range)
{
	int			n = 0;

	for (int i = range.first; i < range.end; i++)
	{
		WfSlot	   *slot = &wf_slots[i];

		if (slot->state != WF_SLOT_FREE && slot->evict && !slot->stalled)
			n++;
	}
	return n;
}

/*
 * Have a slot for this kind of work given up by whoever needs it least.  A free one is somebody
 * else's, who has waited longer and will take it.  Who is asked to leave may
 * turn out to be at a long batch: then somebody else is asked.
 */
TimestampTz
wf_eviction_make_room(WfLaneKind kind, int n, bool extra)
{
	WfSlotRange range = wf_slot_range(kind);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz again = DT_NOEND;
	int			leaving;
	int			nfree = 0;

	wf_instance_lock(LW_EXCLUSIVE);
	leaving = wf_eviction_leaving_locked(range);
	for (int i = range.first; i < range.end; i++)
	{
		if (wf_slots[i].state == WF_SLOT_FREE)
			nfree++;
	}

	if (nfree > 0)
		again = TimestampTzPlusMilliseconds(now, ASK_AGAIN);
	else if (leaving >= n ||
			 ask(range, extra ? WF_EVICT_COLD : WF_EVICT_ANY, &again))
		again = TimestampTzPlusMilliseconds(now, WF_STALL_MS + ASK_AGAIN);
	wf_instance_unlock();
	return again;
}

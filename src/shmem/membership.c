/*-------------------------------------------------------------------------
 *
 * membership.c
 *	  What this instance is to another server whose work it shares.
 *
 * Runs in the link, which writes how it stands, in the courier, which asks for the epoch
 * under which it may claim, and in sessions that look.  Nothing of it outlives the server:
 * the link finds it out again.
 *
 * Locks: its own LWLock, for moments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/instance.h"
#include "shmem/membership.h"

typedef struct MembershipPlace
{
	LWLock		lock;
	WfMembership now;
	uint64		accepted;		/* what somebody has accepted; 0: nothing */
	WfAside		aside;			/* zeroes: it is not */
	int64		renew;			/* this epoch is to be ended, and another one begun */
	Latch	   *link;			/* or NULL */
	Latch	   *courier;
} MembershipPlace;

static MembershipPlace *place = NULL;

/* Bytes of the segment. */
Size
wf_membership_shmem_size(void)
{
	return sizeof(MembershipPlace);
}

/* Take the segment, and fill it if it was created just now. */
void
wf_membership_shmem_attach(void *segment, bool created)
{
	place = segment;
	if (created)
		LWLockInitialize(&place->lock, wf_instance->lock->tranche);
}

/* How it stands. */
void
wf_membership_get(WfMembership *membership)
{
	LWLockAcquire(&place->lock, LW_SHARED);
	*membership = place->now;
	LWLockRelease(&place->lock);
}

/* The epoch under which this instance may claim; 0: it may not. */
int64
wf_membership_epoch(void)
{
	int64		epoch;

	LWLockAcquire(&place->lock, LW_SHARED);
	epoch = place->now.epoch;
	LWLockRelease(&place->lock);
	return epoch;
}

/* --- the link -------------------------------------------------------------------- */

static void
set_state(WfMembershipState state, const char *trouble)
{
	if (place->now.state != state)
		place->now.since = GetCurrentTimestamp();
	place->now.state = state;
	strlcpy(place->now.trouble, trouble == NULL ? "" : trouble, WF_MEMBERSHIP_TROUBLE);
}

/* This process is the link from now on, of an instance with that id. */
void
wf_membership_link_attach(const char *id)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->link = MyLatch;
	place->now.link_pid = MyProcPid;
	strlcpy(place->now.id, id, sizeof(place->now.id));
	LWLockRelease(&place->lock);
}

/* It ends: what was claimed is to be given up. */
void
wf_membership_link_detach(void)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->link = NULL;
	place->now.link_pid = 0;
	place->now.epoch = 0;
	set_state(WF_MEMBERSHIP_NONE, NULL);
	LWLockRelease(&place->lock);
	wf_membership_courier_wake();
}

/* The link says how it stands; trouble: or NULL. */
void
wf_membership_state(WfMembershipState state, const char *trouble)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	set_state(state, trouble);
	LWLockRelease(&place->lock);
}

/* It lives under this epoch, 0: it does not any more. */
void
wf_membership_live(int64 epoch)
{
	bool		changed;

	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	changed = place->now.epoch != epoch;
	place->now.epoch = epoch;
	if (place->now.courier_pid != 0)
		place->now.courier_epoch = epoch;
	if (epoch != 0)
		set_state(WF_MEMBERSHIP_ALIVE, NULL);
	LWLockRelease(&place->lock);
	if (changed)
		wf_membership_courier_wake();
}

/* Who is at the other end, and in which database. */
void
wf_membership_peer(uint64 system, uint32 timeline, const char *database)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.system = system;
	place->now.timeline = timeline;
	strlcpy(place->now.database, database, NAMEDATALEN);
	place->now.asked = place->accepted = 0;
	/* a position in the WAL of the one before may never come */
	place->aside = (WfAside) {0};
	LWLockRelease(&place->lock);
}

/* Where workflow.remote leads to, be that a standby, or this server itself. */
void
wf_membership_reaches(uint64 system)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.reaches = system;
	LWLockRelease(&place->lock);
}

/* Another server than before is there: somebody has to accept it. */
void
wf_membership_ask(uint64 system)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.asked = system;
	LWLockRelease(&place->lock);
}

/* The server that was accepted; 0: none. */
uint64
wf_membership_accepted(void)
{
	uint64		accepted;

	LWLockAcquire(&place->lock, LW_SHARED);
	accepted = place->accepted;
	LWLockRelease(&place->lock);
	return accepted;
}

/* Accept the server that the link has found; false: it has found no such one. */
bool
wf_membership_accept(uint64 system)
{
	bool		found;

	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	found = place->now.asked == system && system != 0;
	if (found)
		place->accepted = system;
	LWLockRelease(&place->lock);
	if (found)
		wf_membership_link_wake();
	return found;
}

/* An epoch is to be ended properly, and another one begun. */
void
wf_membership_renew(int64 epoch)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->renew = epoch;
	LWLockRelease(&place->lock);
	wf_membership_link_wake();
}

/* Which one is. */
int64
wf_membership_to_renew(void)
{
	int64		epoch;

	LWLockAcquire(&place->lock, LW_SHARED);
	epoch = place->renew;
	LWLockRelease(&place->lock);
	return epoch;
}

/*
 * A standby cannot do what it has claimed, nor anything else for a while: it is to end its
 * epoch, so that others do what is placed on it, and to begin another one when it can.
 */
void
wf_membership_step_aside(const WfAside *aside)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->aside = *aside;
	LWLockRelease(&place->lock);
	wf_membership_link_wake();
}

/* What was said last; false: nothing. */
bool
wf_membership_aside(WfAside *aside)
{
	LWLockAcquire(&place->lock, LW_SHARED);
	*aside = place->aside;
	LWLockRelease(&place->lock);
	return aside->epoch != 0;
}

/* Runs wait for us, as the other server says. */
void
wf_membership_poke(void)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.pokes++;
	LWLockRelease(&place->lock);
	wf_membership_courier_wake();
}

/* --- files ------------------------------------------------------------------------ */

/* Somebody wants the files of this server to be looked at. */
void
wf_membership_look_at_files(void)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.file_looks++;
	LWLockRelease(&place->lock);
	wf_membership_link_wake();
}

/* Who takes files over ends: so many could not be written, or what else has come of it; trouble: or NULL. */
void
wf_membership_files_taken(int left, const char *trouble)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.file_ends++;
	place->now.files_left = left;
	strlcpy(place->now.file_trouble, trouble == NULL ? "" : trouble, WF_MEMBERSHIP_TROUBLE);
	LWLockRelease(&place->lock);
	wf_membership_link_wake();
}

/*
 * May this server write files of its own databases?  Not if the directory is for those of
 * another one.  It may if workflow.remote leads to servers of its own system, which it is the
 * primary of; *known: that is known, since one was reached.
 */
bool
wf_membership_files_are_ours(bool *known)
{
	uint64		system;

	LWLockAcquire(&place->lock, LW_SHARED);
	system = place->now.reaches;
	LWLockRelease(&place->lock);
	*known = wf_remote[0] == '\0' || system != 0;
	return wf_remote[0] == '\0' || system == GetSystemIdentifier();
}

/* --- the courier ------------------------------------------------------------------- */

/* This process is the courier from now on; false: there is one. */
bool
wf_membership_courier_attach(void)
{
	bool		free;

	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	free = place->now.courier_pid == 0;
	if (free)
	{
		place->courier = MyLatch;
		place->now.courier_pid = MyProcPid;
		place->now.courier_dbid = InvalidOid;
		place->now.courier_epoch = place->now.epoch;
	}
	LWLockRelease(&place->lock);
	return free;
}

/* It is connected to that database. */
void
wf_membership_courier_at(Oid dbid)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	place->now.courier_dbid = dbid;
	LWLockRelease(&place->lock);
}

/* Why it claims nothing; NULL: it does. */
void
wf_membership_courier_trouble(const char *trouble)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	strlcpy(place->now.courier_trouble, trouble == NULL ? "" : trouble, WF_MEMBERSHIP_TROUBLE);
	LWLockRelease(&place->lock);
}

/* It ends. */
void
wf_membership_courier_detach(void)
{
	LWLockAcquire(&place->lock, LW_EXCLUSIVE);
	if (place->now.courier_pid == MyProcPid)
	{
		place->courier = NULL;
		place->now.courier_pid = 0;
		place->now.courier_trouble[0] = '\0';
	}
	LWLockRelease(&place->lock);
	wf_membership_link_wake();
}

/*
 * Set the courier's latch, if there is one.  Without the lock: latches are those of
 * PGPROC entries, which never go away, and one more wake does no harm.
 */
void
wf_membership_courier_wake(void)
{
	Latch	   *latch = place->courier;

	if (latch != NULL)
		SetLatch(latch);
}

/* The same for the link. */
void
wf_membership_link_wake(void)
{
	Latch	   *latch = place->link;

	if (latch != NULL)
		SetLatch(latch);
}

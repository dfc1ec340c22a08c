/*-------------------------------------------------------------------------
 *
 * member_silence.c
 *	  Which members say nothing, and for how long.
 *
 * Runs in any backend, under the lock of member_place.c.  Who is found silent for too long
 * is declared dead by cluster/recovery.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/guc.h"
#include "shmem/member_place.h"
#include "shmem/member_silence.h"

/* Who asks to register hears after so many intervals whether the one before has gone. */
#define INTERVALS_ASKED		3

/* Who has asked and does not come back for so long (us) has not asked. */
#define ASKED_FOR			(60 * USECS_PER_SEC)

/* Whoever judges silence later than so many intervals has slept itself. */
#define INTERVALS_ASLEEP	2

/*
 * Somebody asks to register under the id of a member.  It is told to come again, *wait
 * (us) later, until the one before has had the time for a beat.
 */
WfMemberAsked
wf_member_silence_ask(const char *id, uint64 asker, int64 now, int64 *wait)
{
	WfMemberAsked asked = WF_MEMBER_ASK_LATER;
	WfMember   *member;
	WfMemberKnown *cluster;

	*wait = 0;
	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_my_cluster();
	member = wf_member_place_find(id);
	if (cluster == NULL || member == NULL)
		asked = WF_MEMBER_IS_SILENT;
	else
	{
		int64		patience = INTERVALS_ASKED * wf_member_place_alive_interval(cluster);
		bool		again = member->asked_at != 0 && member->asker == asker &&
			now - member->asked_at <= patience + ASKED_FOR;

		if (now - member->beat_at >= patience)
			asked = WF_MEMBER_IS_SILENT;
		else if (again && member->beat_at > member->asked_at)
			asked = WF_MEMBER_IS_ANOTHER;
		else if (!again)
		{
			member->asker = asker;
			member->asked_at = now;
		}
		if (asked == WF_MEMBER_ASK_LATER)
			*wait = Max(member->asked_at + patience - now, 1);
		else
			member->asked_at = 0;
	}
	wf_member_place_unlock();
	return asked;
}

/* When a member of a database has said nothing for too long, by the steady clock. */
int64
wf_member_silence_at(Oid dbid)
{
	int64		first = PG_INT64_MAX;
	WfMemberKnown *cluster;

	wf_member_place_lock(LW_SHARED);
	cluster = wf_member_place_cluster(dbid);
	for (int i = 0; i < wf_max_runtimes && cluster != NULL; i++)
	{
		const WfMember *member = &wf_member_places[i];

		if (member->dbid == dbid && !member->reserved && !member->fenced)
			first = Min(first, member->beat_at + wf_member_place_longest_silence(cluster));
	}
	wf_member_place_unlock();
	return first;
}

/* The longest silence of this database's is over since then.  Under the lock. */
static int64
overdue_for(const WfMemberKnown *cluster, int64 now)
{
	int64		overdue = 0;

	for (int i = 0; i < wf_max_runtimes; i++)
	{
		const WfMember *member = &wf_member_places[i];

		/* a grace that was used up at a start is nobody's sleep */
		if (member->dbid == MyDatabaseId && !member->reserved && !member->fenced &&
			!(member->row.graced && !member->beaten))
			overdue = Max(overdue, now - member->beat_at - wf_member_place_longest_silence(cluster));
	}
	return overdue;
}

/*
 * Somebody is about to judge who of this database has been silent for too long.  If that
 * is later than it should have been, the whole machine may have slept, and the members
 * have as long again.  Not twice in a row: then it was only the one who judges.
 */
bool
wf_member_silence_slept(int64 now)
{
	bool		asleep = false;
	WfMemberKnown *cluster;

	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_my_cluster();
	if (cluster != NULL)
	{
		asleep = !cluster->slept &&
			overdue_for(cluster, now) > INTERVALS_ASLEEP * wf_member_place_alive_interval(cluster);
		cluster->slept = asleep;
	}
	for (int i = 0; i < wf_max_runtimes && asleep; i++)
		if (wf_member_places[i].dbid == MyDatabaseId)
			wf_member_places[i].beat_at = now;
	wf_member_place_unlock();
	return asleep;
}

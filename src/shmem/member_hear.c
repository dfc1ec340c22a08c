/*-------------------------------------------------------------------------
 *
 * member_hear.c
 *	  What members say, and whose turn it is.
 *
 * Runs in any backend, under the lock of member_place.c.  A beat touches no table: it is
 * answered by what is known of the member's row and of the cluster.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/guc.h"
#include "shmem/member_hear.h"
#include "shmem/member_place.h"

/* Who has said nothing for so many intervals takes no part in turns. */
#define INTERVALS_IN_TURNS	3

/* How it stands with the others of this database that live.  Under the lock. */
static WfTurnOthers
look_at_others(const WfMemberKnown *cluster, const WfMember *mine, WfTurnKind kind, const WfTurnRule *rule,
			   int64 now)
{
	WfTurnOthers others = {0};

	for (int i = 0; i < wf_max_runtimes; i++)
	{
		const WfMember *member = &wf_member_places[i];

		if (member->dbid != MyDatabaseId || member == mine || !member->known || member->fenced ||
			now - member->beat_at > INTERVALS_IN_TURNS * wf_member_place_alive_interval(cluster))
			continue;
		others.latest = Max(others.latest, member->turns[kind].next);
		others.at_work = others.at_work || wf_turn_holds(&member->turns[kind], rule, now);
	}
	return others;
}

static WfTurnAnswer
answer_turn(const WfMemberKnown *cluster, WfMember *member, WfTurnKind kind, int64 now)
{
	const int  *values = cluster->known.values;
	WfTurnRule	rule = wf_turn_rule(values[kind == WF_TURN_TIMER ? WF_CLUSTER_TIMER_INTERVAL :
										   WF_CLUSTER_SERVICE_TIMER_INTERVAL],
									values[WF_CLUSTER_PROTECTION]);
	WfTurnOthers others = look_at_others(cluster, member, kind, &rule, now);

	return wf_turn_ask(&member->turns[kind], &rule, &others, now);
}

/* May it have turns at all? */
static bool
takes_turns(const WfMember *member)
{
	return member->row.approved && member->row.role != WF_MEMBER_INTERFACE;
}

/* A member whose epoch is right says something.  Under the lock. */
static void
take_beat(WfMemberKnown *cluster, WfMember *member, const WfMemberBeat *beat, int64 now,
		  WfMemberAnswer *answer)
{
	member->beat_at = now;
	member->heard_at = now;
	member->heard_in = MyProcPid;
	member->beaten = true;
	/* who does not say which settings it has lives by what we answer */
	member->settings = beat->settings < 0 ? cluster->known.settings : beat->settings;
	if (beat->files >= 0)
		member->files = beat->files;
	for (int kind = 0; kind < WF_TURN_KINDS; kind++)
		if (beat->asks[kind] && takes_turns(member))
			answer->turns[kind] = answer_turn(cluster, member, kind, now);
	answer->takes_turns = takes_turns(member);
	answer->backlog = cluster->backlog;
	answer->row = member->row;
	answer->cluster = cluster->known;
}

/* Hear a beat. */
WfMemberHeard
wf_member_hear(const WfMemberBeat *beat, int64 now, WfMemberAnswer *answer)
{
	WfMemberHeard heard;
	Oid			relation = wf_member_place_relation();
	WfMemberKnown *cluster;
	WfMember   *member;

	memset(answer, 0, sizeof(*answer));
	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_my_cluster();
	member = wf_member_place_find(beat->id);
	if (!wf_member_place_is_loaded(cluster, relation))
		heard = WF_MEMBER_NOT_LOADED;
	else if (member == NULL || !member->known)
		heard = WF_MEMBER_ABSENT;
	else if (member->row.login != beat->as)
	{
		heard = WF_MEMBER_OTHERS;
		answer->row = member->row;
	}
	else if (member->fenced || member->row.epoch != beat->epoch)
		heard = WF_MEMBER_FENCED;
	else
	{
		heard = WF_MEMBER_HEARD;
		take_beat(cluster, member, beat, now, answer);
	}
	wf_member_place_unlock();
	return heard;
}

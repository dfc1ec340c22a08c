/*
 * member_hear.h
 *	  What members say, and whose turn it is.
 */
#ifndef WF_MEMBER_HEAR_H
#define WF_MEMBER_HEAR_H

#include "shmem/member.h"

/* What a member says. */
typedef struct WfMemberBeat
{
	const char *id;
	int64		epoch;
	Oid			as;				/* whose it should be */
	int64		settings;		/* or -1 */
	int64		files;			/* or -1 */
	bool		asks[WF_TURN_KINDS];	/* whether it is its turn */
} WfMemberBeat;

typedef struct WfMemberAnswer
{
	WfMemberRow row;
	WfTurnAnswer turns[WF_TURN_KINDS];
	bool		takes_turns;
	bool		backlog;		/* there is more to be claimed than one member has */
	WfMemberCluster cluster;
} WfMemberAnswer;

extern WfMemberHeard wf_member_hear(const WfMemberBeat *beat, int64 now, WfMemberAnswer *answer);

#endif							/* WF_MEMBER_HEAR_H */

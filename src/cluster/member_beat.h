/*
 * member_beat.h
 *	  Runtimes say that they live, and hear what they are to do.
 */
#ifndef WF_MEMBER_BEAT_H
#define WF_MEMBER_BEAT_H

#include "shmem/member_hear.h"

extern bool wf_member_beat(WfMemberBeat *beat, WfMemberAnswer *answer);
extern void wf_member_beat_require(WfMemberBeat *beat, WfMemberAnswer *answer);
extern bool wf_member_beat_everybody(const WfMemberAnswer *answer);

#endif							/* WF_MEMBER_BEAT_H */

/*
 * local_member.h
 *	  The runtime that the background workers of this instance are.
 */
#ifndef WF_LOCAL_MEMBER_H
#define WF_LOCAL_MEMBER_H

#include "datatype/timestamp.h"

#include "shmem/member.h"

extern WfMemberRole wf_local_member_role(void);
extern bool wf_local_member_cycle(bool first, bool *locked);
extern TimestampTz wf_local_member_silence_at(Oid dbid);

#endif							/* WF_LOCAL_MEMBER_H */

/*
 * member_load.h
 *	  Shared memory learns from the tables who the members of the cluster are.
 */
#ifndef WF_MEMBER_LOAD_H
#define WF_MEMBER_LOAD_H

#include "shmem/member.h"

extern void wf_member_load_refuse_changes(void);
extern void wf_member_load(void);
extern void wf_member_load_if_changed(void);
extern void wf_member_load_cluster(WfMemberCluster *cluster);
extern void wf_member_load_note_grace(void);

#endif							/* WF_MEMBER_LOAD_H */

/*
 * member_place.h
 *	  Places of members and clusters in shared memory, and their lock.
 *
 * Only for the files whose names begin with member.
 */
#ifndef WF_MEMBER_PLACE_H
#define WF_MEMBER_PLACE_H

#include "storage/lwlock.h"

#include "shmem/member.h"

/* What is known of the cluster of a database. */
typedef struct WfMemberKnown
{
	Oid			dbid;			/* InvalidOid: not in use */
	Oid			relation;		/* the table that was read: the extension may have been
								 * dropped since, and made again */
	bool		slept;			/* grace was given because nobody had judged in time */
	bool		backlog;		/* the last one that claimed got all that it asked for */
	WfMemberCluster known;
} WfMemberKnown;

extern WfMember *wf_member_places;	/* workflow.max_runtimes */

extern Size wf_member_place_shmem_size(void);
extern void wf_member_place_shmem_attach(void *segment, bool created);
extern void wf_member_place_lock(LWLockMode mode);
extern void wf_member_place_unlock(void);
extern WfMemberKnown *wf_member_place_cluster(Oid dbid);
extern WfMemberKnown *wf_member_place_my_cluster(void);
extern Oid	wf_member_place_relation(void);
extern bool wf_member_place_is_loaded(const WfMemberKnown *cluster, Oid relation);
extern int64 wf_member_place_alive_interval(const WfMemberKnown *cluster);
extern int64 wf_member_place_longest_silence(const WfMemberKnown *cluster);
extern WfMember *wf_member_place_find(const char *id);
extern WfMember *wf_member_place_take(const char *id, int64 now);

#endif							/* WF_MEMBER_PLACE_H */

/*-------------------------------------------------------------------------
 *
 * member_place.c
 *	  Places of members and clusters in shared memory, and their lock.
 *
 * Runs in any backend, for member.c and those beside it.  Locks: all of it is guarded by
 * its own LWLock, under which no other lock is taken.  Nothing throws under it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"

#include "base/guc.h"
#include "shmem/instance.h"
#include "shmem/member_place.h"

typedef struct MemberTable
{
	LWLock		lock;
	WfMember	members[FLEXIBLE_ARRAY_MEMBER]; /* workflow.max_runtimes; behind them
												 * the clusters */
} MemberTable;

static MemberTable *table = NULL;
static WfMemberKnown *clusters = NULL;	/* workflow.max_databases */

WfMember   *wf_member_places = NULL;

static Size
members_size(void)
{
	return MAXALIGN(offsetof(MemberTable, members) + mul_size(wf_max_runtimes, sizeof(WfMember)));
}

/* Bytes of the segment. */
Size
wf_member_place_shmem_size(void)
{
	return add_size(members_size(), mul_size(wf_max_databases, sizeof(WfMemberKnown)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_member_place_shmem_attach(void *segment, bool created)
{
	table = segment;
	wf_member_places = table->members;
	clusters = (WfMemberKnown *) ((char *) segment + members_size());
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/* Lock the places, and what is known of clusters. */
void
wf_member_place_lock(LWLockMode mode)
{
	LWLockAcquire(&table->lock, mode);
}

/* Unlock them. */
void
wf_member_place_unlock(void)
{
	LWLockRelease(&table->lock);
}

/* --- what is known of a cluster --------------------------------------------------- */

/* What is known of a database's; NULL: nothing.  Under the lock. */
WfMemberKnown *
wf_member_place_cluster(Oid dbid)
{
	for (int i = 0; i < wf_max_databases; i++)
		if (clusters[i].dbid == dbid)
			return &clusters[i];
	return NULL;
}

/* That of this database; NULL: there is no place for it.  Under the lock, exclusive. */
WfMemberKnown *
wf_member_place_my_cluster(void)
{
	WfMemberKnown *cluster = wf_member_place_cluster(MyDatabaseId);

	if (cluster == NULL)
	{
		cluster = wf_member_place_cluster(InvalidOid);
		if (cluster == NULL)
			return NULL;
		memset(cluster, 0, sizeof(*cluster));
		cluster->dbid = MyDatabaseId;
		wf_cluster_setting_defaults(cluster->known.values);
	}
	return cluster;
}

/* The table of runtimes of this database.  Not under the lock: asks the catalogs. */
Oid
wf_member_place_relation(void)
{
	return get_relname_relid("runtime", get_namespace_oid("workflow", true));
}

/* Is what is known as the rows of that table are? */
bool
wf_member_place_is_loaded(const WfMemberKnown *cluster, Oid relation)
{
	return cluster != NULL && cluster->known.loaded && cluster->relation == relation;
}

/* A member is to say something once in that time (us). */
int64
wf_member_place_alive_interval(const WfMemberKnown *cluster)
{
	return cluster->known.values[WF_CLUSTER_ALIVE_INTERVAL] * INT64CONST(1000);
}

/* So long (us) a member may say nothing. */
int64
wf_member_place_longest_silence(const WfMemberKnown *cluster)
{
	return wf_member_place_alive_interval(cluster) * cluster->known.values[WF_CLUSTER_DEATH_COUNT];
}

/* --- members ---------------------------------------------------------------------- */

/* The place of a member of this database; NULL: it has none.  Under the lock. */
WfMember *
wf_member_place_find(const char *id)
{
	for (int i = 0; i < wf_max_runtimes; i++)
		if (wf_member_places[i].dbid == MyDatabaseId && strcmp(wf_member_places[i].row.id, id) == 0)
			return &wf_member_places[i];
	return NULL;
}

/* A place for one that has none; NULL: there is no more.  Under the lock, exclusive. */
WfMember *
wf_member_place_take(const char *id, int64 now)
{
	for (int i = 0; i < wf_max_runtimes; i++)
	{
		WfMember   *member = &wf_member_places[i];

		if (OidIsValid(member->dbid))
			continue;
		memset(member, 0, sizeof(*member));
		member->dbid = MyDatabaseId;
		strlcpy(member->row.id, id, sizeof(member->row.id));
		member->beat_at = now;
		member->settings = member->files = -1;
		return member;
	}
	return NULL;
}

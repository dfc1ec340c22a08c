/*-------------------------------------------------------------------------
 *
 * member.c
 *	  Members: the runtimes of the clusters that live, as far as they say so by beats.
 *
 * Runs in any backend.  A runtime that is no local one has a place here while it lives;
 * what its row says stands there, too, so that a beat touches no table.  The truth of
 * that is the table workflow.runtime: whoever has changed a row says at its commit that
 * what is here is not as the rows are now, and the next one who needs it reads them all
 * (cluster/member_load.c).  When a member has said something, and its turns, is nowhere
 * else: after a start of the server everybody has beaten just now.
 *
 * All of it is in places of member_place.c, under the lock of that.  Nothing throws under
 * it.  What members say is heard by member_hear.c, and who says nothing is known to
 * member_silence.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/guc.h"
#include "shmem/member.h"
#include "shmem/member_place.h"

/* --- what is known of a cluster --------------------------------------------------- */

/* Copy what is known of this database's. */
void
wf_member_cluster(WfMemberCluster *cluster)
{
	WfMemberKnown *mine;

	wf_member_place_lock(LW_EXCLUSIVE);
	mine = wf_member_place_my_cluster();
	if (mine != NULL)
		*cluster = mine->known;
	else
	{
		memset(cluster, 0, sizeof(*cluster));
		wf_cluster_setting_defaults(cluster->values);
	}
	wf_member_place_unlock();
}

/* Forget those of this database that are not among these, which live.  Under the lock. */
static void
keep_only(int n, const WfMemberRow *rows)
{
	for (int i = 0; i < wf_max_runtimes; i++)
	{
		WfMember   *member = &wf_member_places[i];
		bool		lives = member->reserved;

		if (member->dbid != MyDatabaseId)
			continue;
		for (int j = 0; j < n && !lives; j++)
			lives = strcmp(rows[j].id, member->row.id) == 0;
		if (!lives)
			member->dbid = InvalidOid;
	}
}

/*
 * A row of a member that lives was read.  One that is met for the first time since the
 * start has beaten just now, unless that was said of it once before.  Under the lock.
 */
static void
store_row(const WfMemberKnown *cluster, const WfMemberRow *row, int64 now)
{
	WfMember   *member = wf_member_place_find(row->id);

	if (member == NULL)
	{
		member = wf_member_place_take(row->id, now);
		if (member == NULL)
			return;
		if (row->graced)
			member->beat_at = now - wf_member_place_longest_silence(cluster);
	}
	if (member->known && member->row.epoch != row->epoch)
		member->fenced = false;
	member->row = *row;
	member->known = true;
	member->reserved = false;
}

/* Turns of other intervals begin anew.  Under the lock. */
static void
forget_turns(void)
{
	for (int i = 0; i < wf_max_runtimes; i++)
		if (wf_member_places[i].dbid == MyDatabaseId)
			memset(wf_member_places[i].turns, 0, sizeof(wf_member_places[i].turns));
}

static bool
same_turns(const int *a, const int *b)
{
	return a[WF_CLUSTER_TIMER_INTERVAL] == b[WF_CLUSTER_TIMER_INTERVAL] &&
		a[WF_CLUSTER_SERVICE_TIMER_INTERVAL] == b[WF_CLUSTER_SERVICE_TIMER_INTERVAL] &&
		a[WF_CLUSTER_PROTECTION] == b[WF_CLUSTER_PROTECTION];
}

/*
 * Keep what was read of this database's tables by a snapshot that is younger than the
 * generation: settings, and the rows of those who live.  False: they have changed since,
 * and are to be read again.
 */
bool
wf_member_store(uint64 generation, const WfMemberCluster *cluster, int n, const WfMemberRow *rows,
				int64 now)
{
	Oid			relation = wf_member_place_relation();
	WfMemberKnown *mine;
	bool		stored;

	wf_member_place_lock(LW_EXCLUSIVE);
	mine = wf_member_place_my_cluster();
	stored = mine == NULL || mine->known.generation == generation;
	if (mine != NULL && stored)
	{
		if (!same_turns(mine->known.values, cluster->values))
			forget_turns();
		mine->known = *cluster;
		mine->known.generation = generation;
		mine->known.loaded = true;
		mine->relation = relation;
		keep_only(n, rows);
		for (int i = 0; i < n; i++)
			store_row(mine, &rows[i], now);
	}
	wf_member_place_unlock();
	return stored;
}

/*
 * The role that this instance has in this database.  False: the tables are to be asked
 * first; then *role is what it was.
 */
bool
wf_member_local_role(WfMemberRole *role)
{
	Oid			relation = wf_member_place_relation();
	const WfMemberKnown *cluster;
	bool		loaded;

	wf_member_place_lock(LW_SHARED);
	cluster = wf_member_place_cluster(MyDatabaseId);
	loaded = wf_member_place_is_loaded(cluster, relation);
	*role = cluster == NULL ? WF_MEMBER_BOTH : cluster->known.local_role;
	wf_member_place_unlock();
	return loaded;
}

/* Is there a place for what is known of this database's?  It has none where too many others have. */
bool
wf_member_has_cluster(void)
{
	bool		has;

	wf_member_place_lock(LW_SHARED);
	has = wf_member_place_cluster(MyDatabaseId) != NULL;
	wf_member_place_unlock();
	return has;
}

/* Is the epoch of a member of this database that one, and is it heard? */
bool
wf_member_has_epoch(const char *id, int64 epoch)
{
	const WfMember *member;
	bool		has;

	wf_member_place_lock(LW_SHARED);
	member = wf_member_place_find(id);
	has = member != NULL && member->known && !member->fenced && member->row.epoch == epoch;
	wf_member_place_unlock();
	return has;
}

/*
 * Copy all members of this database, in the current memory context.  Returns how many
 * there are.
 */
int
wf_member_list(WfMember **members)
{
	int			n = 0;

	*members = palloc(sizeof(WfMember) * wf_max_runtimes);
	wf_member_place_lock(LW_SHARED);
	for (int i = 0; i < wf_max_runtimes; i++)
		if (wf_member_places[i].dbid == MyDatabaseId && wf_member_places[i].known && !wf_member_places[i].reserved)
			(*members)[n++] = wf_member_places[i];
	wf_member_place_unlock();
	return n;
}

/*
 * What the row of a member of this database says, if it lives.  *any: there are members
 * at all, living or not; it costs next to nothing to learn that there are none.
 */
WfMemberHeard
wf_member_find(const char *id, WfMemberRow *row, bool *any)
{
	WfMemberHeard heard = WF_MEMBER_NOT_LOADED;
	Oid			relation = wf_member_place_relation();
	const WfMemberKnown *cluster;

	wf_member_place_lock(LW_SHARED);
	cluster = wf_member_place_cluster(MyDatabaseId);
	*any = true;
	if (wf_member_place_is_loaded(cluster, relation))
	{
		const WfMember *member = cluster->known.any ? wf_member_place_find(id) : NULL;

		*any = cluster->known.any;
		heard = WF_MEMBER_ABSENT;
		if (member != NULL && member->known)
		{
			*row = member->row;
			heard = member->fenced ? WF_MEMBER_FENCED : WF_MEMBER_HEARD;
		}
	}
	wf_member_place_unlock();
	return heard;
}

/* Is it what is looked for?  Asked of one that may have ended, too. */
bool
wf_member_matches(const WfMemberRow *row, const WfMemberFilter *filter)
{
	return filter->kinds[row->kind] && (filter->id == NULL || strcmp(row->id, filter->id) == 0) &&
		(filter->engine ? row->role == WF_MEMBER_ENGINE : row->role != WF_MEMBER_INTERFACE) &&
		row->approved;
}

/* Does a member of this database live that matches, and may work? */
bool
wf_member_works(const WfMemberFilter *filter)
{
	bool		works = false;

	wf_member_place_lock(LW_SHARED);
	for (int i = 0; i < wf_max_runtimes && !works; i++)
	{
		const WfMember *member = &wf_member_places[i];

		works = member->dbid == MyDatabaseId && member->known && !member->reserved && !member->fenced &&
			wf_member_matches(&member->row, filter);
	}
	wf_member_place_unlock();
	return works;
}

/* Is this instance what is looked for? */
bool
wf_member_is_local(const WfMemberFilter *filter)
{
	WfMemberRow row = {.kind = WF_RUNTIME_LOCAL,.approved = true};
	const WfMemberKnown *cluster;

	wf_member_place_lock(LW_SHARED);
	cluster = wf_member_place_cluster(MyDatabaseId);
	if (cluster != NULL)
	{
		strlcpy(row.id, cluster->known.local_id, sizeof(row.id));
		row.role = cluster->known.local_role;
	}
	wf_member_place_unlock();
	return wf_member_matches(&row, filter);
}

/* Is all that is known of this database's as the rows are now? */
bool
wf_member_is_loaded(void)
{
	Oid			relation = wf_member_place_relation();
	bool		loaded;

	wf_member_place_lock(LW_SHARED);
	loaded = wf_member_place_is_loaded(wf_member_place_cluster(MyDatabaseId), relation);
	wf_member_place_unlock();
	return loaded;
}

/* A member of this database has claimed runs, and there may be more. */
void
wf_member_backlog(bool backlog)
{
	WfMemberKnown *cluster;

	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_cluster(MyDatabaseId);
	if (cluster != NULL)
		cluster->backlog = backlog;
	wf_member_place_unlock();
}

/* --- who is not heard any more ------------------------------------------------------ */

/*
 * The member is not heard any more: this transaction is about to declare it dead.  With
 * silent, only if it has said nothing for too long.  False: it has another epoch, lives,
 * or somebody else is at it.
 */
bool
wf_member_fence(const char *id, int64 epoch, bool silent, int64 now)
{
	bool		fenced = false;
	WfMemberKnown *cluster;
	WfMember   *member;

	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_my_cluster();
	member = wf_member_place_find(id);
	if (cluster != NULL && member != NULL && member->known && !member->fenced &&
		member->row.epoch == epoch)
		fenced = !silent || now - member->beat_at >= wf_member_place_longest_silence(cluster);
	if (fenced)
		member->fenced = true;
	wf_member_place_unlock();
	return fenced;
}

/* It was not declared dead: that was rolled back. */
void
wf_member_fence_lift(const char *id, int64 epoch)
{
	WfMember   *member;

	wf_member_place_lock(LW_EXCLUSIVE);
	member = wf_member_place_find(id);
	if (member != NULL && member->row.epoch == epoch)
		member->fenced = false;
	wf_member_place_unlock();
}

/* --- changes ----------------------------------------------------------------------- */

/* A place for a member that is being registered, unless it has one.  False: there is none. */
bool
wf_member_reserve(const char *id)
{
	bool		reserved = true;

	wf_member_place_lock(LW_EXCLUSIVE);
	if (wf_member_place_find(id) == NULL)
	{
		WfMember   *member = wf_member_place_take(id, 0);

		reserved = member != NULL;
		if (reserved)
			member->reserved = true;
	}
	wf_member_place_unlock();
	return reserved;
}

/* The registration was rolled back. */
void
wf_member_free_reserved(const char *id)
{
	WfMember   *member;

	wf_member_place_lock(LW_EXCLUSIVE);
	member = wf_member_place_find(id);
	if (member != NULL && member->reserved)
		member->dbid = InvalidOid;
	wf_member_place_unlock();
}

/*
 * A row has changed, or, NULL, a setting, by a transaction that has committed: all of them
 * are to be read again.  Called where nothing may throw.
 */
void
wf_member_told(const char *id, bool living, int64 now)
{
	WfMemberKnown *cluster;
	WfMember   *member;

	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_my_cluster();
	if (cluster != NULL)
	{
		cluster->known.generation++;
		cluster->known.loaded = false;
	}
	member = id == NULL ? NULL : wf_member_place_find(id);
	if (member != NULL && living)
	{
		member->reserved = false;
		member->fenced = false;
		member->beat_at = now;
		member->heard_at = now;
		member->heard_in = MyProcPid;
		member->asked_at = 0;
	}
	else if (member != NULL)
		member->dbid = InvalidOid;
	wf_member_place_unlock();
}

/* A database was dropped, or has no extension any more. */
void
wf_member_forget_database(Oid dbid)
{
	WfMemberKnown *cluster;

	wf_member_place_lock(LW_EXCLUSIVE);
	cluster = wf_member_place_cluster(dbid);
	if (cluster != NULL)
		cluster->dbid = InvalidOid;
	for (int i = 0; i < wf_max_runtimes; i++)
		if (wf_member_places[i].dbid == dbid)
			wf_member_places[i].dbid = InvalidOid;
	wf_member_place_unlock();
}

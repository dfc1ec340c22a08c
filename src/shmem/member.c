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
 * Locks: all of it is guarded by its own LWLock, under which no other lock is taken.
 * Nothing throws under it.
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
#include "shmem/member.h"

/* Who has said nothing for so many intervals takes no part in turns. */
#define INTERVALS_IN_TURNS	3

/* Whoever judges silence later than so many intervals has slept itself. */
#define INTERVALS_ASLEEP	2

/* Who asks to register hears after so many intervals whether the one before has gone. */
#define INTERVALS_ASKED		3

/* Who has asked and does not come back for so long (us) has not asked. */
#define ASKED_FOR			(60 * USECS_PER_SEC)

typedef struct Cluster
{
	Oid			dbid;			/* InvalidOid: not in use */
	Oid			relation;		/* the table that was read: the extension may have been
								 * dropped since, and made again */
	bool		slept;			/* grace was given because nobody had judged in time */
	bool		backlog;		/* the last one that claimed got all that it asked for */
	WfMemberCluster known;
} Cluster;

typedef struct MemberTable
{
	LWLock		lock;
	int			nclusters;
	WfMember	members[FLEXIBLE_ARRAY_MEMBER]; /* workflow.max_runtimes; behind them
												 * the clusters */
} MemberTable;

static MemberTable *table = NULL;
static Cluster *clusters = NULL;	/* workflow.max_databases */

static Size
members_size(void)
{
	return MAXALIGN(offsetof(MemberTable, members) + mul_size(wf_max_runtimes, sizeof(WfMember)));
}

/* Bytes of the segment. */
Size
wf_member_shmem_size(void)
{
	return add_size(members_size(), mul_size(wf_max_databases, sizeof(Cluster)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_member_shmem_attach(void *segment, bool created)
{
	table = segment;
	clusters = (Cluster *) ((char *) segment + members_size());
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/* --- what is known of a cluster --------------------------------------------------- */

/* What is known of a database's; NULL: nothing.  Under the lock. */
static Cluster *
find_cluster(Oid dbid)
{
	for (int i = 0; i < wf_max_databases; i++)
		if (clusters[i].dbid == dbid)
			return &clusters[i];
	return NULL;
}

/* That of this database; NULL: there is no place for it.  Under the lock, exclusive. */
static Cluster *
my_cluster(void)
{
	Cluster    *cluster = find_cluster(MyDatabaseId);

	if (cluster == NULL)
	{
		cluster = find_cluster(InvalidOid);
		if (cluster == NULL)
			return NULL;
		memset(cluster, 0, sizeof(*cluster));
		cluster->dbid = MyDatabaseId;
		wf_cluster_setting_defaults(cluster->known.values);
	}
	return cluster;
}

/* Copy what is known of this database's. */
void
wf_member_cluster(WfMemberCluster *cluster)
{
	Cluster    *mine;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mine = my_cluster();
	if (mine != NULL)
		*cluster = mine->known;
	else
	{
		memset(cluster, 0, sizeof(*cluster));
		wf_cluster_setting_defaults(cluster->values);
	}
	LWLockRelease(&table->lock);
}

/* The table of runtimes of this database.  Not under the lock: asks the catalogs. */
static Oid
my_relation(void)
{
	return get_relname_relid("runtime", get_namespace_oid("workflow", true));
}

static bool
is_loaded(const Cluster *cluster, Oid relation)
{
	return cluster != NULL && cluster->known.loaded && cluster->relation == relation;
}

static int64
alive_interval(const Cluster *cluster)
{
	return cluster->known.values[WF_CLUSTER_ALIVE_INTERVAL] * INT64CONST(1000);
}

/* So long a member may say nothing. */
static int64
longest_silence(const Cluster *cluster)
{
	return alive_interval(cluster) * cluster->known.values[WF_CLUSTER_DEATH_COUNT];
}

/* --- members ---------------------------------------------------------------------- */

/* The place of a member of this database; NULL: it has none.  Under the lock. */
static WfMember *
find(const char *id)
{
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->members[i].dbid == MyDatabaseId && strcmp(table->members[i].row.id, id) == 0)
			return &table->members[i];
	return NULL;
}

/* A place for one that has none; NULL: there is no more.  Under the lock, exclusive. */
static WfMember *
take_place(const char *id, int64 now)
{
	for (int i = 0; i < wf_max_runtimes; i++)
	{
		WfMember   *member = &table->members[i];

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

/* Forget those of this database that are not among these, which live.  Under the lock. */
static void
keep_only(int n, const WfMemberRow *rows)
{
	for (int i = 0; i < wf_max_runtimes; i++)
	{
		WfMember   *member = &table->members[i];
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
store_row(const Cluster *cluster, const WfMemberRow *row, int64 now)
{
	WfMember   *member = find(row->id);

	if (member == NULL)
	{
		member = take_place(row->id, now);
		if (member == NULL)
			return;
		if (row->graced)
			member->beat_at = now - longest_silence(cluster);
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
		if (table->members[i].dbid == MyDatabaseId)
			memset(table->members[i].turns, 0, sizeof(table->members[i].turns));
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
	Oid			relation = my_relation();
	Cluster    *mine;
	bool		stored;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mine = my_cluster();
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
	LWLockRelease(&table->lock);
	return stored;
}

/*
 * The role that this instance has in this database.  False: the tables are to be asked
 * first; then *role is what it was.
 */
bool
wf_member_local_role(WfMemberRole *role)
{
	Oid			relation = my_relation();
	const Cluster *cluster;
	bool		loaded;

	LWLockAcquire(&table->lock, LW_SHARED);
	cluster = find_cluster(MyDatabaseId);
	loaded = is_loaded(cluster, relation);
	*role = cluster == NULL ? WF_MEMBER_BOTH : cluster->known.local_role;
	LWLockRelease(&table->lock);
	return loaded;
}

/* Is the epoch of a member of this database that one, and is it heard? */
bool
wf_member_has_epoch(const char *id, int64 epoch)
{
	const WfMember *member;
	bool		has;

	LWLockAcquire(&table->lock, LW_SHARED);
	member = find(id);
	has = member != NULL && member->known && !member->fenced && member->row.epoch == epoch;
	LWLockRelease(&table->lock);
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
	LWLockAcquire(&table->lock, LW_SHARED);
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->members[i].dbid == MyDatabaseId && table->members[i].known && !table->members[i].reserved)
			(*members)[n++] = table->members[i];
	LWLockRelease(&table->lock);
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
	Oid			relation = my_relation();
	const Cluster *cluster;

	LWLockAcquire(&table->lock, LW_SHARED);
	cluster = find_cluster(MyDatabaseId);
	*any = true;
	if (is_loaded(cluster, relation))
	{
		const WfMember *member = cluster->known.any ? find(id) : NULL;

		*any = cluster->known.any;
		heard = WF_MEMBER_ABSENT;
		if (member != NULL && member->known)
		{
			*row = member->row;
			heard = member->fenced ? WF_MEMBER_FENCED : WF_MEMBER_HEARD;
		}
	}
	LWLockRelease(&table->lock);
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

	LWLockAcquire(&table->lock, LW_SHARED);
	for (int i = 0; i < wf_max_runtimes && !works; i++)
	{
		const WfMember *member = &table->members[i];

		works = member->dbid == MyDatabaseId && member->known && !member->reserved && !member->fenced &&
			wf_member_matches(&member->row, filter);
	}
	LWLockRelease(&table->lock);
	return works;
}

/* Is this instance what is looked for? */
bool
wf_member_is_local(const WfMemberFilter *filter)
{
	WfMemberRow row = {.kind = WF_RUNTIME_LOCAL,.approved = true};
	const Cluster *cluster;

	LWLockAcquire(&table->lock, LW_SHARED);
	cluster = find_cluster(MyDatabaseId);
	if (cluster != NULL)
	{
		strlcpy(row.id, cluster->known.local_id, sizeof(row.id));
		row.role = cluster->known.local_role;
	}
	LWLockRelease(&table->lock);
	return wf_member_matches(&row, filter);
}

/* Is all that is known of this database's as the rows are now? */
bool
wf_member_is_loaded(void)
{
	Oid			relation = my_relation();
	bool		loaded;

	LWLockAcquire(&table->lock, LW_SHARED);
	loaded = is_loaded(find_cluster(MyDatabaseId), relation);
	LWLockRelease(&table->lock);
	return loaded;
}

/* --- beats and turns --------------------------------------------------------------- */

/* How it stands with the others of this database that live.  Under the lock. */
static WfTurnOthers
look_at_others(const Cluster *cluster, const WfMember *mine, WfTurnKind kind, const WfTurnRule *rule,
			   int64 now)
{
	WfTurnOthers others = {0};

	for (int i = 0; i < wf_max_runtimes; i++)
	{
		const WfMember *member = &table->members[i];

		if (member->dbid != MyDatabaseId || member == mine || !member->known || member->fenced ||
			now - member->beat_at > INTERVALS_IN_TURNS * alive_interval(cluster))
			continue;
		others.latest = Max(others.latest, member->turns[kind].next);
		others.at_work = others.at_work || wf_turn_holds(&member->turns[kind], rule, now);
	}
	return others;
}

static WfTurnAnswer
answer_turn(const Cluster *cluster, WfMember *member, WfTurnKind kind, int64 now)
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

/* A member of this database has claimed runs, and there may be more. */
void
wf_member_backlog(bool backlog)
{
	Cluster    *cluster;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = find_cluster(MyDatabaseId);
	if (cluster != NULL)
		cluster->backlog = backlog;
	LWLockRelease(&table->lock);
}

/* A member whose epoch is right says something.  Under the lock. */
static void
take_beat(Cluster *cluster, WfMember *member, const WfMemberBeat *beat, int64 now,
		  WfMemberAnswer *answer)
{
	member->beat_at = now;
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
	Oid			relation = my_relation();
	Cluster    *cluster;
	WfMember   *member;

	memset(answer, 0, sizeof(*answer));
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = my_cluster();
	member = find(beat->id);
	if (!is_loaded(cluster, relation))
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
	LWLockRelease(&table->lock);
	return heard;
}

/* --- who has gone ------------------------------------------------------------------ */

/*
 * Somebody asks to register under the id of a member.  It is told to come again, *wait
 * (us) later, until the one before has had the time for a beat.
 */
WfMemberAsked
wf_member_ask(const char *id, uint64 asker, int64 now, int64 *wait)
{
	WfMemberAsked asked = WF_MEMBER_ASK_LATER;
	WfMember   *member;
	Cluster    *cluster;

	*wait = 0;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = my_cluster();
	member = find(id);
	if (cluster == NULL || member == NULL)
		asked = WF_MEMBER_IS_SILENT;
	else
	{
		int64		patience = INTERVALS_ASKED * alive_interval(cluster);
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
	LWLockRelease(&table->lock);
	return asked;
}

/* When a member of a database has said nothing for too long, by the steady clock. */
int64
wf_member_silence_at(Oid dbid)
{
	int64		first = PG_INT64_MAX;
	Cluster    *cluster;

	LWLockAcquire(&table->lock, LW_SHARED);
	cluster = find_cluster(dbid);
	for (int i = 0; i < wf_max_runtimes && cluster != NULL; i++)
	{
		const WfMember *member = &table->members[i];

		if (member->dbid == dbid && !member->reserved && !member->fenced)
			first = Min(first, member->beat_at + longest_silence(cluster));
	}
	LWLockRelease(&table->lock);
	return first;
}

/* The longest silence of this database's is over since then.  Under the lock. */
static int64
overdue_for(const Cluster *cluster, int64 now)
{
	int64		overdue = 0;

	for (int i = 0; i < wf_max_runtimes; i++)
	{
		const WfMember *member = &table->members[i];

		/* a grace that was used up at a start is nobody's sleep */
		if (member->dbid == MyDatabaseId && !member->reserved && !member->fenced &&
			!(member->row.graced && !member->beaten))
			overdue = Max(overdue, now - member->beat_at - longest_silence(cluster));
	}
	return overdue;
}

/*
 * Somebody is about to judge who of this database has been silent for too long.  If that
 * is later than it should have been, the whole machine may have slept, and the members
 * have as long again.  Not twice in a row: then it was only the one who judges.
 */
bool
wf_member_was_asleep(int64 now)
{
	bool		asleep = false;
	Cluster    *cluster;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = my_cluster();
	if (cluster != NULL)
	{
		asleep = !cluster->slept &&
			overdue_for(cluster, now) > INTERVALS_ASLEEP * alive_interval(cluster);
		cluster->slept = asleep;
	}
	for (int i = 0; i < wf_max_runtimes && asleep; i++)
		if (table->members[i].dbid == MyDatabaseId)
			table->members[i].beat_at = now;
	LWLockRelease(&table->lock);
	return asleep;
}

/*
 * The member is not heard any more: this transaction is about to declare it dead.  With
 * silent, only if it has said nothing for too long.  False: it has another epoch, lives,
 * or somebody else is at it.
 */
bool
wf_member_fence(const char *id, int64 epoch, bool silent, int64 now)
{
	bool		fenced = false;
	Cluster    *cluster;
	WfMember   *member;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = my_cluster();
	member = find(id);
	if (cluster != NULL && member != NULL && member->known && !member->fenced &&
		member->row.epoch == epoch)
		fenced = !silent || now - member->beat_at >= longest_silence(cluster);
	if (fenced)
		member->fenced = true;
	LWLockRelease(&table->lock);
	return fenced;
}

/* It was not declared dead: that was rolled back. */
void
wf_member_fence_lift(const char *id, int64 epoch)
{
	WfMember   *member;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	member = find(id);
	if (member != NULL && member->row.epoch == epoch)
		member->fenced = false;
	LWLockRelease(&table->lock);
}

/* --- changes ----------------------------------------------------------------------- */

/* A place for a member that is being registered, unless it has one.  False: there is none. */
bool
wf_member_reserve(const char *id)
{
	bool		reserved = true;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	if (find(id) == NULL)
	{
		WfMember   *member = take_place(id, 0);

		reserved = member != NULL;
		if (reserved)
			member->reserved = true;
	}
	LWLockRelease(&table->lock);
	return reserved;
}

/* The registration was rolled back. */
void
wf_member_free_reserved(const char *id)
{
	WfMember   *member;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	member = find(id);
	if (member != NULL && member->reserved)
		member->dbid = InvalidOid;
	LWLockRelease(&table->lock);
}

/*
 * A row has changed, or, NULL, a setting, by a transaction that has committed: all of them
 * are to be read again.  Called where nothing may throw.
 */
void
wf_member_told(const char *id, bool living, int64 now)
{
	Cluster    *cluster;
	WfMember   *member;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = my_cluster();
	if (cluster != NULL)
	{
		cluster->known.generation++;
		cluster->known.loaded = false;
	}
	member = id == NULL ? NULL : find(id);
	if (member != NULL && living)
	{
		member->reserved = false;
		member->fenced = false;
		member->beat_at = now;
		member->asked_at = 0;
	}
	else if (member != NULL)
		member->dbid = InvalidOid;
	LWLockRelease(&table->lock);
}

/* A database was dropped, or has no extension any more. */
void
wf_member_forget_database(Oid dbid)
{
	Cluster    *cluster;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	cluster = find_cluster(dbid);
	if (cluster != NULL)
		cluster->dbid = InvalidOid;
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->members[i].dbid == dbid)
			table->members[i].dbid = InvalidOid;
	LWLockRelease(&table->lock);
}

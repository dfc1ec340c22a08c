/*-------------------------------------------------------------------------
 *
 * member_load.c
 *	  Shared memory learns from the tables who the members of the cluster are.
 *
 * Runs in any backend that finds shared memory out of date: after a start of the server,
 * and after a row or a setting has changed.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"

#include "base/clock.h"
#include "cluster/member_load.h"
#include "cluster/own_id.h"
#include "queue/placement.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "shmem/member_change.h"
#include "shmem/placed.h"
#include "store/runtime_row.h"
#include "store/shared_setting.h"
#include "store/statement.h"

/*
 * Error 55000 in a transaction that has changed rows or settings: nobody else may act on
 * what it sees.
 */
void
wf_member_load_refuse_changes(void)
{
	if (wf_member_change_pending())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this transaction has changed runtimes or settings of the cluster"),
				 errhint("COMMIT it first.")));
}

/* Which queues are not for this instance alone? */
static void
load_placed(void)
{
	int32	   *queues;
	int			n = wf_placement_list(&queues);

	wf_placed_learn(n, queues);
}

/* The id under which this instance is registered; empty: it is not yet. */
static const char *
local_id(void)
{
	const char *id = wf_runtime_row_mine(wf_instance->epoch);

	return id == NULL ? "" : id;
}

/*
 * Read rows and settings, and keep them in shared memory.  What changes while we read is
 * read again.  Error 55000 as above.
 */
void
wf_member_load(void)
{
	WfMemberCluster cluster;
	WfMemberRow *rows;
	uint64		generation;
	int			n;

	wf_member_load_refuse_changes();
	load_placed();
	do
	{
		CHECK_FOR_INTERRUPTS();
		wf_member_cluster(&cluster);
		generation = cluster.generation;
		n = wf_runtime_row_living(&rows);
		wf_shared_setting_read(&cluster);
		cluster.any = wf_runtime_row_any();
		cluster.local_role = wf_runtime_row_local_role(wf_instance->epoch, wf_own_id_all());
		strlcpy(cluster.local_id, local_id(), sizeof(cluster.local_id));
		cluster.local_since = wf_runtime_row_local_since(wf_instance->epoch);
	} while (!wf_member_store(generation, &cluster, n, rows, wf_clock_steady()));

	/* by other settings silence may be reached earlier than somebody sleeps for */
	wf_database_latch(MyDatabaseId);
}

/* What is known of the cluster of this database, up to date. */
void
wf_member_load_cluster(WfMemberCluster *cluster)
{
	wf_member_cluster(cluster);
	if (cluster->loaded)
		return;
	if (wf_member_change_pending())
	{
		wf_shared_setting_read(cluster);
		return;
	}
	wf_member_load();
	wf_member_cluster(cluster);
}

/*
 * Before it is asked which members there are: what has changed is read, unless this
 * transaction has changed it, which others do not see yet.
 */
void
wf_member_load_if_changed(void)
{
	bool		before;

	if (wf_member_is_loaded() || wf_member_change_pending() || RecoveryInProgress() ||
		!wf_runtime_row_exists())
		return;
	before = wf_statement_look_only(false);	/* others are to have what is there now */
	wf_member_load();
	(void) wf_statement_look_only(before);
}

/*
 * The server has started, and those who have said nothing since have got grace: they get
 * it once, however often the server starts before they do.
 */
void
wf_member_load_note_grace(void)
{
	WfMember   *members;
	int			n = wf_member_list(&members);

	for (int i = 0; i < n; i++)
	{
		if (members[i].beaten || members[i].row.graced)
			continue;
		wf_member_change_row();
		wf_runtime_row_grace(members[i].row.id, members[i].row.epoch, true);
	}
}

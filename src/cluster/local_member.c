/*-------------------------------------------------------------------------
 *
 * local_member.c
 *	  The runtime that the background workers of this instance are.
 *
 * Runs in the runtime process of a database, as a part of housekeeping.  The instance has
 * registered itself in each database since its start, once; that it lives everybody can
 * see by the processes that it has.  It looks after the others: who says nothing for too
 * long is recovered.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/quote.h"
#include "cluster/local_member.h"
#include "cluster/member_load.h"
#include "cluster/member_state.h"
#include "cluster/own_id.h"
#include "cluster/recovery.h"
#include "cluster/registration.h"
#include "run/run_claimed.h"
#include "shmem/instance.h"
#include "shmem/member_change.h"
#include "shmem/member_silence.h"
#include "store/runtime_row.h"
#include "store/shared_setting.h"

/* Runs that are recovered in a transaction. */
#define PIECE			1000

/* --- registration ----------------------------------------------------------------------- */

/* The instance that held this database before has ended: its executors have, too. */
static void
end_predecessors(const char *id)
{
	const char *other;

	while ((other = wf_runtime_row_other_local(id)) != NULL)
	{
		WfRuntimeRow row;

		if (!wf_runtime_row_lock(other, &row) || row.state == WF_RUNTIME_DEAD)
			continue;
		if (wf_member_state_lives(row.state))
			wf_member_state_change(&row, WF_RUNTIME_TERMINATED);
		if (row.state == WF_RUNTIME_TERMINATED)
			wf_member_state_change(&row, WF_RUNTIME_RESTORE);
		wf_member_state_change(&row, WF_RUNTIME_DEAD);
		row.restorer = NULL;
		wf_runtime_row_update(&row);
		wf_member_change_row();
	}
}

/* The instance has been started anew: what its executors had rolled back. */
static void
begin_anew(WfRuntimeRow *row, bool alone)
{
	if (row->state == WF_RUNTIME_RESTORE)
		wf_member_state_change(row, WF_RUNTIME_DEAD);
	if (row->state != WF_RUNTIME_DEAD)
		wf_member_state_change(row, WF_RUNTIME_SELF_RESTORE);
	wf_member_state_change(row, WF_RUNTIME_ALIVE);
	if (alone)
		wf_member_state_change(row, WF_RUNTIME_SINGLE);
	row->epoch = wf_instance->epoch;
	row->restorer = NULL;
	wf_runtime_row_update(row);
	wf_member_change_row();
}

/*
 * The instance was a standby, and a runtime as that: what it had claimed then is anybody's, and
 * its row is from now on that of the server that holds the database.
 */
static void
begin_as_primary(WfRuntimeRow *row)
{
	wf_registration_give_back(row);
	wf_member_change_gone(row->id);
	row->kind = WF_RUNTIME_LOCAL;
	row->role = WF_MEMBER_BOTH;
	row->login = InvalidOid;
	row->approved = true;
	row->graced = false;
	row->fingerprint = row->address = NULL;
	row->info = NULL;
}

/*
 * Try to register under this id, alone or not; false: it is that of another runtime.
 */
static bool
register_as(const char *id, bool alone)
{
	WfRuntimeRow row = {
		.id = id,.kind = WF_RUNTIME_LOCAL,.role = WF_MEMBER_BOTH,
		.state = alone ? WF_RUNTIME_SINGLE : WF_RUNTIME_ALIVE,
		.epoch = wf_instance->epoch,.login = InvalidOid,.approved = true,.since = wf_clock_now()
	};

	if (wf_runtime_row_insert(&row))
	{
		wf_member_change_row();
		return true;
	}
	if (!wf_runtime_row_lock(id, &row))
		return false;
	if (row.kind == WF_RUNTIME_STANDBY)
		begin_as_primary(&row);
	if (row.kind != WF_RUNTIME_LOCAL)
		return false;
	begin_anew(&row, alone);
	return true;
}

/* Register this instance, unless it is.  Returns its id. */
static const char *
register_instance(void)
{
	const char *mine = wf_runtime_row_mine(wf_instance->epoch);
	const char *id = wf_own_id();
	WfMemberCluster settings = {0};
	bool		alone;

	if (mine != NULL)
		return mine;
	/* who makes it a single server waits, or has */
	wf_shared_setting_lock(false);
	wf_shared_setting_read(&settings);
	alone = settings.values[WF_CLUSTER_SINGLE] != 0;
	if (!register_as(id, alone))
	{
		const char *other = wf_own_id_besides(id);

		ereport(WARNING,
				(errmsg("runtime \"%s\" is not this server", wf_quote(id)),
				 errdetail("This server registers as \"%s\".", wf_quote(other)),
				 errhint("Set workflow.runtime_id to an id of its own.")));
		if (!register_as(other, alone))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("runtime \"%s\" is not this server", wf_quote(other))));
		id = other;
	}
	end_predecessors(id);
	return id;
}

/* --- its role --------------------------------------------------------------------------- */

/*
 * The role that this instance has in this database, which its row says.  With the role
 * "interface" its executors do no tracked runs, none that schedules have made, and nothing
 * that is placed on it.  Touches no table, but where shared memory is out of date.
 */
WfMemberRole
wf_local_member_role(void)
{
	WfMemberRole role;

	if (wf_member_local_role(&role))
		return role;
	if (!wf_runtime_row_exists())
		return WF_MEMBER_BOTH;
	if (!wf_member_change_pending())
		wf_member_load();
	return wf_runtime_row_local_role(wf_instance->epoch, wf_own_id_all());
}

/* --- looking after the others -------------------------------------------------------------- */

/*
 * When somebody has said nothing for too long, by wf_clock_now(): somebody is to call
 * wf_local_member_cycle() then.
 */
TimestampTz
wf_local_member_silence_at(Oid dbid)
{
	return wf_clock_of_steady(wf_member_silence_at(dbid));
}

/*
 * A transaction of the runtime process for the cluster.  first: the process has begun, and
 * the server may have.  Returns whether there is more to do at once; *locked: there is, but
 * others have it locked.
 */
bool
wf_local_member_cycle(bool first, bool *locked)
{
	WfRecovery	recovery = {.epoch = wf_instance->epoch,.most = PIECE};
	WfMemberCluster cluster;
	bool		more = false;

	if (!wf_runtime_row_exists())
		return false;
	wf_member_load_cluster(&cluster);
	if (first)
		wf_member_load_note_grace();
	recovery.by = register_instance();
	if (cluster.any)
	{
		(void) wf_recovery_terminate_silent();
		more = wf_recovery_turn(&recovery);
		*locked = recovery.locked;
	}
	return wf_run_claimed_lose_orphans(PIECE, locked) == PIECE || more;
}

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

#include <unistd.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/quote.h"
#include "cluster/local_member.h"
#include "cluster/member_load.h"
#include "cluster/member_state.h"
#include "cluster/recovery.h"
#include "shmem/instance.h"
#include "shmem/member_change.h"
#include "store/runtime_row.h"

/* Runs that are recovered in a transaction. */
#define PIECE			1000

/* Bytes of the name of the host that an id has. */
#define HOST_MAX		128

/* Eight hexadecimal digits of SHA-256 of the data directory. */
static const char *
directory_hash(void)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) DataDir, strlen(DataDir)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256: %s", pg_cryptohash_error(hash))));
	pg_cryptohash_free(hash);
	return psprintf("%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
}

/* The id of this instance: what the setting says, or one that no other has. */
static const char *
own_id(void)
{
	char		host[HOST_MAX];

	if (wf_runtime_id != NULL && wf_runtime_id[0] != '\0')
		return wf_runtime_id;
	if (gethostname(host, sizeof(host)) != 0)
		strlcpy(host, "localhost", sizeof(host));
	host[sizeof(host) - 1] = '\0';
	return psprintf("%s:%d:%s", host, PostPortNumber, directory_hash());
}

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
begin_anew(WfRuntimeRow *row)
{
	if (row->state == WF_RUNTIME_RESTORE)
		wf_member_state_change(row, WF_RUNTIME_DEAD);
	if (row->state != WF_RUNTIME_DEAD)
		wf_member_state_change(row, WF_RUNTIME_SELF_RESTORE);
	wf_member_state_change(row, WF_RUNTIME_ALIVE);
	row->epoch = wf_instance->epoch;
	row->restorer = NULL;
	wf_runtime_row_update(row);
	wf_member_change_row();
}

/* Try to register under this id; false: it is that of another runtime. */
static bool
register_as(const char *id)
{
	WfRuntimeRow row = {
		.id = id,.kind = WF_RUNTIME_LOCAL,.role = WF_MEMBER_BOTH,.state = WF_RUNTIME_ALIVE,
		.epoch = wf_instance->epoch,.login = InvalidOid,.approved = true,.since = wf_clock_now()
	};

	if (wf_runtime_row_insert(&row))
	{
		wf_member_change_row();
		return true;
	}
	if (!wf_runtime_row_lock(id, &row))
		return false;
	if (row.kind != WF_RUNTIME_LOCAL)
		return false;
	begin_anew(&row);
	return true;
}

/* Register this instance, unless it is.  Returns its id. */
static const char *
register_instance(void)
{
	const char *mine = wf_runtime_row_mine(wf_instance->epoch);
	const char *id = own_id();

	if (mine != NULL)
		return mine;
	if (!register_as(id))
	{
		const char *other = psprintf("%.*s-%s", WF_RUNTIME_ID_MAX - 9, id, directory_hash());

		ereport(WARNING,
				(errmsg("runtime \"%s\" is not this server", wf_quote(id)),
				 errdetail("This server registers as \"%s\".", wf_quote(other)),
				 errhint("Set workflow.runtime_id to an id of its own.")));
		if (!register_as(other))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("runtime \"%s\" is not this server", wf_quote(other))));
		id = other;
	}
	end_predecessors(id);
	return id;
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
 * the server may have.  Returns whether there is more to do at once.
 */
bool
wf_local_member_cycle(bool first)
{
	WfRecovery	recovery = {.epoch = wf_instance->epoch,.most = PIECE};
	WfMemberCluster cluster;

	if (!wf_runtime_row_exists())
		return false;
	wf_member_load_cluster(&cluster);
	if (first)
		wf_member_load_note_grace();
	recovery.by = register_instance();
	if (!cluster.any)
		return false;
	(void) wf_recovery_terminate_silent();
	return wf_recovery_turn(&recovery);
}

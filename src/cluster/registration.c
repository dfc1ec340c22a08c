/*-------------------------------------------------------------------------
 *
 * registration.c
 *	  Runtimes begin and end.
 *
 * Runs in sessions of application servers, and of operators.  Each function locks the
 * row of the runtime, and then runs that it had claimed.  SPI must be connected.
 *
 * An id is in use when its runtime lives.  Who asks for one that is may be the same server,
 * started anew after it was killed, or another one with the same id.  It is told to ask
 * once more: if the one before has beaten by then it is another one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/fence.h"
#include "base/quote.h"
#include "cluster/member_load.h"
#include "cluster/member_right.h"
#include "cluster/member_state.h"
#include "cluster/recovery.h"
#include "cluster/registration.h"
#include "run/run_claimed.h"
#include "shmem/member_change.h"
#include "shmem/member_silence.h"
#include "store/file_cursor.h"
#include "store/shared_setting.h"

/* --- begin --------------------------------------------------------------------------- */

/* What whoever asks says about itself. */
static void
take_what_it_says(const WfRegistrationAsk *ask, WfRuntimeRow *row)
{
	row->kind = ask->kind;
	/* who comes back keeps the role that it was given here */
	if (row->epoch == 0)
		row->role = ask->role;
	row->fingerprint = ask->fingerprint;
	row->address = ask->address;
	row->info = ask->info;
}

/*
 * When a life begins now.  Runs that it had claimed before, and that are locked by somebody
 * just now, are its still: by their times they are known as those of a former life, also when
 * the clock was set back since (run/run_claimed.c takes them away).
 */
static TimestampTz
begin_at(const char *id)
{
	TimestampTz last = wf_run_claimed_last(id);

	return last == DT_NOBEGIN ? wf_clock_now() : Max(wf_clock_now(), last + 1);
}

/* The one that has its row locked lives, as a new one, from the commit on. */
static WfRegistrationAnswer
let_live(WfRuntimeRow *row)
{
	row->epoch = wf_fence_make();
	row->since = begin_at(row->id);
	row->graced = false;
	row->restorer = NULL;
	wf_runtime_row_update(row);
	wf_member_change_living(row->id);
	return (WfRegistrationAnswer) {.epoch = row->epoch,.state = row->state};
}

/*
 * The life that its row has is over, from now on for those who ask shared memory, which
 * may not know of it yet, or still have the one before.
 */
static void
end_life(const WfRuntimeRow *row)
{
	while (!wf_member_change_dead(row->id, row->epoch, false))
	{
		/* what this transaction has changed nobody has heard of */
		if (wf_member_change_pending())
			break;
		wf_member_load();
		if (!wf_member_has_epoch(row->id, row->epoch))
			break;
	}
}

/*
 * It was alive, or has gone, without having ended: what it had claimed then is decided
 * about before it begins.
 */
static WfRegistrationAnswer
begin_anew(const WfRegistrationAsk *ask, WfRuntimeRow *row)
{
	WfRecovery	recovery = {.by = row->id};

	if (wf_member_state_lives(row->state))
		end_life(row);
	wf_member_state_change(row, WF_RUNTIME_SELF_RESTORE);
	wf_recovery_self(&recovery, row);
	wf_member_state_change(row, WF_RUNTIME_ALIVE);
	take_what_it_says(ask, row);
	return let_live(row);
}

/* Somebody lives under the id. */
static WfRegistrationAnswer
ask_again(const WfRegistrationAsk *ask, WfRuntimeRow *row)
{
	bool		same = ask->fingerprint != NULL && row->fingerprint != NULL &&
		strcmp(ask->fingerprint, row->fingerprint) == 0;
	const char *asker = ask->fingerprint ? ask->fingerprint : "";
	WfRegistrationAnswer answer = {.state = row->state};

	if (same)
		return begin_anew(ask, row);
	switch (wf_member_silence_ask(row->id, hash_bytes_extended((const unsigned char *) asker, strlen(asker), 0),
								  wf_clock_steady(), &answer.wait))
	{
		case WF_MEMBER_IS_SILENT:
			return begin_anew(ask, row);
		case WF_MEMBER_IS_ANOTHER:
			ereport(ERROR,
					(errcode(WF_ERR_RUNTIME),
					 errmsg("runtime \"%s\" lives", wf_quote(row->id)),
					 row->address ? errdetail("It was registered from %s.", row->address) : 0,
					 errhint("Each runtime needs an id of its own.")));
		case WF_MEMBER_ASK_LATER:
			break;
	}
	return answer;
}

/* Its row is there, and locked. */
static WfRegistrationAnswer
come_back(const WfRegistrationAsk *ask, WfRuntimeRow *row, const WfMemberCluster *cluster)
{
	WfRegistrationAnswer answer = {.state = row->state};

	if (row->kind == WF_RUNTIME_LOCAL && ask->kind == WF_RUNTIME_STANDBY && row->state == WF_RUNTIME_DEAD)
	{
		/* it held this database once, and is a standby now */
		row->kind = WF_RUNTIME_STANDBY;
		row->login = GetUserId();
		row->approved = cluster->values[WF_CLUSTER_APPROVE] == 0;
	}
	if (row->kind == WF_RUNTIME_LOCAL)
		ereport(ERROR,
				(errcode(WF_ERR_RUNTIME),
				 errmsg("runtime \"%s\" is the server that holds the database", wf_quote(row->id)),
				 errhint("Each runtime needs an id of its own.")));
	wf_member_right_require(row->id, row->login, row->address);
	if (row->kind != ask->kind && cluster->values[WF_CLUSTER_APPROVE])
		row->approved = false;	/* that was for what it was */
	switch (row->state)
	{
		case WF_RUNTIME_DEAD:
			wf_member_state_change(row, WF_RUNTIME_ALIVE);
			take_what_it_says(ask, row);
			return let_live(row);
		case WF_RUNTIME_TERMINATED:
			return begin_anew(ask, row);
		case WF_RUNTIME_ALIVE:
		case WF_RUNTIME_SELF_RESTORE:
		case WF_RUNTIME_SINGLE:
			return ask_again(ask, row);
		case WF_RUNTIME_RESTORE:
			answer.wait = cluster->values[WF_CLUSTER_RESTORE_PAUSE] * INT64CONST(1000);
			break;
	}
	return answer;
}

/* Error WF018: a worker of another role calls itself so, and has runs. */
static void
refuse_name(const char *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_RUNTIME),
			 errmsg("a worker of another role has the name \"%s\"", wf_quote(id)),
			 errdetail("It has claimed runs that are under way."),
			 errhint("Each runtime needs an id of its own.")));
}

/* Error WF018: the server that holds the database works alone. */
static void
refuse_others(const char *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_RUNTIME),
			 errmsg("runtime \"%s\" cannot register beside a single server", wf_quote(id)),
			 errdetail("The setting \"single_server\" is on: the server that holds the database works alone."),
			 errhint("workflow.set_setting('single_server', 'off') admits others.")));
}

/*
 * Register a runtime of the current user.  The answer may be to come again.  Errors WF018
 * if the id is another one's, or the server works alone; 53400 if there are too many.
 */
WfRegistrationAnswer
wf_registration_ask(const WfRegistrationAsk *ask)
{
	WfMemberCluster cluster;
	WfRuntimeRow row = {
		.id = ask->id,.kind = ask->kind,.state = WF_RUNTIME_ALIVE,.login = GetUserId()
	};

	wf_shared_setting_lock(false);
	wf_member_load_cluster(&cluster);
	if (cluster.values[WF_CLUSTER_SINGLE])
		refuse_others(ask->id);
	for (;;)
	{
		if (wf_runtime_row_lock(ask->id, &row))
			return come_back(ask, &row, &cluster);
		if (wf_run_claimed_by_others(ask->id, GetUserId()))
			refuse_name(ask->id);
		take_what_it_says(ask, &row);
		row.approved = cluster.values[WF_CLUSTER_APPROVE] == 0;
		row.epoch = wf_fence_make();
		row.since = begin_at(ask->id);
		if (wf_runtime_row_insert(&row))
			break;
		CHECK_FOR_INTERRUPTS();
	}
	wf_member_change_living(row.id);
	return (WfRegistrationAnswer) {.epoch = row.epoch,.state = row.state};
}

/* --- end ------------------------------------------------------------------------------- */

/* Lock a runtime.  Error WF018 if there is none. */
static void
hold(const char *id, WfRuntimeRow *row)
{
	if (!wf_runtime_row_lock(id, row))
		ereport(ERROR,
				(errcode(WF_ERR_RUNTIME),
				 errmsg("runtime \"%s\" is not registered", wf_quote(id))));
}

/* Runs that a runtime has claimed are others' now; no attempt is counted. */
void
wf_registration_give_back(const WfRuntimeRow *row)
{
	pg_uuid_t  *runs;
	int			n = wf_run_claimed(row->id, row->login, &runs);

	for (int i = 0; i < n; i++)
		(void) wf_run_claimed_give_back(row->id, &runs[i]);
}

/*
 * A runtime of that epoch ends.  Errors WF018 if it is another role's, or not registered;
 * WF012 if the epoch is over.
 */
void
wf_registration_end(const char *id, int64 epoch)
{
	WfRuntimeRow row;

	hold(id, &row);
	if (!wf_member_right_is_admin())
		wf_member_right_require(row.id, row.login, row.address);
	if (row.kind == WF_RUNTIME_LOCAL)
		ereport(ERROR,
				(errcode(WF_ERR_RUNTIME),
				 errmsg("runtime \"%s\" is a server of PostgreSQL", wf_quote(id)),
				 errhint("It ends when that is stopped.")));
	if (row.epoch != epoch || !wf_member_state_lives(row.state))
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("the epoch is not that of runtime \"%s\"", wf_quote(id)),
				 errdetail("It is %s.", wf_runtime_row_state_name(row.state)),
				 errhint("Register it anew.")));
	wf_registration_give_back(&row);
	wf_member_state_change(&row, WF_RUNTIME_DEAD);
	wf_runtime_row_update(&row);
	wf_member_change_gone(row.id);
}

/* Forget a runtime that is dead.  Errors WF018; WF017 if it lives, or is to be recovered. */
void
wf_registration_remove(const char *id)
{
	WfRuntimeRow row;

	hold(id, &row);
	if (row.state != WF_RUNTIME_DEAD)
		ereport(ERROR,
				(errcode(WF_ERR_IN_USE),
				 errmsg("runtime \"%s\" is %s", wf_quote(id), wf_runtime_row_state_name(row.state)),
				 errhint(wf_member_state_lives(row.state) ? "Shut it down first." : "Have it recovered first.")));
	wf_runtime_row_delete(row.id);
	wf_file_cursor_forget(row.id);
	wf_member_change_gone(row.id);
}

/* --- changes ----------------------------------------------------------------------------- */

/* A runtime may work.  Error WF018 if it is not registered. */
void
wf_registration_approve(const char *id)
{
	WfRuntimeRow row;

	hold(id, &row);
	row.approved = true;
	wf_runtime_row_update(&row);
	wf_runtime_row_accept(id);
	wf_member_change_row();
}

/*
 * A runtime has another role.  That of this instance its executors hear of when the
 * transaction has committed.  Error WF018.
 */
void
wf_registration_role(const char *id, WfMemberRole role)
{
	WfRuntimeRow row;

	hold(id, &row);
	if (!wf_member_right_is_admin())
		wf_member_right_require(row.id, row.login, row.address);
	row.role = role;
	wf_runtime_row_update(&row);
	if (row.kind == WF_RUNTIME_LOCAL)
		wf_member_change_local();
	else
		wf_member_change_row();
}

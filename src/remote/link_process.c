/*-------------------------------------------------------------------------
 *
 * link_process.c
 *	  The process that is a member of another server's cluster.
 *
 * One static background worker, if workflow.remote is set when the server starts.  It
 * registers this instance, beats, and has service turns, over one connection; nothing else
 * is done here that could take its time: runs are claimed by the courier, which it starts.
 * Whatever happens on the connection, the epoch stays, until the other server says that it
 * is over, or would have taken us for dead: then it is given back if it lives.
 *
 * A standby is a member of its primary's cluster, until it is promoted.
 *
 * It is connected to shared catalogs only, reads no table here but that of databases, and
 * waits for no lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "bgworker/bgworker.h"
#include "cluster/own_id.h"
#include "remote/file_link.h"
#include "remote/link_process.h"
#include "remote/link_talk.h"
#include "remote/patience.h"
#include "remote/peer.h"
#include "remote/peer_seen.h"

/* So often (ms) a courier that has ended is started again, less often if it never comes. */
#define COURIER_PAUSE	1000
#define COURIER_DOUBLINGS	5

/* The longest sleep (ms). */
#define SLEEP_MAX		60000

/* How long (ms) it is not looked again whether a standby can do runs. */
#define ASIDE_PAUSE		200

static WfLinkTalk talk;
static bool promoted = false;	/* this server was a standby, and is a primary now */
static bool excused = false;	/* the other server knows why this one cannot be its runtime */
static int64 given_up = 0;		/* the epoch that we took for over, since nobody answered in time */
static WfPatience connecting;
static WfPatience registering;
static int64 next_at = 0;		/* the next word to the other server; steady */
static int64 courier_after = 0; /* no courier is started before; steady */
static int	courier_starts = 0;		/* of couriers that never came, in a row */

/* What is told of in the log. */
#define CONNECTING		"the connection to the server of workflow.remote"
#define REGISTERING		"to register with the server of workflow.remote"

/* --- connection ------------------------------------------------------------------------- */

/* There is trouble; it is tried again later. */
static void
failed(WfPatience *patience, WfClusterSetting interval, WfClusterSetting count, const char *what, bool refused)
{
	wf_patience_failed(patience, talk.values[interval], talk.values[count], what, talk.line.trouble);
	wf_membership_state(refused ? WF_MEMBERSHIP_REFUSED : WF_MEMBERSHIP_CONNECTING, talk.line.trouble);
	next_at = patience->next_at;
}

/* Try to connect.  What workflow.remote means a file may say, of services, which may be another one by now. */
static void
try_to_connect(void)
{
	WfTargets  *targets = wf_target_read(&talk.line, wf_remote);
	bool		refused = targets == NULL;
	bool		connected = targets != NULL &&
		wf_peer_open(&talk.line, targets, NULL, wf_link_talk_timeout(&talk), true, &refused);

	wf_target_free(targets);
	if (connected)
		next_at = 0;
	else
		failed(&connecting, WF_CLUSTER_OBTAIN_INTERVAL, WF_CLUSTER_OBTAIN_COUNT, CONNECTING, refused);
}

/* The line is closed, or a statement of ours has failed. */
static void
lost(void)
{
	wf_line_close(&talk.line);
	failed(&connecting, WF_CLUSTER_OBTAIN_INTERVAL, WF_CLUSTER_OBTAIN_COUNT, CONNECTING, false);
}

/* --- membership -------------------------------------------------------------------------- */

/* This instance is to have another id, since somebody else has that. */
static void
take_other_id(void)
{
	const char *other = wf_own_id_besides(wf_own_id());

	if (strcmp(talk.id, other) == 0)
	{
		strlcpy(talk.id, wf_own_id(), sizeof(talk.id));
		failed(&registering, WF_CLUSTER_STATUS_INTERVAL, WF_CLUSTER_STATUS_COUNT, REGISTERING, true);
		return;
	}
	ereport(WARNING,
			(errmsg("workflow runtime \"%s\" is another server's: %s", talk.id, talk.line.trouble),
			 errdetail("This server registers as \"%s\".", other),
			 errhint("Set workflow.runtime_id to an id of its own.")));
	strlcpy(talk.id, other, sizeof(talk.id));
	wf_membership_link_attach(talk.id);
	next_at = 0;
}

/* Wait until it is known whether the id is in use. */
static void
wait_to_register(int wait)
{
	wf_line_trouble(&talk.line, "it is being seen whether runtime \"%s\" lives elsewhere, or is being recovered",
					talk.id);
	failed(&registering, WF_CLUSTER_RESTORE_PAUSE, WF_CLUSTER_RESTORE_COUNT, REGISTERING, false);
	wf_membership_state(WF_MEMBERSHIP_WAITING, talk.line.trouble);
	next_at = wf_clock_real_steady() + wait * INT64CONST(1000);
}

/* Is there the database in which runs are done, if there is to be one? */
static bool
has_database(void)
{
	MemoryContext context = CurrentMemoryContext;
	bool		found = true;

	if (talk.standby || wf_remote_database[0] == '\0')
		return true;
	StartTransactionCommand();
	/* who has the catalog for himself does not keep us from beating */
	if (ConditionalLockRelationOid(DatabaseRelationId, AccessShareLock))
		found = wf_bgworker_finds(wf_remote_database);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return found;
}

/* There is not: nothing is to be placed here, and both servers show why. */
static void
excuse(void)
{
	char	   *why = psprintf("no runs can be done: workflow.remote_database is \"%s\", and there is no such database",
							   wf_remote_database);

	excused = excused || wf_link_talk_excuse(&talk, why);
	wf_line_trouble(&talk.line, "%s", why);
	failed(&registering, WF_CLUSTER_STATUS_INTERVAL, WF_CLUSTER_STATUS_COUNT, REGISTERING, true);
	/* to look costs nothing, and is to be noticed */
	next_at = wf_clock_real_steady() + talk.values[WF_CLUSTER_STATUS_INTERVAL] * INT64CONST(1000);
}

static void
try_to_register(void)
{
	int			wait;

	/* a life begins with them as they are there: it may be another server, or have lost some */
	if (!wf_link_talk_settings(&talk))
	{
		failed(&registering, WF_CLUSTER_STATUS_INTERVAL, WF_CLUSTER_STATUS_COUNT, REGISTERING, true);
		return;
	}
	if (!has_database())
	{
		excuse();
		return;
	}
	switch (wf_link_talk_register(&talk, &wait))
	{
		case WF_LINK_REGISTERED:
			excused = false;
			wf_patience_succeeded(&connecting, CONNECTING);
			wf_patience_succeeded(&registering, REGISTERING);
			ereport(LOG,
					(errmsg("this server is workflow runtime \"%s\" of the server of workflow.remote", talk.id)));
			wf_file_link_look();
			next_at = 0;
			break;
		case WF_LINK_ASK_LATER:
			wait_to_register(wait);
			break;
		case WF_LINK_IS_TAKEN:
			take_other_id();
			break;
		case WF_LINK_TROUBLE:
			failed(&registering, WF_CLUSTER_STATUS_INTERVAL, WF_CLUSTER_STATUS_COUNT, REGISTERING,
				   wf_line_is_open(&talk.line));
			break;
	}
}

/* Our life there is over: another one begins after a moment, however often that happens. */
static void
live_again(const char *why)
{
	wf_membership_live(0);
	wf_membership_state(WF_MEMBERSHIP_CONNECTING, why);
	next_at = wf_clock_real_steady() + talk.values[WF_CLUSTER_STATUS_INTERVAL] * INT64CONST(1000);
}

/* The courier does not know what it has claimed, or cannot do it, or has given it up. */
static void
renew(void)
{
	wf_membership_live(0);
	if (wf_link_talk_end(&talk))
		live_again("what was claimed is not known: it is given back");
	else
		lost();
}

static void
beat(void)
{
	int			wait;
	bool		look;

	if (!wf_link_talk_beat(&talk, &wait, &look))
	{
		lost();
		return;
	}
	wf_patience_succeeded(&connecting, CONNECTING);
	if (talk.epoch == 0)
	{
		ereport(LOG,
				(errmsg("workflow runtime \"%s\" was supposed to be dead by the server of workflow.remote", talk.id)));
		live_again("the other server has supposed that this one is dead");
		return;
	}
	if (talk.epoch == given_up)
	{
		renew();
		return;
	}
	wf_membership_live(talk.epoch);
	if (look)
		wf_membership_poke();
	wf_file_link_beat(talk.files, talk.standby);
	next_at = wf_clock_real_steady() + wait * INT64CONST(1000);
}

/* Can a standby not do what it has claimed? */
static bool
is_to_step_aside(void)
{
	WfAside		aside;

	return talk.epoch != 0 && wf_membership_aside(&aside) && aside.epoch == talk.epoch;
}

/* Is it still so?  Then it waits, without an epoch, and others do what is placed on it. */
static bool
stands_aside(void)
{
	WfAside		aside;

	if (!wf_membership_aside(&aside) || GetXLogReplayRecPtr(NULL) >= aside.position)
		return false;
	/* nothing is said meanwhile: that there is another primary is to be noticed */
	if (!wf_line_is_alive(&talk.line))
	{
		lost();
		return true;
	}
	wf_line_trouble(&talk.line, "this standby is too far behind");
	wf_membership_state(WF_MEMBERSHIP_WAITING, talk.line.trouble);
	next_at = wf_clock_real_steady() + ASIDE_PAUSE * INT64CONST(1000);
	return true;
}

/*
 * By now we are dead for the other server, and what was claimed is not ours any more.  One
 * that was down itself has waited for us, and the epoch lives: that does not bring back what
 * the courier has given up.
 */
static void
look_at_silence(void)
{
	if (talk.epoch == 0 ||
		wf_clock_real_steady() - talk.heard_at <= wf_link_talk_silence(&talk) * INT64CONST(1000))
		return;
	given_up = talk.epoch;
	wf_membership_live(0);
}

/* Start the courier, unless there is one, or nothing for it to do. */
static void
look_after_courier(void)
{
	WfMembership now;
	WfBgworkerArgs args = {.kind = WF_BGWORKER_COURIER,.reads_only = talk.standby};
	BackgroundWorkerHandle *handle;

	wf_membership_get(&now);
	if (now.courier_pid != 0)
		courier_starts = 0;
	if (now.epoch != 0 && wf_link_talk_no_database(&talk) != NULL)
		wf_membership_courier_trouble(wf_link_talk_no_database(&talk));
	if (now.epoch == 0 || now.courier_pid != 0 || (talk.standby ? now.database : wf_remote_database)[0] == '\0' ||
		courier_after > wf_clock_real_steady())
		return;
	courier_after = wf_clock_real_steady() + (COURIER_PAUSE << Min(courier_starts, COURIER_DOUBLINGS)) * INT64CONST(1000);
	if (now.epoch == now.courier_epoch || !has_database())
	{
		/* what the one before had claimed nobody knows; or none will come */
		wf_membership_renew(now.epoch);
		return;
	}
	courier_starts++;
	if (courier_starts > COURIER_DOUBLINGS)
		wf_membership_courier_trouble("no runs are claimed: the process that claims them does not start; the log has the reason");
	handle = wf_bgworker_start(&args);
	if (handle == NULL)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("workflow: there is no background worker to claim runs of another server"),
				 errhint("Raise max_worker_processes.")));
	else
		pfree(handle);
}

/* --- the process --------------------------------------------------------------------------- */

/* There is no server any more, or it is to be read anew where it is. */
static void
begin_anew(void)
{
	wf_line_close(&talk.line);
	connecting = registering = (WfPatience) {0};
	next_at = 0;
}

/* This instance is nobody's runtime any more. */
static void
leave_cluster(void)
{
	wf_membership_live(0);
	wf_link_talk_goodbye(&talk);
	talk.epoch = 0;
	talk.settings = -1;
	excused = false;
	wf_membership_state(WF_MEMBERSHIP_NONE, NULL);
	wf_membership_courier_trouble(NULL);
	begin_anew();
}

/* A standby that is promoted has work of its own to do: that of the cluster. */
static void
look_at_promotion(void)
{
	if (!talk.standby || RecoveryInProgress())
		return;
	leave_cluster();
	talk.standby = false;
	promoted = true;
	ereport(LOG,
			(errmsg("this server was promoted: workflow runtime \"%s\" is a primary now", talk.id)));
}

/* workflow.remote may have changed, and where files are. */
static void
reload(void)
{
	char	   *before = pstrdup(wf_remote);

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	wf_file_link_look();
	if (strcmp(before, wf_remote) == 0)
		return;
	leave_cluster();
	promoted = false;
}

static bool
is_to_renew(void)
{
	return talk.epoch != 0 && wf_membership_to_renew() == talk.epoch && wf_line_is_open(&talk.line);
}

/* What is due. */
static void
work(void)
{
	look_at_promotion();
	look_at_silence();
	look_after_courier();
	if (wf_remote[0] == '\0' || promoted)
		return;
	/* somebody may have accepted the server that is there */
	if (next_at > wf_clock_real_steady() && wf_membership_accepted() == 0 && !is_to_renew() && !is_to_step_aside())
		return;
	if (!wf_line_is_open(&talk.line))
		try_to_connect();
	if (!wf_line_is_open(&talk.line))
		return;
	if (talk.epoch == 0)
	{
		if (!stands_aside())
			try_to_register();
	}
	else if (is_to_renew() || is_to_step_aside())
		renew();
	else
		beat();
}

/* Sleep until something is due. */
static void
sleep_for_a_while(void)
{
	int64		left = (next_at - wf_clock_real_steady()) / 1000 + 1;

	if (wf_remote[0] == '\0')
		left = SLEEP_MAX;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Min(Max(left, 0), COURIER_PAUSE), WaitEventExtensionNew("WorkflowLinkIdle"));
}

/* before_shmem_exit */
static void
leave(int code, Datum arg)
{
	wf_line_close(&talk.line);
	wf_membership_link_detach();
}

/* Told to end: say goodbye, as far as that goes at once. */
static void
end(void)
{
	wf_membership_live(0);
	wf_link_talk_goodbye(&talk);
	wf_bgworker_interrupts();
}

/* Entry point. */
void
wf_link_process_main(Datum arg)
{
	MemoryContext context;
	WfPeerSeen	seen;

	wf_bgworker_prepare(leave);
	wf_bgworker_connect();
	context = AllocSetContextCreate(TopMemoryContext, "workflow link", ALLOCSET_SMALL_SIZES);
	wf_link_talk_begin(&talk, wf_own_id());
	talk.standby = RecoveryInProgress();
	wf_membership_link_attach(talk.id);
	wf_peer_seen_read(&seen);
	wf_membership_reaches(seen.system);
	(void) wf_line_library();
	MemoryContextSwitchTo(context);
	for (;;)
	{
		MemoryContextReset(context);
		ResetLatch(MyLatch);
		if (wf_bgworker_terminated())
			end();
		if (ConfigReloadPending)
			reload();
		wf_bgworker_interrupts();
		work();
		if (!wf_bgworker_terminated())
			sleep_for_a_while();
	}
}

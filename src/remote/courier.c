/*-------------------------------------------------------------------------
 *
 * courier.c
 *	  The process that claims runs of another server, and tells what became of them.
 *
 * A background worker of the database workflow.remote_database, connected as the bootstrap
 * superuser; it executes our fixed statements alone.  Started by the link, under whose epoch it
 * claims; without one it waits.  Two connections: on one it waits until there is something to
 * be claimed, on the other it says all else.
 *
 * A run that was done before is answered from the table of outcomes.  Otherwise it goes to
 * an executor of the role that the owner of its job is here (crew.c), or fails if that is
 * nobody.  What has ended is told until the other server answers (delivery.c).
 *
 * When an answer is lost, or what it gave cannot be given back, the other server waits for runs
 * that nobody is at; also when it has lost what it was told: after a crash of one that does not
 * wait for its disk, as another one that was promoted too early, or when it was restored.  So it is
 * told which runs we have with the first claim on a connection, and once in a while: of others
 * that it believes to be ours we get the parameters anew, or tell once more what has become of them.
 *
 * On a standby there is no table of outcomes, and no map of owners: roles are those of the
 * primary.  What cannot be done there just now, since it has not replayed what the run is to
 * see, is free with the end of the epoch, which does not come back before it can.  A run that
 * its recovery cancels goes to somebody else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/superuser.h"
#include "base/version.h"
#include "bgworker/bgworker.h"
#include "bgworker/login.h"
#include "remote/courier.h"
#include "remote/crew.h"
#include "remote/patience.h"
#include "remote/peer.h"
#include "remote/postponed.h"
#include "remote/reply.h"
#include "shmem/errand.h"
#include "remote/wire.h"
#include "store/origin.h"
#include "store/owner_map.h"
#include "store/transaction.h"

/* Pauses (ms): after trouble; between looks for what is cancelled; an answer takes so long at most. */
#define TROUBLE_PAUSE	1000
#define TROUBLE_COUNT	60
#define LOOK_PAUSE		1000
#define POSTPONED_PAUSE	100
#define REPLAY_PAUSE	5
#define TIMEOUT			10000

/* So often (ms) the other server is told which runs we have, while no connection is new. */
#define AGREE_PAUSE		60000

/* An answer to a claim has the parameters of all runs. */
#define CLAIM_TIMEOUT	60000

#define WAITING "the wait for runs of the server of workflow.remote"

/* Longer than the wait, which is 30 s. */
#define AWAIT_TIMEOUT	45000

#define CLAIM \
	"SELECT c.* FROM workflow.claim_placed($1, $2::pg_catalog.int8, $3::pg_catalog.int4, $4::pg_catalog.uuid[]) c"

#define AWAIT \
	"CALL workflow.await_placed($1, $2::pg_catalog.int8, '30 seconds')"

static WfLine talking;
static WfLine waiting;			/* asking: it waits */
static int64 waits_until = 0;	/* an answer is to be there by then; steady */
static WfTargets *targets = NULL;
static WfPatience trouble;
static int64 looked_at = 0;		/* for what is cancelled; steady */
static WfMembership member;		/* as it was at the beginning of this cycle */
static int64 epoch = 0;			/* under which we claim; 0: not yet */
static bool may_be_more = true;	/* there may be something to be claimed */
static bool untold = true;		/* there may be something to be told */
static int64 agree_at = 0;		/* the other server is to know again which runs we have; steady */
static bool admitted = false;	/* the other server has seen that nothing is lost here, */
static Oid	extension = InvalidOid; /* in the tables of this one */
static bool careful = false;	/* an answer to a claim was lost: it may have been too much at once */
static uint64 pokes = 0;		/* that we have heard */
static uint32 timeline = 0;		/* of the other server when we claimed last; 0: not yet */

/* --- lines ---------------------------------------------------------------------------------- */

static void
close_lines(void)
{
	wf_line_close(&talking);
	wf_line_close(&waiting);
	/* workflow.remote may have changed since */
	wf_target_free(targets);
	targets = NULL;
}

/* There is trouble with a line, or what was said on it. */
static void
failed(const WfLine *line)
{
	char		why[WF_MEMBERSHIP_TROUBLE];

	strlcpy(why, line->trouble, sizeof(why));
	close_lines();
	wf_patience_failed(&trouble, TROUBLE_PAUSE, TROUBLE_COUNT, WAITING, why);
	wf_membership_courier_trouble(why);
}

/* The other server may believe that we have other runs than we have. */
static void
doubt(void)
{
	agree_at = 0;
	may_be_more = true;
}

static bool
open_line(WfLine *line)
{
	bool		refused;

	if (wf_line_is_open(line))
		return true;
	doubt();
	return wf_peer_open(line, targets, WF_WIRE_ENCODING, TIMEOUT, false, &refused);
}

/* Open both lines; false: there is trouble. */
static bool
open_lines(void)
{
	if (targets == NULL)
		targets = wf_target_read(&talking, wf_remote);
	if (targets == NULL || !open_line(&talking))
	{
		failed(&talking);
		return false;
	}
	if (!open_line(&waiting))
	{
		failed(&waiting);
		return false;
	}
	return true;
}

static const char *
number(int64 value)
{
	return psprintf(INT64_FORMAT, value);
}

/* --- claims ---------------------------------------------------------------------------------- */

/* Whose a run is here. */
typedef struct Judgement
{
	bool		ended_before;
	Oid			role;			/* InvalidOid: nobody's, */
	const char *code;			/* for this reason */
	const char *why;
	const char *hint;
} Judgement;

/* Why runs of this owner are not done here, or whose they are; in a transaction. */
static void
find_role(const char *owner, Judgement *judgement)
{
	const char *name = owner == NULL ? NULL : wf_reply_is_used() ? owner : wf_owner_map_find(owner);
	Oid			role = name == NULL ? InvalidOid : get_role_oid(name, true);

	if (name == NULL)
	{
		judgement->why = psprintf("owner \"%s\" of the job has no role on runtime \"%s\"",
								  owner == NULL ? "?" : wf_quote(owner), wf_quote(member.id));
		judgement->hint = "workflow.map_owner() there gives it one.";
	}
	else if (!OidIsValid(role))
		judgement->why = psprintf("role \"%s\" of owner \"%s\" does not exist on runtime \"%s\"",
								  wf_quote(name), wf_quote(owner), wf_quote(member.id));
	else if (wf_superuser_may_become(role))
		judgement->why = psprintf(superuser_arg(role) ? "role \"%s\" of owner \"%s\" is a superuser on runtime \"%s\"" :
								  "role \"%s\" of owner \"%s\" may become a superuser on runtime \"%s\"",
								  wf_quote(name), wf_quote(owner), wf_quote(member.id));
	else if (wf_login_check(role, WF_LANE_RUNS) != WF_WAIT_NONE)
		judgement->why = psprintf("role \"%s\" of owner \"%s\" may not log in on runtime \"%s\"",
								  wf_quote(name), wf_quote(owner), wf_quote(member.id));
	else
		judgement->role = role;
}

/* What is to become of a run?  In a transaction of its own; false: the extension is gone. */
static bool
judge(WfParcel *parcel, Judgement *judgement)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;

	*judgement = (Judgement) {.code = "WF002"};
	if (!wf_transaction_begin("receiving a run", InvalidOid))
		return false;
	judgement->ended_before = !wf_reply_is_used() &&
		wf_outcome_tell_again(&parcel->run, parcel->round, parcel->fence);
	old = MemoryContextSwitchTo(context);
	if (!wf_parcel_decode(parcel))
	{
		judgement->code = "22P05";
		judgement->why = psprintf("what the run needs cannot be said in the encoding of the database of runtime \"%s\"",
								  wf_quote(member.id));
		judgement->hint = psprintf("That has the encoding %s.", GetDatabaseEncodingName());
	}
	else if (!judgement->ended_before)
		find_role(parcel->fields[WF_PARCEL_owner], judgement);
	MemoryContextSwitchTo(old);
	wf_transaction_commit();
	MemoryContextSwitchTo(context);
	return true;
}

/* A run was claimed.  False: there is trouble. */
static bool
receive(WfParcel *parcel)
{
	Judgement	judgement;
	ErrorData  *error;

	if (!judge(parcel, &judgement))
		return wf_delivery_give_back(&talking, parcel, TIMEOUT);
	if (judgement.ended_before)
	{
		untold = true;
		return true;
	}
	if (wf_reply_is_used() && wf_parcel_is_tracked(parcel))
		return wf_delivery_refuse(&talking, parcel, "0A000", "a standby does no tracked jobs",
								  "Place the job's queue on servers that can write.", true, TIMEOUT);
	if (!OidIsValid(judgement.role))
		return wf_delivery_refuse(&talking, parcel, judgement.code, judgement.why, judgement.hint, true, TIMEOUT);
	error = wf_postponed_give(parcel, judgement.role);
	return error == NULL ||
		wf_delivery_refuse(&talking, parcel, unpack_sql_state(error->sqlerrcode), error->message, error->hint, false,
						   TIMEOUT);
}

/* Why nothing can be done in this database, which may change at any time; NULL: it can. */
static const char *
find_obstacle(void)
{
	const char *obstacle = "has no extension workflow";
	Oid			found = InvalidOid;

	if (wf_transaction_begin("looking whether the database is ours", InvalidOid))
	{
		found = wf_transaction_extension_oid();
		obstacle = !wf_version_has_column("outcome", "run") ? "has an extension workflow of before 0.3.0" :
			wf_origin_is_ours() ? NULL : "is a copy, until workflow.adopt()";
		wf_transaction_commit();
	}
	if (found != extension)
	{
		admitted = false;		/* one that was made anew has nothing of what was told */
		doubt();				/* nor of what was not */
	}
	extension = found;
	return obstacle;
}

/* Are we who this database says?  If not, the view membership has it. */
static bool
is_at_home(void)
{
	const char *obstacle = find_obstacle();
	char		why[WF_MEMBERSHIP_TROUBLE];

	if (obstacle != NULL)
		snprintf(why, sizeof(why), "no runs are claimed: database \"%s\" %s",
				 wf_reply_is_used() ? member.database : wf_remote_database, obstacle);
	wf_membership_courier_trouble(obstacle == NULL ? NULL : why);
	return obstacle == NULL;
}

/*
 * Has this database all that was told?  If not, it was restored from a backup, and nothing is
 * claimed until somebody lets it, over there.  False: there is trouble.
 */
static bool
ask_for_admission(void)
{
	if (!wf_delivery_is_kept(&talking, &member, TIMEOUT, &admitted))
		return false;
	if (!admitted)
		wf_membership_courier_trouble("no runs are claimed: this database has less than was told, as if it was restored from a"
									  " backup; workflow.approve_runtime() on the other server lets it go on");
	return true;
}

/* The runs that we have, an array as text. */
static const char *
find_known(void)
{
	StringInfoData runs;

	initStringInfo(&runs);
	wf_crew_list(&runs);
	wf_postponed_list(&runs);
	return psprintf("{%s}", runs.data);
}

/* Is the other server to be told which runs we have? */
static bool
is_in_doubt(void)
{
	return agree_at <= wf_clock_real_steady();
}

/* Ask for so many runs at most.  NULL: there is trouble. */
static PGresult *
ask_for_runs(int room)
{
	bool		doubtful = is_in_doubt();
	const char *values[4] = {member.id, number(epoch), number(room), doubtful ? find_known() : NULL};
	PGresult   *answer = wf_line_ask(&talking, CLAIM, lengthof(values), values, CLAIM_TIMEOUT);

	/* an error of the other server is an answer, too; not one that has ended its session,
	 * which may have come after it had committed */
	careful = answer == NULL && (talking.sqlstate[0] == '\0' || !wf_line_is_open(&talking));
	if (answer != NULL && doubtful)
		agree_at = wf_clock_real_steady() + AGREE_PAUSE * INT64CONST(1000);
	return answer;
}

/* Take what was claimed.  False: there is trouble, and the rest of it is claimed once more. */
static bool
receive_all(const PGresult *answer, int room)
{
	int			n = wf_line_library()->ntuples(answer);

	may_be_more = n == room;
	if (n > room)
	{
		wf_line_trouble(&talking, "the other server gives more runs than it was asked for");
		return false;
	}
	for (int i = 0; i < n; i++)
	{
		WfParcel	parcel;

		if (!wf_parcel_read(answer, i, &parcel))
		{
			wf_line_trouble(&talking, "the other server gives a run that makes no sense");
			return false;
		}
		if (!receive(&parcel))
			return false;
	}
	return true;
}

/* Claim what there is room for.  False: there is trouble. */
static bool
claim(void)
{
	MemoryContext context = CurrentMemoryContext;
	int			room = careful ? Min(wf_crew_room(), 1) : wf_crew_room();
	PGresult   *answer;
	bool		good;

	if (room == 0 || wf_postponed_any() || !wf_enabled || !is_at_home())
		return true;
	MemoryContextSwitchTo(context);
	if (!admitted && !ask_for_admission())
		return false;
	if (!admitted)
		return true;
	answer = ask_for_runs(room);
	if (answer == NULL)
		return false;
	good = receive_all(answer, room);
	wf_line_library()->clear(answer);
	if (!good)
		doubt();
	return good;
}

/* Begin to wait for something to be claimed.  False: there is trouble. */
static bool
begin_to_wait(void)
{
	const char *values[2] = {member.id, number(epoch)};

	waits_until = wf_clock_real_steady() + AWAIT_TIMEOUT * INT64CONST(1000);
	return wf_line_send(&waiting, AWAIT, lengthof(values), values, TIMEOUT);
}

/* Has the wait ended?  False: there is trouble. */
static bool
look_at_wait(void)
{
	PGresult   *answer;

	switch (wf_line_look(&waiting, &answer))
	{
		case WF_LINE_WAITS:
			if (wf_clock_real_steady() < waits_until)
				return true;
			wf_line_trouble(&waiting, "the other server does not answer");
			return false;
		case WF_LINE_ANSWERED:
			/* to claim in vain would cost the other server a transaction id, each time */
			may_be_more = may_be_more || strcmp(wf_line_value(answer, 0, "ready"), "f") != 0;
			wf_line_library()->clear(answer);
			return true;
		case WF_LINE_FAILED:
			break;
	}
	return false;
}

/* --- a cycle --------------------------------------------------------------------------------- */

/*
 * Another server may be the primary by now.  What a standby has to have replayed is said in WAL of
 * the one before, which may never come: it gets those runs anew, with other positions.
 */
static void
look_at_timeline(void)
{
	if (member.timeline == timeline)
		return;
	timeline = member.timeline;
	if (wf_reply_is_used() && wf_postponed_any())
		wf_postponed_forget();
	doubt();
}

/* The epoch may have changed: what was claimed under another one is not ours. */
static void
look_at_epoch(void)
{
	wf_membership_get(&member);
	look_at_timeline();
	may_be_more = may_be_more || member.pokes != pokes;
	pokes = member.pokes;
	if (member.epoch == epoch)
		return;
	wf_crew_give_up();
	wf_postponed_forget();
	close_lines();
	trouble = (WfPatience) {0};
	wf_membership_courier_trouble(NULL);
	admitted = false;
	epoch = member.epoch;
	may_be_more = untold = true;
}

/* Tell what is to be told.  False: there is trouble. */
static bool
tell(void)
{
	if (!wf_crew_tell_lost(&talking, TIMEOUT))
		return false;
	while (untold)
		if (!wf_delivery_tell_all(&talking, &member, TIMEOUT, &untold))
		{
			untold = true;
			return false;
		}
	return true;
}

/* Tell now and then how far we are, and look whether that is wanted still.  False: there is trouble. */
static bool
look_after_crew(void)
{
	if (wf_clock_real_steady() - looked_at < LOOK_PAUSE * INT64CONST(1000))
		return true;
	looked_at = wf_clock_real_steady();
	return wf_crew_look_after(&talking, TIMEOUT);
}

/* A standby that cannot do what it has claimed, since it has not replayed that, steps aside. */
static void
look_at_replay(void)
{
	WfAside		aside = {.epoch = epoch};

	if (wf_postponed_is_behind(&aside.position))
		wf_membership_step_aside(&aside);
}

/* What there is to do. */
static void
work(void)
{
	bool		was_at_work = wf_crew_is_at_work();

	look_at_epoch();
	wf_crew_look();
	if (!wf_postponed_give_again())
		doubt();				/* it comes once more, and is refused then */
	if (was_at_work)
		untold = true;
	look_at_replay();
	if (epoch == 0 || !wf_patience_is_over(&trouble) || !open_lines())
		return;
	if (waiting.asking && !look_at_wait())
		failed(&waiting);
	else if (!tell() || !look_after_crew() || ((may_be_more || is_in_doubt()) && !claim()) || (untold && !tell()))
		failed(&talking);
	else if (!waiting.asking && !may_be_more && wf_crew_room() > 0 && !begin_to_wait())
		failed(&waiting);
	else
	{
		if (trouble.failures > 0)
			wf_membership_courier_trouble(NULL);
		wf_patience_succeeded(&trouble, WAITING);
	}
}

/* How long (ms) there is nothing to do. */
static long
idle_for(void)
{
	int64		now = wf_clock_real_steady();

	if (trouble.next_at > now)
		return (trouble.next_at - now) / 1000 + 1;
	if (wf_postponed_any())
		return wf_reply_is_used() ? REPLAY_PAUSE : POSTPONED_PAUSE;
	if (epoch == 0 || !wf_crew_is_at_work())
		return waiting.asking ? Max((waits_until - now) / 1000, 0) + 1 : LOOK_PAUSE;
	return LOOK_PAUSE;
}

static void
sleep_for_a_while(void)
{
	int			events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
	pgsocket	socket = PGINVALID_SOCKET;

	if (waiting.asking)
	{
		socket = wf_line_library()->socket(waiting.conn);
		events |= WL_SOCKET_READABLE;
	}
	(void) WaitLatchOrSocket(MyLatch, events, socket, idle_for(), WaitEventExtensionNew("WorkflowCourierIdle"));
}

/*
 * On a standby: it is a primary now, and another courier may come, which can write; or the link
 * leads to another database, whose runs are done in that.
 */
static void
end_if_out_of_place(const char *database)
{
	WfMembership now;

	if (!wf_reply_is_used())
		return;
	wf_membership_get(&now);
	if (RecoveryInProgress() && strcmp(now.database, database) == 0)
		return;
	wf_errand_signal_all(SIGTERM);
	proc_exit(0);
}

/* before_shmem_exit */
static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	close_lines();
	wf_membership_courier_detach();
}

/* Entry point. */
void
wf_courier_main(Datum arg)
{
	MemoryContext context;
	WfMembership began;

	wf_bgworker_prepare(leave);
	if (wf_bgworker_args()->reads_only)
		wf_reply_begin();
	if (!wf_membership_courier_attach())
		return;
	wf_membership_get(&began);
	wf_bgworker_connect();
	wf_membership_courier_at(MyDatabaseId);
	(void) wf_line_library();
	wf_crew_begin();
	wf_postponed_begin();
	context = AllocSetContextCreate(TopMemoryContext, "workflow courier", ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		end_if_out_of_place(began.database);
		work();
		sleep_for_a_while();
	}
}

/*-------------------------------------------------------------------------
 *
 * member_change.c
 *	  What a transaction does to the cluster, told when it commits.
 *
 * Runs in any backend that changes rows of runtimes, or settings of the cluster.  The
 * rows are visible before this is told, so whoever reads them because of it reads what
 * was committed.  What is noted is in TopMemoryContext, and nothing is allocated where a
 * transaction ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/database_members.h"
#include "shmem/member.h"
#include "shmem/member_change.h"
#include "shmem/placed.h"
#include "shmem/watermark.h"

typedef enum ChangeKind
{
	CHANGE_ROW,					/* of no member in particular, or one that stays as it is */
	CHANGE_LOCAL,				/* this instance may do what it might not */
	CHANGE_LIVING,				/* it begins to live */
	CHANGE_DEAD,				/* it was declared dead */
	CHANGE_GONE					/* it has ended */
} ChangeKind;

typedef struct Change
{
	ChangeKind	kind;
	SubTransactionId by;
	char		id[WF_RUNTIME_ID_MAX + 1];
	int64		epoch;			/* of who was declared dead */
} Change;

static Change *changes = NULL;
static int	nchanges = 0;
static int	changes_size = 0;

static Change *
add(ChangeKind kind, const char *id)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Change	   *change;

	change = wf_array_grow(changes, nchanges, changes_size);
	MemoryContextSwitchTo(old);
	change->kind = kind;
	change->by = GetCurrentSubTransactionId();
	strlcpy(change->id, id, sizeof(change->id));
	return change;
}

/*
 * This transaction has a runtime live from its commit on.  Error 53400 if there is no
 * place for one more.
 */
void
wf_member_change_living(const char *id)
{
	(void) add(CHANGE_LIVING, id);
	if (!wf_member_reserve(id))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("there are too many runtimes"),
				 errdetail("Of all databases %d may live at a time.", wf_max_runtimes),
				 errhint("Shut some down, or increase workflow.max_runtimes.")));
}

/*
 * This transaction declares a runtime of that epoch dead; with silent, only if it has
 * said nothing for too long.  From now on it is not heard.  False: it is not for us.
 */
bool
wf_member_change_dead(const char *id, int64 epoch, bool silent)
{
	Change	   *change = add(CHANGE_DEAD, id);

	change->epoch = epoch;
	if (wf_member_fence(id, epoch, silent, wf_clock_steady()))
		return true;
	nchanges--;
	return false;
}

/* This transaction ends a runtime. */
void
wf_member_change_gone(const char *id)
{
	(void) add(CHANGE_GONE, id);
}

/* This transaction changes what rows of runtimes, or settings, say. */
void
wf_member_change_row(void)
{
	(void) add(CHANGE_ROW, "");
}

/* The same of this instance, whose executors look for runs then. */
void
wf_member_change_local(void)
{
	(void) add(CHANGE_LOCAL, "");
}

/* Has this transaction changed something, that others do not see yet? */
bool
wf_member_change_pending(void)
{
	return nchanges > 0;
}

static void
tell(const Change *change)
{
	int64		now = wf_clock_steady();

	switch (change->kind)
	{
		case CHANGE_ROW:
			wf_member_told(NULL, false, now);
			break;
		case CHANGE_LOCAL:
			wf_member_told(NULL, false, now);
			wf_watermark_look(MyDatabaseId, WF_LANE_RUNS);
			break;
		case CHANGE_LIVING:
			wf_member_told(change->id, true, now);
			break;
		case CHANGE_DEAD:
		case CHANGE_GONE:
			wf_member_told(change->id, false, now);
			break;
	}
}

/* Whose runs of queues are that are placed elsewhere may have changed: everybody looks. */
static void
place_anew(void)
{
	if (!wf_placed_look(MyDatabaseId))
		return;
	wf_watermark_look(MyDatabaseId, WF_LANE_RUNS);
	wf_database_stepped(MyDatabaseId);
}

static void
take_back(const Change *change)
{
	if (change->kind == CHANGE_LIVING)
		wf_member_free_reserved(change->id);
	else if (change->kind == CHANGE_DEAD)
		wf_member_fence_lift(change->id, change->epoch);
}

/* Nobody would tell when it ends, and the place of a member would be taken as long. */
static void
refuse_prepare(void)
{
	if (nchanges > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has changed runtimes or settings of the cluster"),
				 errhint("COMMIT it.")));
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (nchanges == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			for (int i = 0; i < nchanges; i++)
				tell(&changes[i]);
			nchanges = 0;
			place_anew();
			wf_database_members_look(MyDatabaseId);
			wf_database_latch(MyDatabaseId);
			break;
		case XACT_EVENT_ABORT:
			for (int i = 0; i < nchanges; i++)
				take_back(&changes[i]);
			nchanges = 0;
			place_anew();		/* who was about to be dead is not */
			break;
		case XACT_EVENT_PRE_PREPARE:
			refuse_prepare();
			break;
		default:
			break;
	}
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						 void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	/* those of subtransactions within it have later ids, and are behind */
	while (nchanges > 0 && changes[nchanges - 1].by >= mine)
		take_back(&changes[--nchanges]);
}

/* Registers the callbacks; once, from _PG_init. */
void
wf_member_change_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}

/*-------------------------------------------------------------------------
 *
 * claimer.c
 *	  Workers that are runtimes.
 *
 * Runs where workers claim runs.  A worker may call itself what it likes, but not by the
 * id of a runtime: what that one has claimed is others' when it is gone.  SPI must be
 * connected.
 *
 * Shared memory says whose epoch is over, but a runtime may end between a claim and its
 * commit, and who recovers it does not see what was not committed.  So the row of the
 * runtime is locked where the transaction ends, and read once more: either who ends the
 * runtime sees the claim, or the claim sees that.  Not before, since a claim may be a long
 * transaction, of one that has lost its connection, too.
 *
 * Locks: where the transaction ends, the row of the runtime, in shared mode, while it has
 * runs locked.  Who has locked the row skips runs that are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/array.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "cluster/claimer.h"
#include "cluster/member_load.h"
#include "cluster/member_right.h"
#include "cluster/member_state.h"
#include "run/run_claimed.h"
#include "shmem/member_change.h"
#include "store/runtime_row.h"
#include "store/statement.h"

/* A runtime that this transaction claims as. */
typedef struct Claimer
{
	SubTransactionId since;
	char		id[WF_RUNTIME_ID_MAX + 1];
	int64		epoch;
	Oid			login;
} Claimer;

static Claimer *claimers = NULL;	/* in the order of their subtransactions */
static int	nclaimers = 0;
static int	claimers_size = 0;

/* Error WF012: who has this epoch claims nothing any more. */
static void
refuse_epoch(const char *worker)
{
	ereport(ERROR,
			(errcode(WF_ERR_FENCE),
			 errmsg("the epoch is not that of runtime \"%s\"", wf_quote(worker)),
			 errhint("Stop what it does, and register it anew.")));
}

/* This transaction claims as a runtime that has this row. */
static void
note_claimer(const WfMemberRow *row)
{
	MemoryContext old;
	Claimer    *claimer;

	for (int i = 0; i < nclaimers; i++)
		if (claimers[i].epoch == row->epoch && strcmp(claimers[i].id, row->id) == 0)
			return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	claimer = wf_array_grow(claimers, nclaimers, claimers_size);
	MemoryContextSwitchTo(old);
	claimer->since = GetCurrentSubTransactionId();
	strlcpy(claimer->id, row->id, sizeof(claimer->id));
	claimer->epoch = row->epoch;
	claimer->login = row->login;
}

/* Error WF002 unless a runtime may work. */
static void
require_work(const WfMemberRow *row)
{
	if (!row->approved || row->role == WF_MEMBER_INTERFACE)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("runtime \"%s\" may not claim", wf_quote(row->id)),
				 row->approved ? errdetail("Its role is \"interface\".") :
				 errdetail("It was not approved yet.")));
}

/* A runtime that lives claims. */
static void
check_member(const WfMemberRow *row, const int64 *epoch)
{
	wf_member_right_require(row->id, row->login, NULL);
	if (epoch == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"epoch\" must not be null for a runtime"),
				 errdetail("\"%s\" is the id of a runtime.", wf_quote(row->id)),
				 errhint("It is what register_runtime() has returned.")));
	if (*epoch != row->epoch)
		refuse_epoch(row->id);
	note_claimer(row);
	require_work(row);
}

/*
 * May a runtime claim?  *member becomes what its row says.  Claims nothing.  Errors as
 * below.
 */
void
wf_claimer_require(const char *id, int64 epoch, WfMemberRow *member)
{
	bool		any;

	wf_member_load_if_changed();
	if (wf_member_find(id, member, &any) != WF_MEMBER_HEARD)
		refuse_epoch(id);
	wf_member_right_require(member->id, member->login, NULL);
	if (epoch != member->epoch)
		refuse_epoch(id);
	require_work(member);
}

/*
 * May a worker claim under its name?  epoch: NULL if it gives none.  True: it is a runtime,
 * of which *member is what its row says.  Errors: 22004 a runtime without epoch, WF012 the
 * epoch is over, WF018 another role's, WF002.
 */
bool
wf_claimer_check(const char *worker, const int64 *epoch, WfMemberRow *member)
{
	WfRuntimeRow row;
	bool		any;
	WfMemberHeard heard;

	wf_member_load_if_changed();
	heard = wf_member_find(worker, member, &any);
	if (heard == WF_MEMBER_HEARD)
		check_member(member, epoch);
	else if (epoch != NULL || heard == WF_MEMBER_FENCED || (any && wf_runtime_row_find(worker, &row)))
		refuse_epoch(worker);
	return heard == WF_MEMBER_HEARD;
}

/* --- the end of a transaction ----------------------------------------------------------- */

/*
 * From now on the runtime does not end before this transaction has.  Error WF012 if it
 * has, unless it has nothing: it ended here, and gave back what it had claimed.
 */
static void
require_life(const Claimer *claimer)
{
	WfRuntimeRow row;
	pg_uuid_t  *runs;

	if (wf_runtime_row_lock_shared(claimer->id, &row) && wf_member_state_lives(row.state) &&
		row.epoch == claimer->epoch)
		return;
	if (wf_run_claimed(claimer->id, claimer->login, &runs) > 0)
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("the epoch is not that of runtime \"%s\" any more", wf_quote(claimer->id)),
				 errdetail("It was supposed to be dead, or has registered anew, since this transaction claimed."),
				 errhint("Stop what it does, and register it anew.")));
}

/* Whoever this transaction has claimed as lives still, unless it has dropped the extension. */
static void
require_lives(void)
{
	if (!OidIsValid(get_namespace_oid("workflow", true)))
		return;
	/* a statement that ends transactions has no snapshot, and SPI wants one */
	wf_statement_connect();
	wf_statement_push_snapshot();
	for (int i = 0; i < nclaimers && wf_runtime_row_exists(); i++)
		require_life(&claimers[i]);
	PopActiveSnapshot();
	SPI_finish();
}

/* PREPARE TRANSACTION is refused after a claim that has got something. */
static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (nclaimers == 0)
		return;
	if (event == XACT_EVENT_PRE_COMMIT)
		require_lives();
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		nclaimers = 0;
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						 void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	/* those of subtransactions within it have later ids, and are behind */
	while (nclaimers > 0 && claimers[nclaimers - 1].since >= mine)
		nclaimers--;
}

/* Registers the callbacks; once, from _PG_init. */
void
wf_claimer_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}

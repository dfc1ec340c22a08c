/*-------------------------------------------------------------------------
 *
 * claimer.c
 *	  Workers that are runtimes.
 *
 * Runs where workers claim runs.  A worker may call itself what it likes, but not by the
 * id of a runtime: what that one has claimed is others' when it is gone.  SPI must be
 * connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "cluster/claimer.h"
#include "cluster/member_load.h"
#include "cluster/member_right.h"
#include "shmem/member_change.h"
#include "store/runtime_row.h"

/* Error WF012: who has this epoch claims nothing any more. */
static void
refuse_epoch(const char *worker)
{
	ereport(ERROR,
			(errcode(WF_ERR_FENCE),
			 errmsg("the epoch is not that of runtime \"%s\"", wf_quote(worker)),
			 errhint("Stop what it does, and register it anew.")));
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
	wf_member_change_acts(row->id, *epoch);
	if (!row->approved || row->role == WF_MEMBER_INTERFACE)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("runtime \"%s\" may not claim", wf_quote(row->id)),
				 row->approved ? errdetail("Its role is \"interface\".") :
				 errdetail("It was not approved yet.")));
}

/*
 * May a worker claim under its name?  epoch: NULL if it gives none.  Errors: 22004 a
 * runtime without epoch, WF012 the epoch is over, WF018 another role's, WF002.
 */
void
wf_claimer_check(const char *worker, const int64 *epoch)
{
	WfMemberRow member;
	WfRuntimeRow row;
	bool		any;
	WfMemberHeard heard = wf_member_find(worker, &member, &any);

	if (heard == WF_MEMBER_NOT_LOADED && !wf_member_change_pending())
	{
		wf_member_load();
		heard = wf_member_find(worker, &member, &any);
	}
	if (heard == WF_MEMBER_HEARD)
		check_member(&member, epoch);
	else if (epoch != NULL || heard == WF_MEMBER_FENCED || (any && wf_runtime_row_find(worker, &row)))
		refuse_epoch(worker);
}

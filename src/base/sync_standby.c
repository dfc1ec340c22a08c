/*-------------------------------------------------------------------------
 *
 * sync_standby.c
 *	  Does a synchronous standby confirm what is committed now?
 *
 * Runs in any backend.  Takes the spinlocks of the walsenders for moments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "replication/syncrep.h"
#include "utils/guc.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "base/sync_standby.h"

/* So many standbys have to confirm a commit; 0: none. */
static int
wanted(void)
{
	return SyncRepConfig != NULL ? SyncRepConfig->num_sync : 0;
}

/* So many of those that count stream at this moment. */
static int
streaming(void)
{
	SyncRepStandbyData *standbys;
	int			n = SyncRepGetCandidateStandbys(&standbys);

	pfree(standbys);
	return n;
}

/* Does a commit of this session wait for synchronous standbys? */
static bool
session_waits(void)
{
	return synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH;
}

/*
 * Is what this session commits confirmed by as many synchronous standbys as are to, or
 * does workflow.require_sync not ask for it?
 */
bool
wf_sync_standby_confirms(void)
{
	return !wf_require_sync ||
		(session_waits() && wanted() > 0 && streaming() >= wanted());
}

/* What is missing, for the detail of an error. */
static int
say_what_is_missing(void)
{
	if (!session_waits())
		return errdetail("The setting \"synchronous_commit\" of this session is %s.",
						 GetConfigOption("synchronous_commit", false, false));
	if (wanted() == 0)
		return errdetail("The setting \"synchronous_standby_names\" names none.");
	return errdetail("%d of the %d that have to confirm a commit are streaming.", streaming(), wanted());
}

/* Error WF019 unless wf_sync_standby_confirms(). */
void
wf_sync_standby_require(void)
{
	if (!wf_sync_standby_confirms())
		ereport(ERROR,
				(errcode(WF_ERR_NO_STANDBY),
				 errmsg("no synchronous standby confirms a claim"),
				 say_what_is_missing(),
				 errhint("The setting \"workflow.require_sync\" asks for it. Claim again when there is one.")));
}

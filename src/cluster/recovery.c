/*-------------------------------------------------------------------------
 *
 * recovery.c
 *	  What runtimes had in flight that have gone.
 *
 * Runs in the runtime process of the database, and in the sessions of runtimes that have
 * a service turn.  Steps and atomic runs have rolled back by themselves; the runs that a
 * runtime had claimed are decided about by their jobs, as those whose leases are over
 * (run/run_lost.c).  A recovery may end anywhere: each run is decided about once, and the
 * next one goes on with the others.  SPI must be connected.
 *
 * Locks: the row of the runtime that has gone, then runs.  Skips those that are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/postmaster.h"
#include "base/quote.h"
#include "cluster/member_load.h"
#include "cluster/member_state.h"
#include "cluster/recovery.h"
#include "run/run_claimed.h"
#include "shmem/member_change.h"
#include "shmem/member_silence.h"

/* What was decided about a run, by the state that it has. */
static const char *
decision_of(WfRunState state, bool asked)
{
	return asked ? "restorer" : state == WF_RUN_WAITING ? "retry" : state == WF_RUN_FAILED ? "fail" : "stop";
}

static bool
is_enough(const WfRecovery *recovery)
{
	return recovery->most > 0 && recovery->done >= recovery->most;
}

/*
 * Decide about the runs that a runtime has, which is locked.  False: some are left,
 * because they are locked, or too many.
 */
static bool
decide(WfRecovery *recovery, const WfRuntimeRow *runtime)
{
	pg_uuid_t  *runs;
	int			n = wf_run_claimed(runtime->id, runtime->login, &runs);
	int			done = 0;

	for (int i = 0; i < n && !is_enough(recovery); i++)
	{
		WfRunState	state;
		bool		asked;

		CHECK_FOR_INTERRUPTS();
		if (!wf_run_claimed_lose(runtime->id, &runs[i], &state, &asked))
		{
			recovery->locked = true;
			continue;
		}
		done++;
		recovery->done++;
		if (recovery->sink != NULL)
			recovery->sink(recovery->arg, runtime->id, &runs[i], decision_of(state, asked));
	}
	return done == n;
}

/*
 * A runtime that begins anew, and has its row locked, recovers itself.  What is locked is
 * taken away when it is not any more: wf_run_claimed_lose_orphans().
 */
void
wf_recovery_self(WfRecovery *recovery, const WfRuntimeRow *runtime)
{
	(void) decide(recovery, runtime);
}

/* --- who has gone -------------------------------------------------------------------- */

/* A runtime has said nothing for too long, unless it has meanwhile. */
static bool
terminate(const WfMember *member)
{
	WfRuntimeRow row;

	if (!wf_runtime_row_try_lock(member->row.id, &row) || !wf_member_state_lives(row.state) ||
		row.epoch != member->row.epoch || !wf_member_change_dead(row.id, row.epoch, true))
		return false;
	wf_member_state_change(&row, WF_RUNTIME_TERMINATED);
	wf_runtime_row_update(&row);
	ereport(LOG,
			(errmsg("workflow runtime \"%s\" has said nothing for too long", wf_quote(row.id)),
			 errdetail("What it had claimed is decided about by its jobs.")));
	return true;
}

/*
 * Declare runtimes terminated that have been silent for too long; while the server shuts down
 * none, since they cannot come in to beat.  Returns how many.
 */
int
wf_recovery_terminate_silent(void)
{
	WfMember   *members;
	int			n;
	int			terminated = 0;

	if (wf_member_silence_at(MyDatabaseId) > wf_clock_steady() ||
		wf_member_silence_slept(wf_clock_steady()) || wf_postmaster_is_stopping())
		return 0;
	n = wf_member_list(&members);
	for (int i = 0; i < n; i++)
		terminated += terminate(&members[i]);
	return terminated;
}

/* --- recovery ------------------------------------------------------------------------ */

/* The one who recovers takes a runtime over that is locked; false: there is nothing to do. */
static bool
take_over(const WfRecovery *recovery, WfRuntimeRow *row)
{
	if (row->state == WF_RUNTIME_DEAD)
		return false;
	if (row->state == WF_RUNTIME_SINGLE)
		wf_member_state_change(row, WF_RUNTIME_TERMINATED);
	if (row->state == WF_RUNTIME_TERMINATED)
		wf_member_state_change(row, WF_RUNTIME_RESTORE);
	else if (row->state != WF_RUNTIME_RESTORE)
		return false;
	row->restorer = recovery->by;
	row->restorer_epoch = recovery->epoch;
	return true;
}

/* Is it that one who recovers it already? */
static bool
is_at_it(const WfRecovery *recovery, const WfRuntimeRow *row)
{
	return row->state == WF_RUNTIME_RESTORE && row->restorer != NULL &&
		strcmp(row->restorer, recovery->by) == 0 && row->restorer_epoch == recovery->epoch;
}

/*
 * Recover a runtime that is locked; it is dead when nothing of what it had is left.  Who looks
 * again for what is locked writes nothing.
 */
static void
recover(WfRecovery *recovery, WfRuntimeRow *row)
{
	bool		again = is_at_it(recovery, row);

	if (!take_over(recovery, row))
		return;
	if (decide(recovery, row))
	{
		wf_member_state_change(row, WF_RUNTIME_DEAD);
		row->restorer = NULL;
	}
	else if (again)
		return;
	wf_runtime_row_update(row);
	wf_member_change_row();
}

/* Error WF018: there is no such runtime. */
static void
not_registered(const char *runtime)
{
	ereport(ERROR,
			(errcode(WF_ERR_RUNTIME),
			 errmsg("runtime \"%s\" is not registered", wf_quote(runtime))));
}

/*
 * Recover a runtime that has gone.  Errors WF018 if it is not registered, WF017 if it
 * lives.
 */
void
wf_recovery_of(WfRecovery *recovery, const char *runtime)
{
	WfRuntimeRow row;

	if (!wf_runtime_row_lock(runtime, &row))
		not_registered(runtime);
	if (wf_member_state_lives(row.state) && row.kind != WF_RUNTIME_LOCAL &&
		wf_member_change_dead(row.id, row.epoch, true))
		wf_member_state_change(&row, WF_RUNTIME_TERMINATED);
	if (wf_member_state_lives(row.state))
		ereport(ERROR,
				(errcode(WF_ERR_IN_USE),
				 errmsg("runtime \"%s\" is %s", wf_quote(runtime), wf_runtime_row_state_name(row.state)),
				 errdetail("What it has in flight is its own.")));
	recover(recovery, &row);
}

/*
 * Recover the runtimes that need it, the most urgent first, as far as nobody else is at
 * it.  Returns whether there may be more to do at once.
 */
bool
wf_recovery_turn(WfRecovery *recovery)
{
	Datum	   *met = NULL;
	int			nmet = 0;
	int			met_size = 0;

	while (!is_enough(recovery))
	{
		ArrayType  *but = construct_array(met, nmet, TEXTOID, -1, false, TYPALIGN_INT);
		const char *id = wf_runtime_row_to_recover(recovery->by, but);
		WfRuntimeRow row;

		if (id == NULL)
			return false;
		CHECK_FOR_INTERRUPTS();
		*wf_array_grow(met, nmet, met_size) = CStringGetTextDatum(id);
		if (wf_runtime_row_try_lock(id, &row))
			recover(recovery, &row);
		else
			recovery->locked = true;
	}
	return true;
}

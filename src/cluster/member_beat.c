/*-------------------------------------------------------------------------
 *
 * member_beat.c
 *	  Runtimes say that they live, and hear what they are to do.
 *
 * Runs in the sessions of runtimes.  Touches no table, has no transaction id and writes
 * nothing, but where shared memory is out of date, or the runtime says something for the
 * first time since a start of the server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "cluster/member_beat.h"
#include "cluster/member_load.h"
#include "cluster/member_right.h"
#include "cluster/member_state.h"
#include "shmem/member_change.h"
#include "shmem/owner.h"
#include "store/origin.h"
#include "store/runtime_row.h"
#include "store/statement.h"

/* Read what shared memory has not.  Where it has no place for that, it would be read for ever. */
static void
load(void)
{
	wf_statement_connect();
	wf_origin_require();
	wf_member_load();
	SPI_finish();
	if (!wf_member_has_cluster())
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use workflow"),
				 errdetail("Runtimes of %d databases may say that they live.", wf_max_databases),
				 errhint("You might need to increase workflow.max_databases.")));
}

/*
 * It has no place in shared memory: it does not live, which the one who asks may know by
 * its epoch being over; or there is no place.
 */
static void
look_at_row(const WfMemberBeat *beat)
{
	WfRuntimeRow row;
	bool		lives = false;

	wf_statement_connect();
	if (wf_runtime_row_find(beat->id, &row))
	{
		wf_member_right_require(row.id, row.login, row.address);
		lives = row.kind != WF_RUNTIME_LOCAL && wf_member_state_lives(row.state) &&
			row.epoch == beat->epoch;
	}
	SPI_finish();
	if (lives)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("there are too many runtimes"),
				 errdetail("Of all databases %d may live at a time.", wf_max_runtimes),
				 errhint("Shut some down, or increase workflow.max_runtimes.")));
}

/* It speaks for the first time since a start has given it grace: the next one may, too. */
static void
end_grace(const WfMemberRow *row)
{
	wf_statement_connect();
	wf_member_change_row();
	wf_runtime_row_grace(row->id, row->epoch, false);
	SPI_finish();
}

/*
 * Hear a beat.  False: that epoch is over, and the runtime has to stop what it does at
 * once.  Errors WF018 if it is another role's, 53400 if there is no place for one that lives, or
 * for its database.
 */
bool
wf_member_beat(WfMemberBeat *beat, WfMemberAnswer *answer)
{
	beat->as = GetUserId();
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		switch (wf_member_hear(beat, wf_clock_steady(), answer))
		{
			case WF_MEMBER_HEARD:
				if (answer->row.graced)
					end_grace(&answer->row);
				return true;
			case WF_MEMBER_FENCED:
				wf_member_load_refuse_changes();
				return false;
			case WF_MEMBER_ABSENT:
				wf_member_load_refuse_changes();
				look_at_row(beat);
				return false;
			case WF_MEMBER_OTHERS:
				wf_member_right_require(beat->id, answer->row.login, NULL);
				beat->as = answer->row.login;
				break;
			case WF_MEMBER_NOT_LOADED:
				load();
				break;
		}
	}
}

/* The same.  Error WF012 if the epoch is over. */
void
wf_member_beat_require(WfMemberBeat *beat, WfMemberAnswer *answer)
{
	if (!wf_member_beat(beat, answer))
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("the epoch is not that of runtime \"%s\"", wf_quote(beat->id)),
				 errdetail("It has ended, was supposed to be dead, or has registered anew."),
				 errhint("Stop what it does, and register it anew.")));
}

/* Is there so much to do that all who have turns may look for it, whoever's turn it is? */
bool
wf_member_beat_everybody(const WfMemberAnswer *answer)
{
	return answer->takes_turns && (answer->backlog || wf_owner_any_backlog(MyDatabaseId));
}

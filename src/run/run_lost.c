/*-------------------------------------------------------------------------
 *
 * run_lost.c
 *	  Runs that nobody is at any more.
 *
 * A run is lost when the executor or the worker that has claimed it ended, or went
 * away, without a word.  That is no attempt: it comes again, but three times in a row
 * at most.  What it is to be otherwise its job says, or a restorer, which is asked
 * (run_restorer.c).  A shutdown of the server does not count.  Recovered by the runtime of
 * the database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "base/postmaster.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "base/version.h"
#include "job/job.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_lost.h"
#include "run/run_over.h"
#include "run/run_restorer.h"
#include "shmem/instance.h"
#include "shmem/log_budget.h"
#include "shmem/slot.h"
#include "store/run.h"
#include "store/statement.h"

/* So often in a row a run may be lost. */
#define MOST_LOSSES		3

/* Runs recovered at a time. */
#define PIECE			1000

static WfStatement running_statement = {
	.sql = "SELECT r.id, r.fence FROM workflow.run r"
	" WHERE r.state OPERATOR(pg_catalog.>) 0 AND r.state OPERATOR(pg_catalog.<) 3 AND r.lease_until IS NULL"
};

/* So many are named in the log at a time. */
#define NOTES_MAX		50

/* What became of it. */
typedef enum Fate
{
	FATE_WAITS,
	FATE_ASKS,
	FATE_FAILED
} Fate;

static const char *const fates[] = {
	[FATE_WAITS] = "workflow: run %s of job \"%s\" was lost, and waits for its turn again",
	[FATE_ASKS] = "workflow: run %s of job \"%s\" was lost, and its restorer decides about it",
	[FATE_FAILED] = "workflow: run %s of job \"%s\" was lost, and has failed"
};

/* A run that was lost, for the log. */
typedef struct Note
{
	TransactionId by;			/* has recorded it, if it has committed */
	pg_uuid_t	run;
	char		job[WF_LOG_SUBJECT_LENGTH];
	Fate		fate;
} Note;

static Note notes[NOTES_MAX];
static int	nnotes = 0;

static void
note(const WfRunRow *row, const WfJob *job, Fate fate)
{
	Note	   *next = &notes[nnotes];

	if (nnotes == NOTES_MAX)
		return;
	nnotes++;
	next->by = GetCurrentTransactionId();
	next->run = *wf_run_row_id(row);
	strlcpy(next->job, job->name, pg_mbcliplen(job->name, strlen(job->name), sizeof(next->job) - 1) + 1);
	next->fate = fate;
}

/*
 * A transaction has ended in which runs may have been recorded as lost: if it has
 * committed, the log is told.
 */
void
wf_run_lost_report(void)
{
	for (int i = 0; i < nnotes; i++)
	{
		const Note *lost = &notes[i];
		WfLogSubject subject = {.level = lost->fate == FATE_FAILED ? WARNING : LOG};

		wf_log_budget_name(&subject, "job:", lost->job);
		if (TransactionIdDidCommit(lost->by) && wf_log_budget_take(&subject))
			ereport(subject.level,
					(errmsg(fates[lost->fate], wf_uuid_text(&lost->run), wf_quote(lost->job)),
					 errdetail("The executor or the worker that had it ended without a word.")));
	}
	nnotes = 0;
}

/* What a run that was lost too often, or may not be, has for an error. */
static Jsonb *
error_of_loss(void)
{
	const char *keys[] = {"code", "message"};
	Jsonb	   *values[] = {
		wf_jsonb_string("lost"),
		wf_jsonb_string("the executor or the worker that had the run ended without a word")
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*
 * What becomes of a run that is locked, and was lost: retry or not, it comes three times in
 * a row at most.  Returns its state.
 */
static WfRunState
decide(WfRunRow *row, bool retry)
{
	if (retry && DatumGetInt16(row->values[WF_RUN_losses]) < MOST_LOSSES)
	{
		wf_run_failure_wait(row, wf_run_row_due(row), NULL);
		return WF_RUN_WAITING;
	}
	wf_run_failure_end(row, error_of_loss());
	return WF_RUN_FAILED;
}

/*
 * For run_over.c: if the restorer has ended for which a run waits that is locked, do what
 * it has decided; what it came to otherwise leaves that to the job.
 */
static bool
restored(WfRunRow *row)
{
	const WfJob *job = wf_job(wf_run_row_job(row));
	WfRunDecision decision;

	if (!wf_run_restorer_decision(wf_run_row_id(row), &decision))
		return false;
	wf_run_row_clear(row, WF_RUN_awaits);
	(void) decide(row, decision == WF_RUN_DECISION_DEFAULT ? job->on_lost == WF_JOB_LOST_RETRY :
				  decision == WF_RUN_DECISION_RETRY);
	return true;
}

/* Called by _PG_init(). */
void
wf_run_lost_init(void)
{
	wf_run_over_init(restored);
}

/* A run that is locked was lost; counted: by something that may be its fault. */
static WfRunState
lose(WfRunRow *row, bool counted)
{
	const WfJob *job = wf_job(wf_run_row_job(row));
	WfRunState	state;

	/* an atomic one waits still: its permits have gone with its transaction */
	if (DatumGetInt16(row->values[WF_RUN_state]) != WF_RUN_WAITING)
		wf_run_fence_give_permits(row);
	if (DatumGetInt16(row->values[WF_RUN_state]) == WF_RUN_ABORTING)
		return wf_run_failure_stopped(row, error_of_loss());
	if (counted)
		wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(DatumGetInt16(row->values[WF_RUN_losses]) + 1));
	if (wf_run_restorer_ask(row, job))
	{
		note(row, job, FATE_ASKS);
		return WF_RUN_WAITING;
	}
	state = decide(row, job->on_lost == WF_JOB_LOST_RETRY);
	note(row, job, state == WF_RUN_FAILED ? FATE_FAILED : FATE_WAITS);
	return state;
}

/*
 * A run that is locked was lost: it waits for its turn again, or for what its restorer
 * decides, or has failed.  Its permits come back at commit.  Returns its state.
 */
WfRunState
wf_run_lost(WfRunRow *row)
{
	return lose(row, true);
}

/*
 * Was the server shut down while its executor was at it, and by nothing that went wrong?
 * In the midst of a shutdown, too: executors may have ended before the runtime is told.
 */
static bool
was_shut_down(const WfRunRow *row)
{
	if (wf_postmaster_is_stopping())
		return true;
	return !wf_instance->unclean_start && DatumGetTimestampTz(row->values[WF_RUN_begun]) < PgStartTime;
}

/*
 * Recover tracked runs whose executors are not there any more: a piece of them.
 * Returns whether there may be more; *locked: some that nobody is at are left, since their
 * rows are locked.  SPI must be connected.
 */
bool
wf_run_lost_recover(bool *locked)
{
	uint64		n;
	SPITupleTable *found;
	int			recovered = 0;

	*locked = false;
	if (!wf_version_has_column("run", "id"))
		return false;
	n = wf_statement_execute(&running_statement, NULL, NULL, 0);
	found = SPI_tuptable;
	for (uint64 i = 0; i < n && recovered < PIECE; i++)
	{
		bool		isnull;
		pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull));
		int64		fence = DatumGetInt64(SPI_getbinval(found->vals[i], found->tupdesc, 2, &isnull));
		WfRunRow	row;

		if (isnull || wf_slot_has_fence(fence))
			continue;
		if (!wf_run_lock(id, false, &row))
		{
			*locked = true;
			continue;
		}
		/* it may have changed since the look that found it */
		if (!wf_run_fence_is(&row, fence))
			continue;
		(void) lose(&row, !was_shut_down(&row));
		recovered++;
	}
	return recovered == PIECE;
}

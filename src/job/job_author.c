/*-------------------------------------------------------------------------
 *
 * job_author.c
 *	  Code of the author of a job: as whom, for how long.
 *
 * Runs in any backend.  What the author has written (commands, checks, defaults,
 * and the checks of domains that parameters are of) runs as the owner of the job,
 * with the author's settings, whoever calls; in a session that is not the owner's
 * it is restricted as actions are (eval/restricted.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "eval/step_timeout.h"
#include "job/job_author.h"
#include "store/statement.h"

/*
 * Enter the context of a job's author, unless it is entered already; see
 * wf_user_context_enter().  Error WF002 if the owner is a superuser by now, and
 * workflow.allow_superuser is off.
 */
void
wf_job_author_enter(const WfJob *job, WfUserContext *bracket)
{
	if (!bracket->open && superuser_arg(job->author.role) && !wf_allow_superuser)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("the owner of job \"%s\" is a superuser", job->name),
				 errdetail("Its code would run as superuser \"%s\".",
						   GetUserNameFromId(job->author.role, true)),
				 errhint("Set workflow.allow_superuser to on to allow this.")));
	wf_user_context_enter(&job->author, bracket);
}

/* Until when code may run that begins now; *of: what says so. */
static TimestampTz
limit_of(const Interval *timeout, WfLimitOf *of)
{
	TimestampTz now;
	TimestampTz until;
	TimestampTz own;

	*of = WF_LIMIT_OF_SETTING;
	if (timeout == NULL && wf_step_timeout == 0)
		return DT_NOEND;
	now = GetCurrentTimestamp();
	until = wf_step_timeout_until(now);
	if (timeout == NULL)
		return until;
	own = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												  TimestampTzGetDatum(now),
												  IntervalPGetDatum(timeout)));
	if (own >= until)
		return until;
	*of = WF_LIMIT_OF_JOB;
	return own;
}

/*
 * Have code of the author run, code(arg), under a new snapshot; it may call
 * functions of the extension, so no statement of ours is under way meanwhile.
 * bracket: as for wf_job_author_enter(); it stays open.  timeout: NULL for that of
 * the setting only.
 */
void
wf_job_author_run(const WfJob *job, WfUserContext *bracket, const Interval *timeout,
				  WfJobCode code, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	bool		look_only;
	WfStepTimeout outer;
	WfLimitOf	of;
	TimestampTz until = limit_of(timeout, &of);

	wf_job_author_enter(job, bracket);
	look_only = wf_statement_look_only(false);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	wf_step_timeout_begin(&outer, until, of);
	PG_TRY();
	{
		code(arg);
	}
	PG_CATCH();
	{
		wf_step_timeout_failed(&outer, context);
		(void) wf_statement_look_only(look_only);
		PG_RE_THROW();
	}
	PG_END_TRY();
	(void) wf_statement_look_only(look_only);
	wf_step_timeout_end(&outer);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

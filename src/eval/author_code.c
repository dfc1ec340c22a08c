/*-------------------------------------------------------------------------
 *
 * author_code.c
 *	  Code of an author that is part of no step: as whom, for how long.
 *
 * Runs in any backend.  What the author has written (commands of jobs, checks and
 * defaults of parameters, and the checks of domains that these are of) runs as the
 * owner, with the author's settings, whoever calls; in a session that is not the
 * owner's it is restricted as actions are (eval/restricted.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "eval/author_code.h"
#include "store/statement.h"

/* Until when code may run that begins now, if only the setting limits it. */
TimestampTz
wf_author_code_until(void)
{
	return wf_step_timeout == 0 ? DT_NOEND : wf_step_timeout_until(GetCurrentTimestamp());
}

/*
 * Have code of the author run, code(arg), under a new snapshot, until this time, which
 * `of` says the limit of; it may call functions of the extension, so no statement of
 * ours is under way meanwhile.  The author's context is entered, unless it is entered
 * already, and bracket stays open.  Errors are those of wf_user_context_enter(), and
 * of the code.
 */
void
wf_author_code_run(const WfAuthor *author, WfUserContext *bracket, TimestampTz until,
				   WfLimitOf of, WfAuthorCode code, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	bool		look_only;
	WfStepTimeout outer;

	wf_user_context_enter(author, bracket);
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

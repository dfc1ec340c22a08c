/*-------------------------------------------------------------------------
 *
 * run_tell.c
 *	  Processes hear of the ends of runs that they have invoked.
 *
 * In the transaction in which a run ends, an event of its process is inserted, which
 * counts only while the process has that run.  No process is locked, as by post().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/jsonb.h"
#include "definition/privilege.h"
#include "job/job.h"
#include "run/run_tell.h"
#include "store/run_request.h"
#include "store/timer.h"

/* The error of a run that has none of its own: it was not done. */
static Jsonb *
error_of_state(WfRunState state)
{
	const char *keys[] = {"code", "message"};
	Jsonb	   *values[] = {
		wf_jsonb_string(wf_run_row_state_name(state)),
		wf_jsonb_string(state == WF_RUN_EXPIRED ? "the run was not begun in time" : "the run was cancelled")
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* What the view runs does not show to those who may not read the job. */
static Jsonb *
without_secrets(Jsonb *error)
{
	return wf_jsonb_patch(error, wf_jsonb_parse("{\"detail\": null, \"hint\": null, \"context\": null}"));
}

/* The error of a run, as far as the role that has made it may see it. */
static Jsonb *
error_of(const WfRunEnd *end)
{
	const WfJob *job = wf_job(wf_run_row_job(end->row));
	Oid			starter = DatumGetObjectId(end->row->values[WF_RUN_starter]);

	if (end->error == NULL)
		return error_of_state(end->state);
	return wf_privilege_role_may_on(starter, WF_PRIVILEGE_JOB, job->name, job->author.role, "read") ?
		end->error : without_secrets(end->error);
}

static bool
is_to_be_told(const WfRunEnd *end)
{
	return !end->row->nulls[WF_RUN_process] && !end->untold && !wf_run_request_is_unwanted(end->row);
}

/*
 * These runs have ended: done.invoke.ID with the result, or error.invoke.ID with the
 * error, for those that have invoked them.  SPI must be connected.
 */
void
wf_run_tell(int n, const WfRunEnd *ends)
{
	WfTimerNotice *notices = palloc(sizeof(WfTimerNotice) * n);
	int			told = 0;

	for (int i = 0; i < n; i++)
	{
		const WfRunEnd *end = &ends[i];
		bool		finished = end->state == WF_RUN_FINISHED;

		if (likely(!is_to_be_told(end)))
			continue;
		notices[told++] = (WfTimerNotice) {
			.process = *DatumGetUUIDP(end->row->values[WF_RUN_process]),
			.sender = *wf_run_row_id(end->row),
			.event = psprintf("%s.invoke.%s", finished ? "done" : "error",
							  TextDatumGetCString(end->row->values[WF_RUN_invoke])),
			.data = finished ? end->result : error_of(end),
			.trace = wf_run_row_span(end->row)
		};
	}
	if (told > 0)
		wf_timer_notify(told, notices);
	pfree(notices);
}

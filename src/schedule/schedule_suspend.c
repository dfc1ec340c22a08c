/*-------------------------------------------------------------------------
 *
 * schedule_suspend.c
 *	  Schedules that could not be fired: tried again, or suspended with the reason.
 *
 * Runs in executors, between batches, with the row of the schedule locked.  The occurrence
 * is not lost: it is still the next one, and what is done about it when the schedule goes on
 * is what is done about any that was missed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "definition/retry.h"
#include "schedule/schedule_suspend.h"
#include "schedule/schedule_time.h"

/* So many times in a row a schedule may end the server. */
#define MOST_LOSSES		3

/* As a shortage is counted that does not end. */
#define MOST_ATTEMPTS	30000

/* Does an error say that the schedule does not fit any more, so that to wait is no use? */
static bool
is_for_good(int code)
{
	return code == WF_ERR_NO_JOB || code == WF_ERR_NO_DEFINITION || code == WF_ERR_NOT_ALLOWED ||
		code == WF_ERR_PARAMETERS || code == ERRCODE_UNDEFINED_OBJECT;
}

/* Or that it would fit if there were room, or a pause were over? */
static bool
is_for_now(int code)
{
	return code == WF_ERR_FULL || code == WF_ERR_SUSPENDED ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_SYSTEM_ERROR;
}

/* {"code", "message", "detail"} */
static Jsonb *
describe(const char *code, const char *message, const char *detail)
{
	static const char *keys[] = {"code", "message", "detail"};
	Jsonb	   *values[] = {wf_jsonb_string(code), wf_jsonb_string(message), wf_jsonb_string_or_null(detail)};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

static void
suspend(WfSchedule *schedule, const char *message)
{
	schedule->suspended_at = wf_clock_now();
	schedule->due = DT_NOEND;
	ereport(WARNING,
			(errmsg("schedule \"%s\" is suspended: %s", schedule->name, message),
			 errhint("workflow.resume_schedule() tries it again.")));
}

/*
 * A schedule could not be fired: it is tried again later, or suspended: true.
 * SPI must be connected, as for all of these.
 */
bool
wf_schedule_suspend_failed(WfSchedule *schedule, const ErrorData *error)
{
	const char *code = unpack_sql_state(error->sqlerrcode);
	bool		again;
	TimestampTz due;

	schedule->attempts = Min(schedule->attempts + 1, MOST_ATTEMPTS);
	again = wf_retry_plan(NULL, code, schedule->attempts, &due) || is_for_now(error->sqlerrcode);
	again = again && !is_for_good(error->sqlerrcode);
	schedule->error = describe(code, error->message, error->detail);
	schedule->due = due;
	if (!again)
		suspend(schedule, error->message);
	wf_schedule_row_update(schedule);
	return !again;
}

/* It has ended the server, perhaps: suspended, if too often.  True: it is. */
bool
wf_schedule_suspend_lost(WfSchedule *schedule)
{
	const char *message = "the server ended while it was fired, again and again";

	if (schedule->losses < MOST_LOSSES)
		return false;
	schedule->error = describe(unpack_sql_state(ERRCODE_CRASH_SHUTDOWN), message, NULL);
	suspend(schedule, message);
	wf_schedule_row_update(schedule);
	return true;
}

/* Nothing is known any more of what has failed; the occurrence comes next as it would have. */
void
wf_schedule_suspend_end(WfSchedule *schedule)
{
	schedule->suspended_at = DT_NOEND;
	schedule->attempts = schedule->losses = 0;
	schedule->error = NULL;
	wf_schedule_time_plan(schedule, schedule->next);
}

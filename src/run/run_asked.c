/*-------------------------------------------------------------------------
 *
 * run_asked.c
 *	  What runs were asked while others were at them.
 *
 * Runs in the runtime of a database, after the commit of who has asked, and again until
 * nobody else has the run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "run/run_asked.h"
#include "run/run_cancel.h"
#include "run/run_signal.h"
#include "run/run_unwanted.h"
#include "store/run_request.h"

/* After one that is locked we look again so soon (ms). */
#define LOCKED_PAUSE	200

/* False: somebody has the run locked. */
static bool
settle(const WfRunWord *request)
{
	switch (request->what)
	{
		case WF_RUN_ASKED_UNWANTED:
			return wf_run_unwanted_settle(&request->run);
		case WF_RUN_ASKED_STOP:
		case WF_RUN_ASKED_STOP_NOW:
			return wf_run_cancel_settle(request);
		case WF_RUN_ASKED_SIGNAL:
			break;
	}
	return wf_run_signal_settle(request);
}

/*
 * Settle what runs were asked, a piece of it; *more: there is other.  Returns when to look
 * again; infinity: there was none that somebody has.  SPI must be connected.
 */
TimestampTz
wf_run_asked_settle(bool *more)
{
	WfRunWord *requests = palloc(sizeof(WfRunWord) * WF_RUN_REQUEST_PIECE);
	int			n = wf_run_request_list(requests);
	int			locked = 0;

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (settle(&requests[i]))
			wf_run_request_forget(&requests[i]);
		else
			locked++;
	}
	if (n == WF_RUN_REQUEST_PIECE && locked < n)
		*more = true;
	return locked == 0 ? DT_NOEND : TimestampTzPlusMilliseconds(wf_clock_now(), LOCKED_PAUSE);
}

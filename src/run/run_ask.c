/*-------------------------------------------------------------------------
 *
 * run_ask.c
 *	  Runs that are asked something while others may be at them.
 *
 * Runs in the sessions of clients and in the runtime.  Whoever is at a run, claims or ends
 * it, may take long until the transaction ends: nobody waits for that.  Who asks leaves
 * word, which run_asked.c settles when the run is free.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "run/run_ask.h"
#include "shmem/wakeup_runs.h"
#include "store/run.h"

/*
 * Most have a run for a moment only; then the answer is what becomes of it.  The first and
 * the last pause (us): a tenth of a second in all.
 */
#define FIRST_PAUSE		500
#define LAST_PAUSE		(64 * 1000)

/* Lock a run, unless another transaction has it.  SPI must be connected, as for all of these. */
WfRunFound
wf_run_ask_lock(const pg_uuid_t *id, WfRunRow *row)
{
	if (wf_run_lock(id, false, row))
		return WF_RUN_OURS;
	return wf_run_find(id, row) ? WF_RUN_BUSY : WF_RUN_GONE_BY;
}

/* The same, but of one that is free in a moment. */
WfRunFound
wf_run_ask_lock_soon(const pg_uuid_t *id, WfRunRow *row)
{
	WfRunFound	found = wf_run_ask_lock(id, row);

	for (int pause = FIRST_PAUSE; found == WF_RUN_BUSY && pause <= LAST_PAUSE; pause *= 2)
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(pause);
		found = wf_run_ask_lock(id, row);
	}
	return found;
}

/* Leave word: the runtime settles it after this transaction. */
void
wf_run_ask_later(const WfRunWord *request)
{
	wf_run_request_add(request);
	wf_wakeup_runs_lease(wf_clock_now());
}

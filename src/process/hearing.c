/*-------------------------------------------------------------------------
 *
 * hearing.c
 *	  Who would take the event that tells a process of a failure.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "process/error_event.h"
#include "process/hearing.h"
#include "process/process.h"
#include "store/timer.h"

/* The argument of find_handler(). */
typedef struct Hearing
{
	WfProcess  *process;
	const WfTimerRow *told;
	const char *handler;		/* the state that would take it, and the event; or NULL */
} Hearing;

static void
find_handler(void *arg)
{
	Hearing    *hearing = arg;
	const char *state = wf_process_taker(hearing->process, hearing->told);

	if (state != NULL)
		hearing->handler = psprintf("%s %s", state, hearing->told->event);
}

/*
 * Which handler would take the event that tells a process of a failure: the state
 * that has the transition, and the event; or NULL if none would.  A guard that
 * fails says no.
 */
const char *
wf_hearing_handler(WfProcess *process, const WfTimerRow *told)
{
	Hearing		hearing = {process, told, NULL};

	if (!wf_process_handles(process, told->event) ||
		wf_error_event_try(process, false, find_handler, &hearing) != NULL)
		return NULL;
	return hearing.handler;
}

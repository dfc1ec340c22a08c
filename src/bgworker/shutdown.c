/*-------------------------------------------------------------------------
 *
 * shutdown.c
 *	  A shutdown of the server does not wait for ever for code that does not answer.
 *
 * Runs in executors.  The postmaster waits until all of its children have ended, however
 * long that takes.  User code answers interrupts; but a library that is called from it
 * may not, and an executor that is inside of it hears of nothing but signals.  If
 * workflow.shutdown_timeout says so, it ends itself from there, as if it had crashed:
 * what it did is rolled back, and the postmaster ends the others in the same way and goes
 * without a checkpoint.  The next start recovers, as after a crash.
 *
 * Only when the server shuts down: at another time this would end all sessions for the
 * sake of one executor.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/guc.h"
#include "base/postmaster.h"
#include "bgworker/bgworker.h"
#include "bgworker/shutdown.h"

/* As a process that has crashed. */
#define EXIT_CODE		2

static const char last_words[] =
"workflow: an executor whose code does not answer ends itself, workflow.shutdown_timeout after it was told to; this shutdown is not a clean one\n";

/*
 * In a signal handler, now and then while user code runs: has it been told to end for too
 * long?  Does not return then.
 */
void
wf_shutdown_check(void)
{
	int64		told = wf_bgworker_told_to_end();

	if (wf_shutdown_timeout == 0 || told == 0 ||
		wf_clock_real_steady() - told < wf_shutdown_timeout * INT64CONST(1000) || !wf_postmaster_is_stopping())
		return;
	(void) !write(STDERR_FILENO, last_words, sizeof(last_words) - 1);
	_exit(EXIT_CODE);
}

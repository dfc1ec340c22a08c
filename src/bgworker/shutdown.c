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
 * sake of one executor.  The postmaster says in its lock file that it does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/pidfile.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/shutdown.h"

/* As a process that has crashed. */
#define EXIT_CODE		2

/* The lock file is no larger; its lines are short but for two paths. */
#define LOCK_FILE_MAX	(3 * MAXPGPATH)

static char lock_file[MAXPGPATH + sizeof("/postmaster.pid")];

static const char last_words[] =
"workflow: an executor whose code does not answer ends itself, workflow.shutdown_timeout after it was told to; this shutdown is not a clean one\n";

/* At the start of an executor, whose code may change its directory. */
void
wf_shutdown_init(void)
{
	snprintf(lock_file, sizeof(lock_file), "%s/postmaster.pid", DataDir);
}

/* The line of the lock file in which the postmaster says how it is; NULL: there is none. */
static const char *
status_line(const char *content)
{
	for (int line = 1; line < LOCK_FILE_LINE_PM_STATUS; line++)
	{
		while (*content != '\0' && *content != '\n')
			content++;
		if (*content == '\0')
			return NULL;
		content++;
	}
	return content;
}

/* Does the server shut down?  Calls only what a signal handler may. */
static bool
is_stopping(void)
{
	char		content[LOCK_FILE_MAX];
	const char *status;
	ssize_t		n;
	int			file = open(lock_file, O_RDONLY | PG_BINARY);

	if (file < 0)
		return false;
	n = read(file, content, sizeof(content) - 1);
	(void) close(file);
	if (n <= 0)
		return false;
	content[n] = '\0';
	status = status_line(content);
	return status != NULL && strncmp(status, PM_STATUS_STOPPING, strlen(PM_STATUS_STOPPING)) == 0;
}

/*
 * In a signal handler, now and then while user code runs: has it been told to end for too
 * long?  Does not return then.
 */
void
wf_shutdown_check(void)
{
	int64		told = wf_bgworker_told_to_end();

	if (wf_shutdown_timeout == 0 || told == 0 ||
		wf_clock_real_steady() - told < wf_shutdown_timeout * INT64CONST(1000) || !is_stopping())
		return;
	(void) !write(STDERR_FILENO, last_words, sizeof(last_words) - 1);
	_exit(EXIT_CODE);
}

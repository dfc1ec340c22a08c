/*-------------------------------------------------------------------------
 *
 * postmaster.c
 *	  What the postmaster is about to do.
 *
 * Runs in any process, and in signal handlers.  Shared memory does not tell; the lock
 * file does, and does so before the first child hears of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/pidfile.h"

#include "base/postmaster.h"

/* The lock file is no larger; its lines are short but for two paths. */
#define LOCK_FILE_MAX	(3 * MAXPGPATH)

/* With its directory: user code may have changed that of the process. */
static char lock_file[MAXPGPATH + sizeof("/postmaster.pid")];

/* Called by _PG_init(). */
void
wf_postmaster_init(void)
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

/*
 * Does the server shut down?  True from before its first child is told until the next
 * start; false, too, if the lock file cannot be read.  Calls only what a signal handler may.
 */
bool
wf_postmaster_is_stopping(void)
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
